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
    Raises InvalidDeclaration with every fault found.
    """
    return _core.load(text, name)


def read(path: Union[str, os.PathLike[str]] = _core.DEFAULT_DECLARATION) -> Spec:
    """Read and validate a declaration's main file and the drop-ins conf.d/*.yml beside it.

    Raises InvalidDeclaration, and KnockworkError where nothing can be read.
    """
    return _core.read(os.fspath(path))


def render(spec: Spec) -> str:
    """The table as a file for `nft -f`. It holds the knock ports: for its owner's eyes."""
    return _core.render(spec)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the main file."""
    document: dict[str, Any] = json.loads(_core.schema())
    return document


def host_key(master: bytes, host: str) -> bytes:
    """The key of one host of a fleet, from the fleet's master secret of 16 to 1024 bytes.

    HKDF-SHA256 (RFC 5869), as docs/derivation.md has it. The host's name counts in small letters. Raises
    KnockworkError where it is not the name of a host, ValueError for a secret of another length.
    """
    return _core.host_key(master, host)


def derive(key: bytes, sequence: str, epoch: int, *, length: int, protocols: Sequence[str] = ("udp",),
           ports: tuple[int, int] = (1024, 32767),
           exclude: Sequence[tuple[int, int]] = ()) -> tuple[Knock, ...]:
    """The knocks of a sequence in an epoch, as a host draws them that declares the same under `derive`.

    `key` is the host's, 32 bytes: see host_key(). `ports` and `exclude` are ranges, first and last. Drawn
    without bias from HKDF-SHA256 (RFC 5869, 2.3), as docs/derivation.md has it byte by byte. Raises
    ValueError for what a declaration could not hold.
    """
    return _core.derive(key, sequence, epoch, length, protocols, ports, exclude)


def plan(spec: Spec, *, lock_timeout: timedelta = _LOCK_TIMEOUT, allow_absent: bool = False) -> Report:
    """What would make the kernel of this network namespace match `spec`; nothing is changed.

    Waits up to `lock_timeout` for other users of knockwork. Raises KnockworkError, also where none of the declared
    interfaces exists, unless `allow_absent` is set.
    """
    return _core.plan(spec, lock_timeout, allow_absent)


def apply(spec: Spec, *, check: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT,
          confirm_within: Optional[timedelta] = None, revoke_retired: bool = False,
          allow_absent: bool = False) -> Report:
    """Make the kernel of this network namespace match `spec`, in one transaction.

    With `check` only says what would change. `Report.changed` is false where nothing had to be done.
    Waits up to `lock_timeout` for other users of knockwork. Raises KnockworkError; the table is then as it
    was.

    With `confirm_within`, from 1 s to 1 h, what was changed is taken back by itself unless confirm() is called in
    time, whatever becomes of this process; `Report.pending` has its id. Nothing waits where nothing changed.

    With `revoke_retired` the sequences that are removed or changed lose their grants in the same transaction, and
    their connections are cut as by revoke(); otherwise they expire and go on.

    Where none of the declared interfaces exists nothing is applied, unless `allow_absent` is set.
    """
    within = "" if confirm_within is None else f"{round(confirm_within.total_seconds() * 1000)}ms"
    return _core.apply(spec, check, lock_timeout, within, revoke_retired, allow_absent)


def confirm(id: str = "", *, fresh: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT) -> str:
    """Keep the apply that waits, or only the one of that `id`; its id.

    With `fresh` only where the ssh connection that this process runs in, or a knock for it, is newer than the apply.
    Raises KnockworkError; what waits is then taken back in time.
    """
    return _core.confirm(id, fresh, lock_timeout)


def rollback(id: str = "", *, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Take back the apply that waits, or only the one of that `id`. Raises KnockworkError."""
    return _core.rollback(id, lock_timeout)


def grant(address: str, sequence: str, *, time: Optional[timedelta] = None, check: bool = False,
          lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Let a source in as if it had knocked; without `time` for the sequence's open_for.

    `address` may be a network of up to 256 sources. Raises KnockworkError.
    """
    return _core.grant(address, sequence, time, check, lock_timeout)


def revoke(*, sequence: str = "", source: str = "", check: bool = False,
           lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Take grants back, and cut the connections that no other grant lets in: of a sequence, a source (an address or
    a network), both, or all.

    Nothing notes by which sequence a connection came in once its grant is over: with `sequence` all connections to
    its services are cut, but those of always_allow and the ssh connection that this process runs in.
    Raises KnockworkError.
    """
    return _core.revoke(sequence, source, check, lock_timeout)


def remove(*, check: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Remove the table from the kernel of this network namespace. Files stay.

    With `check` only says what would change. Raises KnockworkError.
    """
    return _core.remove(check, lock_timeout)


def status(*, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Status:
    """What the kernel of this network namespace holds: sequences, grants, lockouts. Raises KnockworkError."""
    return _core.status(lock_timeout)


def knock(host: str, knocks: Iterable[str] = (), *, sequence: str = "", wait_open: str = "",
          profile: Optional[Union[str, os.PathLike[str]]] = None, source: str = "", interface: str = "",
          family: Literal["any", "ipv4", "ipv6"] = "any", both: bool = False, prove: bool = True,
          delay: Optional[timedelta] = None, jitter: timedelta = timedelta(), retries: Optional[int] = None,
          within: Optional[timedelta] = None, timeout: timedelta = timedelta(seconds=5)) -> Knocked:
    """Knock on a host: as the profile has it, or `knocks` like "7000/udp" and "8000/tcp".

    Proves that `wait_open` ("22/tcp") has opened, by default the first TCP port that the profile's sequence opens,
    and knocks again while it has not: after pauses that grow, at most `retries` times and for the time `within`;
    with neither for the host's lockout and 10 seconds more. Without such a port, or with `prove=False`, the knocks
    are sent once. `sequence` chooses by name among several; else that which opens `wait_open` is meant, or the only
    one. `profile` is by default ~/.config/knockwork/hosts.yml; it must be the caller's own and closed to all others.
    `source` is an address and `interface` a name of this host; `both` knocks at one address of each family;
    `delay` is between two knocks, by default until the host answers the first, else 250 ms; `timeout` is for each
    answer. Needs no privileges, and releases the GIL.

    A host that refuses or cannot be reached is not an exception: see `Knocked.outcome` and `Knocked.message`.
    Raises InvalidDeclaration for a faulty profile, KnockworkError where this host cannot do what was asked.
    """
    return _core.knock(host, list(knocks), "" if profile is None else os.fspath(profile), sequence, wait_open,
                       source, interface, family, both, prove, delay, jitter, retries, within, timeout)
