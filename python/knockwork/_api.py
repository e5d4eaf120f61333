"""The public functions: types, defaults and documentation over `_core`."""
from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal, Optional, Sequence, Union

from . import _core
from ._core import Knock, Knocked, Report, Spec, Status

_LOCK_TIMEOUT = timedelta(seconds=30)


def load(text: str, *, name: str = "<text>") -> Spec:
    """Read and validate a declaration: YAML, or JSON, which is YAML.

    `name` is what diagnostics call the text. Touches no file and no kernel.
    Raises InvalidDeclaration with every error found.
    """
    return _core.load(text, name)


def read(path: Union[str, os.PathLike[str]] = _core.DEFAULT_DECLARATION) -> Spec:
    """Read and validate a declaration's main file and the drop-ins conf.d/*.yml next to it.

    Raises InvalidDeclaration, and KnockworkError if the files cannot be read.
    """
    return _core.read(os.fspath(path))


def render(spec: Spec) -> str:
    """The table as a file for `nft -f`. It contains the knock ports: keep it private."""
    return _core.render(spec)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the main file."""
    document: dict[str, Any] = json.loads(_core.schema())
    return document


def host_key(master: bytes, host: str) -> bytes:
    """The key of one host of a fleet, from the fleet's master secret of 16 to 1024 bytes.

    HKDF-SHA256 (RFC 5869), as specified in docs/derivation.md. The host's name is converted to lower case. Raises
    KnockworkError if `host` is not a valid host name, ValueError if the secret has another length.
    """
    return _core.host_key(master, host)


def derive(key: bytes, sequence: str, epoch: int, *, length: int, protocols: Sequence[str] = ("udp",),
           ports: tuple[int, int] = (1024, 32767),
           exclude: Sequence[tuple[int, int]] = ()) -> tuple[Knock, ...]:
    """The knocks of a sequence in an epoch, as derived by a host with the same `derive` in its declaration.

    `key` is the host's key, 32 bytes: see host_key(). `ports` and `exclude` are ranges (first, last). Drawn without
    bias from HKDF-SHA256 (RFC 5869, 2.3); docs/derivation.md specifies every byte. Raises ValueError for values that a
    declaration could not contain.
    """
    return _core.derive(key, sequence, epoch, length, protocols, ports, exclude)


def token_key(host_key: bytes, sequence: str, serial: int = 1) -> bytes:
    """The key of one sequence with `token`, from the key of its host: all that one person's profile needs.

    HMAC-SHA256, as specified in docs/tokens.md. `serial` as in the declaration.
    """
    return _core.token_key(host_key, sequence, serial)


def token(key: bytes, window: int, *, losses: int = 0, period: timedelta = timedelta(seconds=15)) -> bytes:
    """One token, 16 bytes, from a sequence's key: see token_key() and docs/tokens.md."""
    return _core.token(key, window, losses, period)


def plan(spec: Spec, *, allow_absent: bool = False) -> Report:
    """The changes that would make the kernel of this network namespace match `spec`; changes nothing.

    Waits for no lock. Raises KnockworkError, also if none of the declared interfaces exists, unless `allow_absent`
    is set.
    """
    return _core.plan(spec, allow_absent)


def apply(spec: Spec, *, check: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT,
          confirm_within: Optional[timedelta] = None, revoke_retired: bool = False,
          allow_absent: bool = False) -> Report:
    """Make the kernel of this network namespace match `spec`, in one transaction.

    With `check`, only reports what would change. `Report.changed` is false if there was nothing to do. Waits up to
    `lock_timeout` for other users of knockwork. Raises KnockworkError; the table is then unchanged.

    With `confirm_within`, from 1 s to 1 h, the change is rolled back automatically unless confirm() is called in time,
    even if this process dies; `Report.pending` has its ID. If nothing changed, no rollback is scheduled.

    With `revoke_retired`, the grants of sequences that are removed or changed are revoked in the same transaction, and
    their connections are cut as by revoke(). Otherwise, the grants expire as usual and the connections continue.

    If none of the declared interfaces exists, nothing is applied unless `allow_absent` is set.
    """
    within = "" if confirm_within is None else f"{round(confirm_within.total_seconds() * 1000)}ms"
    return _core.apply(spec, check, lock_timeout, within, revoke_retired, allow_absent)


