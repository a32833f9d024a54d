"""Where a batch belongs, and the books that are kept of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunRef:
    """The run and the input that a batch belongs to; with `backfill` its requests are marked historical."""

    run_id: int
    input_id: int
    path: str
    rules_version_id: int
    backfill: bool = False


@dataclass(slots=True)
class Counts:
    """The books: lines = new + duplicate + rejected + blank + skipped."""

    lines: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    blank: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Both books as one."""
        return Counts(
            self.lines + other.lines,
            self.new + other.new,
            self.duplicate + other.duplicate,
            self.rejected + other.rejected,
            self.blank + other.blank,
            self.skipped + other.skipped,
        )
