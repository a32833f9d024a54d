"""Reading a database that others write to, without holding any of them up."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from marketing_cli.database.sessions import Transactions
from marketing_cli.repositories.audit import hold_snapshot

Found = TypeVar("Found")

_FIRST_ROWS = 1_000
_MOST_ROWS = 200_000
_SLOW, _QUICK = 0.1, 0.025
_LONGEST_PAUSE = 0.05


class Reading:
    """Reads once, or a large table slice by slice in the order of its numbers.

    On SQLite each reading is a transaction of its own of about a tenth of a second, with a pause after it: in a
    rollback journal a reader makes a writer's COMMIT wait. On PostgreSQL nobody waits for readers, and all is one
    snapshot.
    """

    def __init__(self, transactions: Transactions, *, pauses: bool) -> None:
        """Read in these transactions."""
        self._transactions = transactions
        self._pauses = pauses
        self._rows = _FIRST_ROWS

    def once(self, look: Callable[[Session], Found]) -> Found:
        """What one look finds."""
        with self._transactions() as session:
            return look(session)

    def slices(self, last: int, look: Callable[[Session, int, int], Found]) -> Iterator[Found]:
        """What `look(session, after, to)` finds for rows after one number to another included, up to the last."""
        after = 0
        self._rows = _FIRST_ROWS
        while after < last:
            to = min(after + self._rows, last)
            began = time.monotonic()
            with self._transactions() as session:
                found = look(session, after, to)
            self._give_way(time.monotonic() - began)
            yield found
            after = to

    def _give_way(self, took: float) -> None:
        if took > _SLOW:
            self._rows = max(1, self._rows // 2)
        elif took < _QUICK:
            self._rows = min(self._rows * 2, _MOST_ROWS)
        if self._pauses:
            time.sleep(min(took, _LONGEST_PAUSE))


@contextmanager
def reading(engine: Engine) -> Iterator[Reading]:
    """Reads for one check; on PostgreSQL from one snapshot, which ends with the block."""
    sessions = sessionmaker(engine, expire_on_commit=False)
    if engine.dialect.name == "sqlite":
        yield Reading(sessions.begin, pauses=True)
        return
    with sessions.begin() as session:
        hold_snapshot(session)
        yield Reading(lambda: nullcontext(session), pauses=False)
