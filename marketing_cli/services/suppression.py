"""May this message be requested, or is its limit used up? Pure: limits, event time and windows."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import END_OF_TIME, START_OF_TIME, TICK
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.domain.texts import z
from marketing_cli.domain.windows import RequestFact, Stretch, Window
from marketing_cli.domain.zones import ZoneInfo
from marketing_cli.schemas.rules import Limit, Rule

_EVER = Window("ever", ReasonCode.ALREADY_SENT_ONCE_EVER, ((START_OF_TIME, END_OF_TIME),))
NO_EVENT: Final = "its event is no longer stored"
_FOR_EVENT: Final = ReasonCode.ALREADY_SENT_FOR_EVENT


def window_of(rule: Rule, event: EventFacts) -> Window:
    """The window of the rule's limit that this event lies in."""
    return _WINDOWS[rule.limit](rule, event)


def _ever(_rule: Rule, _event: EventFacts) -> Window:
    return _EVER


def _day(rule: Rule, event: EventFacts) -> Window:
    return day_window(rule.timezone, _local_day(event.timestamp, rule.zone))


def _event(_rule: Rule, event: EventFacts) -> Window:
    return Window(f"event:{event.key}", _FOR_EVENT, ((event.timestamp, event.timestamp),), event.id)


_WINDOWS: Final = {Limit.ONCE_EVER: _ever, Limit.ONCE_PER_CALENDAR_DAY: _day, Limit.NONE: _event}


def _local_day(moment: datetime, zone: ZoneInfo) -> date:
    if zone.key == "UTC":
        return moment.date()
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # the last hours of the year 9999, east of Greenwich
        return date.max


@lru_cache(maxsize=4096)
def day_window(timezone: str, day: date) -> Window:
    """The window of a calendar day in an IANA zone."""
    name = f"day:{day}" if timezone == "UTC" else f"day:{day}[{timezone}]"
    return Window(name, ReasonCode.DAILY_CAP_REACHED, _stretches(day, ZoneInfo(timezone)))


def _stretches(day: date, zone: ZoneInfo) -> tuple[Stretch, ...]:
    """When a day is, in UTC. It is interrupted where the zone puts its clocks back over midnight."""
    begins, interrupted, goes_on = _midnight(day, zone)
    if day == date.max:
        return ((begins, END_OF_TIME),)
    ends, returns, ends_again = _midnight(day + timedelta(days=1), zone)
    parts = (begins, interrupted), (goes_on, ends), (returns, ends_again)
    return tuple((start, end - TICK) for start, end in parts if start < end)


def _midnight(day: date, zone: ZoneInfo) -> tuple[datetime, datetime, datetime]:
    """When a day begins, when clocks go back over that midnight, and when it begins again: mostly one moment."""
    first, again = (datetime.combine(day, time(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
    if again <= first:  # once, or not at all: then the day begins when the clocks are put forward
        return first, first, first
    low, high = first, again
    while high - low > TICK:
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).date() == day else (low, middle)
    return first, high, again


def blocked_text(window: Window, event: EventFacts, request: RequestFact) -> str:
    """What used up the limit, for people: template, time and event of the earlier request."""
    by = f"event {request.event_key}" if request.event_key is not None else NO_EVENT
    by = f"({by}, an archive's: recorded, never sent)" if request.historical else f"({by})"
    if window.code is ReasonCode.ALREADY_SENT_ONCE_EVER:
        return f"skipped {request.template}: already sent at {z(request.event_timestamp)} {by}"
    if window.code is ReasonCode.ALREADY_SENT_FOR_EVENT:
        return f"skipped {request.template}: already sent for this event at {z(request.event_timestamp)} {by}"
    sent = request.event_timestamp
    same_utc_day = sent.date() == event.timestamp.date()
    when = f"today at {sent:%H:%M}Z" if same_utc_day else f"on the same calendar day at {z(sent)}"
    return f"skipped {request.template}: already sent {when} {by}"


def same_wording(text: str | None, other: str | None) -> bool:
    """Whether two texts of `blocked_text` say the same, but that one cannot name the event any more."""
    if text == other or text is None or other is None:
        return text == other
    gone, named = (text, other) if f"({NO_EVENT}" in text else (other, text)
    before, found, after = gone.partition(f"({NO_EVENT}")
    begins = named.startswith(f"{before}(event ")
    return bool(found) and begins and named.endswith(after) and f"({NO_EVENT}" not in named
