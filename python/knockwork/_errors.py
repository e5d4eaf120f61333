"""What knockwork raises."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Diagnostic


class KnockworkError(RuntimeError):
    """The system's fault: not root, no nf_tables, a table that is not ours, a lock that is held.

    The text says what happened and what to do.
    """


class InvalidDeclaration(ValueError):
    """The user's fault: a declaration that cannot be used.

    `diagnostics` holds every fault found, in the order of their places. Neither they nor the text of the
    exception quote a port.
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join(f"{each.file}:{each.line}:{each.column}: {each.message}; {each.remedy}"
                         for each in self.diagnostics)
