"""Rows with a value that cannot be read, as differences: nothing that hangs on them can be decided again."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from marketing_cli.models import Base, Run, RunInput
from marketing_cli.repositories.checks import last_number
from marketing_cli.schemas.verify import Difference, DifferenceKind
from marketing_cli.services.doctor_values import misfits_of
from marketing_cli.services.reading import Reading
from marketing_cli.services.replay_reading import UserHistory
from marketing_cli.services.verify_books import UNREADABLE

_LEDGER: Final = (Run.__tablename__, RunInput.__tablename__)


def unreadable_differences(history: UserHistory, only: int | None) -> Iterator[tuple[str, Difference]]:
    """By their place, those of a user; of one event and the decisions on it, where its number is given."""
    for row in history.unreadable:
        if only not in {None, row.event_id}:
            continue
        misfit = row.misfit
        yield (
            misfit.place,
            Difference(
                kind=DifferenceKind.EVENT if row.outcome is None else DifferenceKind.DECISION,
                about=misfit.place,
                stored="a value that its column does not hold",
                now=UNREADABLE.format(misfit.place),
                user_id=row.user_id or None,
                event_id=misfit.event_key,
                row=row.event_id,
                rule=row.rule_name,
                column=misfit.column,
                run_id=row.run_id,
            ),
        )


def ledger_differences(reading: Reading) -> Iterator[tuple[str, Difference]]:
    """By their place, those of the runs and their inputs."""
    for name in _LEDGER:
        table = Base.metadata.tables[name]
        last = reading.once(partial(last_number, table=table))
        for misfit in misfits_of(reading, table, last):
            yield (
                misfit.place,
                Difference(
                    kind=DifferenceKind.BOOKS,
                    about=misfit.place,
                    stored="a value that its column does not hold",
                    now=UNREADABLE.format(misfit.place),
                    column=misfit.column,
                    run_id=misfit.row if name == Run.__tablename__ else None,
                ),
            )
