"""The database that is copied to: marked as half copied from the first batch until all is there and compared."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from marketing_cli.database.half_copied import has_mark, is_half_copied, remove_mark, set_mark
from marketing_cli.database.migration import current_revision, lock_for_migration
from marketing_cli.database.sessions import Transactions
from marketing_cli.errors import DatabaseUnavailable, MmsgError, UnreadableValue, UsageError
from marketing_cli.repositories.copy_moment import last_numbers, raise_numbers

ANOTHER_HISTORY: Final = (
    "the database of --to holds what the one to copy from does not: {}. A copy goes into an empty database, or goes on"
    " with the copy of the same one. Make a new database, migrate it by `mmsg migrate` with DATABASE_URL set to it, and"
    " copy into that."
)
_WRITTEN_TO: Final = "somebody has stored something in it since this copy looked at it. Find out who, then try again."
_TAKEN_OVER: Final = "another `mmsg copy` has taken over, and goes on with what this one has copied."
_REFUSED: Final = (
    "it refused rows, since they contradict what it holds: somebody else writes to it, or the database to copy from is"
    " damaged; `mmsg doctor` tells. Nothing of the batch in hand was copied."
)


class Target:
    """Batches of a copy, each a transaction. A copy that begins later takes over from one that is at work."""

    def __init__(self, transactions: Transactions) -> None:
        """Write by these transactions."""
        self._transactions = transactions
        self._token = secrets.token_hex(4)

    def begin(self, seen: Mapping[str, int]) -> None:
        """Mark the database, whose tables end with these numbers; where it is half copied already, wherever they end.

        Raises DatabaseUnavailable when something was stored meanwhile.
        """
        with self._locked() as session:
            half_copied = is_half_copied(current_revision(session.connection()))
            if not half_copied and last_numbers(session) != seen:
                raise DatabaseUnavailable(_WRITTEN_TO)
            set_mark(session, self._token)

    @contextmanager
    def batch(self) -> Iterator[Session]:
        """A transaction that commits when its block ends well. Raises MmsgError when the database refuses rows.

        And UnreadableValue, which does not say where, for a value that cannot be one of its column.
        """
        try:
            with self._locked() as session:
                self._require_mark(session)
                yield session
        except IntegrityError as refusal:
            raise MmsgError(_REFUSED) from refusal
        except DataError as refusal:  # where it comes from is found out, and named, by whoever reads there
            raise UnreadableValue from refusal

    def end(self, highest: Mapping[str, int]) -> None:
        """Open the database to everybody, which will draw no number up to these."""
        with self.batch() as session:
            raise_numbers(session, highest)
            remove_mark(session)

    @contextmanager
    def _locked(self) -> Iterator[Session]:
        with self._transactions() as session:
            lock_for_migration(session.connection())
            yield session

    def _require_mark(self, session: Session) -> None:
        if not has_mark(session, self._token):
            raise DatabaseUnavailable(_TAKEN_OVER)


def another_history(table: str, number: int) -> UsageError:
    """The error for a row of the target that is no copy."""
    return UsageError(ANOTHER_HISTORY.format(f"row {number} of {table}"))
