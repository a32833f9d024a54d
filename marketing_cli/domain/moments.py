"""Arithmetic with moments that stays inside the calendar."""

from datetime import UTC, datetime, timedelta

START_OF_TIME = datetime(1900, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)
"""The shortest time between two moments."""


def later(moment: datetime, length: timedelta) -> datetime:
    """The moment that much later, or the last one there is."""
    return END_OF_TIME if moment > END_OF_TIME - length else moment + length
