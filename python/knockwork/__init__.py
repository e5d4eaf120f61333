"""Declarative port knocking for nftables: read a declaration, compare it with the kernel, apply the difference.

    spec = knockwork.read("/etc/knockwork/knockwork.yml")
    report = knockwork.apply(spec)
    for change in report.changes:
        print(change.kind, change.object, change.name, change.why)

Values are frozen and compare by content. Ports appear in attributes and in render(), never in a repr, a report or
an error. Durations are datetime.timedelta in steps of 100 ms; networks are from `ipaddress`.
"""
from ._api import (apply, confirm, derive, grant, host_key, knock, load, plan, read, remove, render, revoke,
                   rollback, schema, status, token, token_key)
from ._core import (Change, Derivation, Diagnostic, Holder, Knock, Knocked, PublicRule, Report, Sequence,
                    SequenceStatus, Service, SetFill, Spec, Status, Token, Waiting, __version__, after_reboot)
from ._errors import InvalidDeclaration, KnockworkError

__all__ = [
    "Change", "Derivation", "Diagnostic", "Holder", "InvalidDeclaration", "Knock", "Knocked", "KnockworkError",
    "PublicRule", "Report", "Sequence", "SequenceStatus", "Service", "SetFill", "Spec", "Status", "Token", "Waiting",
    "__version__", "after_reboot", "apply", "confirm", "derive", "grant", "host_key", "knock", "load", "plan",
    "read", "remove", "render", "revoke", "rollback", "schema", "status", "token", "token_key",
]
