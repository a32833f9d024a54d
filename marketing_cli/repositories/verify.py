"""What all runs together have booked, for those who check it."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketing_cli.models import Run


class BookSums(NamedTuple):
    """The books of all runs, added up."""

    runs: int
    lines: int
    new: int
    duplicate: int
    rejected: int
    blank: int
    skipped: int
    send_requests: int
    suppressions: int


def sums(session: Session) -> BookSums:
    """What the runs have booked by now."""
    columns = [func.coalesce(func.sum(getattr(Run, name)), 0) for name in BookSums._fields[1:]]
    return BookSums._make(
        int(value) for value in session.execute(select(func.count(), *columns).select_from(Run)).one()
    )
