"""What a list is asked for. None means: any. Moments are UTC; `since` is included, `until` is not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DayOf(StrEnum):
    """Whose day of UTC a summary counts by."""

    DECISION = "decision"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionQuery:
    """Which send requests or suppressions; the time is that of the decision. With `day_of`, counted."""

    user: str | None = None
    template: str | None = None
    channel: str | None = None
    reason_code: str | None = None
    run: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    day_of: DayOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectQuery:
    """Which kept lines: `run` is their first run or their last; the time is when they were first kept."""

    run: int | None = None
    reason: str | None = None
    user: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    with_raw: bool = True
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs; the time is that of their start."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Period:
    """What statistics are about: what mmsg stored and decided in this time; by whose day it is counted."""

    since: datetime | None = None
    until: datetime | None = None
    by_event_day: bool = False
