"""Texts in rules that stand for a moment or a length of time."""

import re
from datetime import timedelta
from typing import Final

from pydantic_core import PydanticCustomError

from marketing_cli.schemas.timestamps import parse_timestamp

INSTANTS: Final = "a time with its offset, like 2025-11-01T10:00:00Z or 2025-11-01T10:00:00+01:00, from 1970 to 9999"
DURATIONS: Final = "an integer and one unit of s, m, h, d, like 90s, 15m, 24h, 7d; above 0 and at most 3660d"
LONGEST_DURATION: Final = timedelta(days=3660)

_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def is_instant(value: object) -> bool:
    """Return whether a value is text that would do as an event's timestamp: RFC 3339 with an offset."""
    try:
        return isinstance(value, str) and bool(parse_timestamp(value))
    except PydanticCustomError:
        return False


def duration(text: str) -> timedelta:
    """Return the length of time a text like `24h` stands for; zero for one that may not stand in rules."""
    match = _DURATION.fullmatch(text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    return timedelta(seconds=seconds if seconds <= LONGEST_DURATION.total_seconds() else 0)
