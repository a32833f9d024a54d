"""Decide a batch again when the database refused it."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from marketing_cli.errors import MmsgError

ATTEMPTS = 5
_FIRST_PAUSE = 0.05
"""Seconds, at most, before the second attempt; twice as many before each further one."""
_TRY_AGAIN = {"40001", "40P01"}
"""PostgreSQL's SQLSTATEs for a serialization failure and a deadlock."""
_NOT_COMMITTED = "XX000"
"""As the answer to COMMIT: what a distributed database says when one of its nodes could not do it."""

T = TypeVar("T")


def retry_refused(attempt: Callable[[], T], on_retry: Callable[[], object] = lambda: None) -> T:
    """Run a transaction that the database may refuse as a whole, at most 5 times; `on_retry` is told of each but one.

    Raises MmsgError when it was refused each time, and any other error at once: above all a lost connection, since
    what became of a COMMIT that was not answered is not known.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except DBAPIError as error:
            if not _is_refusal(error):
                raise
            refusal = error
        if number < ATTEMPTS:
            on_retry()
            # By chance, so that two runs do not collide again.
            time.sleep(random.uniform(0, _FIRST_PAUSE * 2 ** (number - 1)))  # noqa: S311 - and no secret
    kind = type(refusal.orig).__name__
    raise MmsgError(
        f"the database refused a batch {ATTEMPTS} times ({kind}); nothing of that batch was stored."
        " Run the same command again; if it fails again, set MMSG_DEBUG=1 and report what it prints."
    ) from refusal


def _is_refusal(error: DBAPIError) -> bool:
    """Whether the database has said that nothing of the transaction is stored."""
    if error.connection_invalidated:
        return False
    state = getattr(error.orig, "sqlstate", None)
    # A failure of COMMIT comes without a statement.
    of_commit = error.statement is None and state == _NOT_COMMITTED
    return isinstance(error, IntegrityError) or state in _TRY_AGAIN or of_commit