def confirm(id: str = "", *, fresh: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT) -> str:
    """Confirm the apply that waits, or only the one with this `id`. Returns its ID.

    With `fresh`, only if the ssh connection that this process runs in, or a knock for it, is newer than the apply.
    Raises KnockworkError; the apply is then rolled back when its time is up.
    """
    return _core.confirm(id, fresh, lock_timeout)


def rollback(id: str = "", *, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Roll back the apply that waits, or only the one with this `id`. Raises KnockworkError."""
    return _core.rollback(id, lock_timeout)


def grant(address: str, sequence: str, *, time: Optional[timedelta] = None, check: bool = False,
          lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Grant a source access as if it had knocked, for `time` or else for the sequence's open_for.

    `address` may be a network of up to 256 sources. Raises KnockworkError.
    """
    return _core.grant(address, sequence, time, check, lock_timeout)


def revoke(*, sequence: str = "", source: str = "", check: bool = False,
           lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Revoke grants, and cut the connections that no other grant covers: of a sequence, a source (an address or
    a network), both, or all.

    Once a grant has expired, there is no record of which sequence let a connection in: with `sequence`, all connections
    to its services are cut, except those from always_allow and the ssh connection that this process runs in.
    Raises KnockworkError.
    """
    return _core.revoke(sequence, source, check, lock_timeout)


def remove(*, check: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Remove the table from the kernel of this network namespace. Files stay.

    With `check`, only reports what would change. Raises KnockworkError.
    """
    return _core.remove(check, lock_timeout)


def status() -> Status:
    """The state of the gate in this network namespace: sequences, grants, lockouts. Raises KnockworkError."""
    return _core.status()


def knock(host: str, knocks: Iterable[str] = (), *, sequence: str = "", wait_open: str = "",
          profile: Optional[Union[str, os.PathLike[str]]] = None, source: str = "", interface: str = "",
          family: Literal["any", "ipv4", "ipv6"] = "any", both: bool = False, prove: bool = True,
          delay: Optional[timedelta] = None, jitter: timedelta = timedelta(), retries: Optional[int] = None,
          within: Optional[timedelta] = None, timeout: timedelta = timedelta(seconds=5)) -> Knocked:
    """Knock on a host, with the profile or with `knocks` like "7000/udp" and "8000/tcp".

    Proves that `wait_open` ("22/tcp") has opened, by default the first TCP port that the profile's sequence opens.
    Until it has, knocks again after increasing pauses, at most `retries` times and no longer than `within`; with
    neither, for the host's lockout, for each epoch that is tried, plus 10 seconds. Without such a port, or with
    `prove=False`, sends the knocks once.

    `sequence` selects one of several by name; default: the one that opens `wait_open`, or the only one. `profile`
    defaults to ~/.config/knockwork/hosts.yml; the caller must own it, and no other user may have access. `source` is a
    local address, `interface` a local interface. `both` knocks on one address of each family. `delay` is the time
    between two knocks; default: until the host answers, or 250 ms if it does not. `timeout` is the time to wait for
    each answer. Needs no privileges, and releases the GIL.

    A host that refuses or cannot be reached is not an exception: see `Knocked.outcome` and `Knocked.message`.
    Raises InvalidDeclaration for a faulty profile, ValueError for another `family` and for `wait_open` with
    `prove=False`, KnockworkError if this host cannot do what was requested.
    """
    if wait_open and not prove:
        raise ValueError("wait_open asks for a proof, and prove=False for none: pass one of them")
    return _core.knock(host, list(knocks), "" if profile is None else os.fspath(profile), sequence, wait_open,
                       source, interface, family, both, prove, delay, jitter, retries, within, timeout)
