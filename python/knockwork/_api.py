"""The public functions: types, defaults and documentation over `_core`."""
from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal, Optional, Union

from . import _core
from ._core import Knocked, Report, Spec, Status

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


def plan(spec: Spec, *, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """What would make the kernel of this network namespace match `spec`; nothing is changed.

    Waits up to `lock_timeout` for other users of knockwork. Raises KnockworkError.
    """
    return _core.plan(spec, lock_timeout)


def apply(spec: Spec, *, check: bool = False, lock_timeout: timedelta = _LOCK_TIMEOUT) -> Report:
    """Make the kernel of this network namespace match `spec`, in one transaction.

    With `check` only says what would change. `Report.changed` is false where nothing had to be done.
    Waits up to `lock_timeout` for other users of knockwork. Raises KnockworkError; the table is then as it
    was.
    """
    return _core.apply(spec, check, lock_timeout)


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
          family: Literal["any", "ipv4", "ipv6"] = "any", delay: timedelta = timedelta(milliseconds=50),
          jitter: timedelta = timedelta(), retries: int = 2, timeout: timedelta = timedelta(seconds=5)) -> Knocked:
    """Knock on a host: as the profile has it, or `knocks` like "7000/udp" and "8000/tcp".

    With `wait_open` ("22/tcp") checks that the port has opened, and knocks up to `retries` times more, each
    time after the host's lockout; without, the knocks are sent once. `sequence` chooses by name among several;
    else that which opens `wait_open` is meant, or the only one. `profile` is by default
    ~/.config/knockwork/hosts.yml; it must be the caller's own and closed to all others. `source` is an address
    and `interface` a name of this host; `timeout` is for each answer. Needs no privileges, and releases the GIL.

    A host that refuses or cannot be reached is not an exception: see `Knocked.outcome` and `Knocked.message`.
    Raises InvalidDeclaration for a faulty profile, KnockworkError where this host cannot do what was asked.
    """
    return _core.knock(host, list(knocks), "" if profile is None else os.fspath(profile), sequence, wait_open,
                       source, interface, family, delay, jitter, retries, timeout)
