"""What knockwork raises."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Diagnostic


class KnockworkError(RuntimeError):
    """An error of the system: not root, no nf_tables, a table that is not knockwork's, a lock that is held.

    The text says what happened and what to do.
    """


class InvalidDeclaration(ValueError):
    """An error of the user: an invalid declaration.

    `diagnostics` contains every error, in the order of their positions. Neither they nor the text of the exception
    contain a port.
    """

    diagnostics: tuple[Diagnostic, ...]

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return "\n".join(f"{each.file}:{each.line}:{each.column}: {each.message}; {each.remedy}"
                         for each in self.diagnostics)
