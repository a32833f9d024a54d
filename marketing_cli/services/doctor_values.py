"""Check that every stored value is one that its column holds."""

from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Table
from sqlalchemy.orm import Session

from marketing_cli.database.stored_values import Misfit, misfits
from marketing_cli.models import Base
from marketing_cli.repositories import checks
from marketing_cli.services.doctor_findings import Finding, ok, wrong
from marketing_cli.services.reading import Reading

_MEND: Final = (
    "Rows were changed from outside, or the file is damaged: put the values right by hand, or restore a backup"
    ' (README, "Backups").'
)
_MOST_PLACES: Final = 10


def values(reading: Reading) -> Finding:
    """Whether every value can be read as what its column holds."""
    found: list[Misfit] = []
    for table in Base.metadata.sorted_tables:
        last = reading.once(partial(checks.last_number, table=table))
        found += misfits_of(reading, table, last)
    if not found:
        return ok("every value is one that its column holds")
    shown = ", ".join(misfit.place for misfit in found[:_MOST_PLACES])
    more = f" and {len(found) - _MOST_PLACES:,} more" if len(found) > _MOST_PLACES else ""
    return wrong(f"values that cannot be read: {shown}{more}", _MEND)


def misfits_of(reading: Reading, table: Table, last: int) -> list[Misfit]:
    """The values of a table that cannot be read, up to this row."""
    found, after = list[Misfit](), 0 if last else None
    while after is not None:
        some, after = reading.piece(partial(_misfits, table, after, last))
        found += some
    return found


def _misfits(
    table: Table, after: int, to: int, session: Session, is_up: Callable[[], bool]
) -> tuple[list[Misfit], int | None]:
    return misfits(session, table, after, to, is_up)
