"""Reading a database that others write to, without holding any of them up."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.sessions import Transactions
from marketing_cli.repositories.audit import hold_snapshot

Found = TypeVar("Found")
Within: TypeAlias = Callable[[], AbstractContextManager[None]]

Advance: TypeAlias = Callable[[int, int], None]
"""Told how many events were read, of how many."""

_FIRST_ROWS = 1_000
_MOST_ROWS = 200_000
_SLOW, _QUICK = 0.1, 0.045
# A writer that waits to commit lets no new reader in: it needs no long pause to come to its turn.
_PAUSE = 0.25
# Where nobody waits for a reader.
_PATIENCE = 20


class Reading:
    """Reads once, or a large table slice by slice in the order of its numbers.

    On SQLite each reading is a transaction of its own of about a tenth of a second, with a pause before the next: in a
    rollback journal a reader makes a writer's COMMIT wait. What is done with the rows meanwhile is part of the pause.
    On PostgreSQL nobody waits for readers, and all is one snapshot.
    """

    def __init__(
        self,
        transactions: Transactions,
        *,
        pauses: bool,
        advance: Advance | None = None,
        within: Within = nullcontext,
    ) -> None:
        """Read in these transactions, each time within such a block."""
        self._transactions = transactions
        self._within = within
        self._pauses = pauses
        self._advance = advance
        self._rows = _FIRST_ROWS
        self._next = 0.0

    def once(self, look: Callable[[Session], Found]) -> Found:
        """What one look finds."""
        with _unbroken(), self._within(), self._transactions() as session:
            return look(session)

    def slices(self, last: int, look: Callable[[Session, int, int], Found], most: int = _MOST_ROWS) -> Iterator[Found]:
        """What `look(session, after, to)` finds for rows after one number to another included, up to the last.

        A slice has at most so many rows, however quick those before it were.
        """
        after = 0
        self._rows = _FIRST_ROWS
        while after < last:
            to = min(after + min(self._rows, most), last)
            began = self._begin()
            with _unbroken(), self._within(), self._transactions() as session:
                found = look(session, after, to)
            self._give_way(time.monotonic() - began)
            yield found
            after = to

    @property
    def patience(self) -> int:
        """How many times longer than otherwise a reading may take that holds little at once."""
        return 1 if self._pauses else _PATIENCE

    def piece(self, look: Callable[[Session, Callable[[], bool]], Found], patience: int = 1) -> Found:
        """What `look(session, is_time_up)` finds until the time is up, after which it ends as soon as it can."""
        began = self._begin()
        with _unbroken(), self._within(), self._transactions() as session:
            found = look(session, lambda: time.monotonic() - began > _SLOW * patience)
        self._pause(time.monotonic() - began)
        return found

    def told(self, done: int, total: int) -> None:
        """Say how many events were read, of how many; not where that would be within a transaction."""
        if self._advance is not None and self._pauses:
            self._advance(done, total)

    def _give_way(self, took: float) -> None:
        if took > _SLOW:
            self._rows = max(1, self._rows // 2)
        elif took < _QUICK:
            self._rows = min(self._rows * 2, _MOST_ROWS)
        self._pause(took)

    def _begin(self) -> float:
        """Wait until the pause is over."""
        left = self._next - time.monotonic()
        if self._pauses and left > 0:
            time.sleep(left)
        return time.monotonic()

    def _pause(self, took: float) -> None:
        self._next = time.monotonic() + took * _PAUSE


@contextmanager
def _unbroken() -> Iterator[None]:
    """No looking for garbage meanwhile: among the values of large events that takes 0.3 s, while others wait."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def reading(engine: Engine) -> Iterator[Reading]:
    """Reads for one check; on PostgreSQL from one snapshot, which ends with the block."""
    with reading_of(sessionmaker(engine, expire_on_commit=False).begin) as found:
        yield found


@contextmanager
def reading_of(
    transactions: Transactions, advance: Advance | None = None, within: Within = nullcontext
) -> Iterator[Reading]:
    """Reads in transactions that never write; on PostgreSQL from one snapshot, which ends with the block.

    `advance` is told between two transactions; so never on PostgreSQL, since it may print.
    """
    with transactions() as session:
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        if not is_sqlite:
            hold_snapshot(session)
            yield Reading(lambda: nullcontext(session), pauses=False, within=within)
    if is_sqlite:  # the session above has asked nothing, and so has held nothing
        yield Reading(transactions, pauses=True, advance=advance, within=within)
