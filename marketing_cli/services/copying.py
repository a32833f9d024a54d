"""Copy a history row by row: whatever is there already is recognised, whatever is missing is added."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, TypeVar

from sqlalchemy.orm import Session

from marketing_cli.errors import DatabaseUnavailable
from marketing_cli.repositories.checks import last_number, rejected_lines
from marketing_cli.repositories.copy_moment import Moment, moment_of_now
from marketing_cli.repositories.copy_parts import HISTORY, LEDGER, MODELS, REJECTS, Part, picked, table_of
from marketing_cli.repositories.copy_reading import Known, Row, Stretch, TimeIsUp, Whole, read_known, read_whole
from marketing_cli.repositories.copy_writing import insert_whole, update_changed
from marketing_cli.services.copy_target import Target, another_history
from marketing_cli.services.reading import Reading
from marketing_cli.services.stopping import StopRequest

_ATTEMPTS: Final = 20
_NEVER_QUIET: Final = (
    "runs at work refuse lines faster than the refused lines can be copied. Run the same command again when they have"
    " ended."
)

Found = TypeVar("Found")
CopyProgress: TypeAlias = Callable[[int, int, int], object]
"""Told how many numbers of how many were passed, and how many rows were copied."""


class _Disturbed(Exception):
    """A run has changed what is being read."""


@dataclass(slots=True)
class Copying:
    """Copies from a reading into a target, and counts what it copied by table."""

    reading: Reading
    target: Target
    stop: StopRequest
    progress: CopyProgress
    copied: dict[str, int] = field(default_factory=lambda: {table_of(model).name: 0 for model in MODELS})
    _passed: int = 0

    def all(self) -> Moment:
        """Copy everything as of one moment, which is returned.

        What runs change comes first and from one undisturbed look; what comes after stays as it is once it is stored.
        """
        moment = self._ledger()
        for part in HISTORY:
            self._copy(part, moment)
        return moment

    def _ledger(self) -> Moment:
        for _ in range(_ATTEMPTS):
            moment = self.reading.once(moment_of_now)
            self._passed = 0
            try:
                for part in LEDGER:
                    self._copy(part, moment)
            except _Disturbed:
                continue
            return moment
        raise DatabaseUnavailable(_NEVER_QUIET)

    def _copy(self, part: Part, moment: Moment) -> None:
        last = moment.last[part.name]
        with self.target.batch() as session:
            there = last_number(session, part.table)
        if there > last:
            raise another_history(part.name, there)
        for known, after in self._known(part, moment, there):
            self._complete(part, moment, known, after)
            self._tell(moment, known.last - after)
        after = there
        while after < last:
            rows = self._read(part, moment, Stretch(part, after, last), read_whole)
            self._insert(part, _as_of(moment, part, rows))
            self._tell(moment, rows.last - after)
            after = rows.last

    def _known(self, part: Part, moment: Moment, to: int) -> Iterator[tuple[Known, int]]:
        """What the rows to this number are known by, piece by piece, each with the number that it comes after."""
        after = 0
        while after < to:
            known = self._read(part, moment, Stretch(part, after, to), read_known)
            yield _known_as_of(moment, part, known), after
            after = known.last

    def _complete(self, part: Part, moment: Moment, known: Known, after: int) -> None:
        """Add what is missing among rows that are there, and bring up to date what has changed."""
        with self.stop.deferred(), self.target.batch() as session:
            there = known_there(session, part, known, after)
            changed = {number: ours[1] for number, ours in known.rows.items() if there.get(number, ours)[1] != ours[1]}
            update_changed(session, part, changed)
        missing = sorted(known.rows.keys() - there.keys())
        while missing:
            stretch = Stretch(part, missing[0] - 1, missing[-1])
            rows = self._read(part, moment, stretch, partial(read_whole, only=missing))
            self._insert(part, _as_of(moment, part, rows))
            missing = [number for number in missing if number > rows.last]

    def _insert(self, part: Part, rows: Whole) -> None:
        with self.stop.deferred(), self.target.batch() as session:
            insert_whole(session, part, rows)
        for model, found in zip(part.models, rows.tables, strict=True):
            self.copied[table_of(model).name] += len(found)

    def _read(
        self, part: Part, moment: Moment, stretch: Stretch, look: Callable[[Session, Stretch, TimeIsUp], Found]
    ) -> Found:
        def as_of_the_moment(session: Session, is_up: TimeIsUp) -> Found:
            # Refused lines are counted again in rows of long ago: by the books of a run, in the same transaction.
            if part is REJECTS and rejected_lines(session) != moment.rejected:
                raise _Disturbed
            return look(session, stretch, is_up)

        return self.reading.piece(as_of_the_moment)

    def _tell(self, moment: Moment, numbers: int) -> None:
        self._passed += numbers
        self.progress(self._passed, sum(moment.last.values()), sum(self.copied.values()))


def known_there(session: Session, part: Part, ours: Known, after: int) -> Mapping[int, tuple[Row, Row]]:
    """What the target has in a piece of the source. Raises UsageError for a row that is no copy of one of these."""
    theirs = read_known(session, Stretch(part, after, ours.last), lambda: False)
    for number, (same, _changing) in theirs.rows.items():
        if number not in ours.rows or ours.rows[number][0] != same:
            raise another_history(part.name, number)
    if theirs.last < ours.last:  # more rows than are read at once, which ours are not
        raise another_history(part.name, theirs.last + 1)
    return theirs.rows


def _as_of(moment: Moment, part: Part, rows: Whole) -> Whole:
    """The rows, those of runs at work as they stood at the moment."""
    stood = moment.at_work.get(part.name)
    if not stood:
        return rows
    own, *children = rows.tables
    return Whole(([stood.get(row[0], row) for row in own], *children), rows.last)


def _known_as_of(moment: Moment, part: Part, known: Known) -> Known:
    stood = moment.at_work.get(part.name, {})
    at_work = {
        number: (picked(part, row, part.same), picked(part, row, part.changing))
        for number, row in stood.items()
        if number in known.rows
    }
    return Known(known.rows | at_work, known.last)
