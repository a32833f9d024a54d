"""Decide a batch again when the database refused it."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

from marketing_cli.errors import MmsgError

ATTEMPTS = 5
_LONGEST_PAUSE = 0.05
_TRY_AGAIN = {"40001", "40P01"}
"""PostgreSQL's SQLSTATEs for a serialization failure and a deadlock."""

T = TypeVar("T")


def retry_refused(attempt: Callable[[], T]) -> T:
    """Run a transaction that the database may refuse as a whole, at most 5 times.

    Raises MmsgError when it was refused each time, and any other error at once.
    """
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except DBAPIError as error:
            if not _is_refusal(error):
                raise
            refusal = error
        time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - so that two runs do not collide again
    kind = type(refusal.orig).__name__
    raise MmsgError(
        f"the database refused a batch {ATTEMPTS} times ({kind}); nothing of that batch was stored."
        " Run the same command again; if it fails again, set MMSG_DEBUG=1 and report what it prints."
    ) from refusal


def _is_refusal(error: DBAPIError) -> bool:
    return isinstance(error, IntegrityError) or getattr(error.orig, "sqlstate", None) in _TRY_AGAIN
