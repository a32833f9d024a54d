"""How many refused lines a run puts up with."""

import re
from dataclasses import dataclass

from marketing_cli.errors import UsageError

FIRST_CHECK = 1000
"""A share of the lines is looked at from this many lines on, or at the end."""

_FORM = re.compile(r"([0-9]{1,9})(?:(\.[0-9]{1,6})?(%))?")


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """At most `limit` refused lines or, with `is_share`, at most `limit` percent of the lines read."""

    limit: float
    is_share: bool = False

    @classmethod
    def parse(cls, text: str) -> "ErrorBudget":
        """Read `50` or `0.5%`. Raises UsageError for anything else."""
        match = _FORM.fullmatch(text.strip())
        if match is None or (match[3] and float(match[1] + (match[2] or "")) > 100):  # noqa: PLR2004 - percent
            raise UsageError(f"--max-errors takes a whole number such as 50, or a share such as 0.5%, not {text!r}.")
        return cls(float(match[1] + (match[2] or "")), is_share=match[3] is not None)

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"--max-errors {self.limit:g}{'%' if self.is_share else ''}"

    def exceeded(self, refused: int, lines: int, *, at_end: bool) -> bool:
        """Whether so many refused lines are too many."""
        if not self.is_share:
            return refused > self.limit
        return (at_end or lines >= FIRST_CHECK) and refused * 100 > self.limit * lines
