"""Which window of a limit an event lies in: days of a zone's own calendar, to the microsecond."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.domain.windows import Window
from marketing_cli.services.suppression import window_of
from support.deciding import facts, the_rule
from support.events import make_event

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def window(timestamp: str, zone: str | None = None, limit: str = "once_per_calendar_day", **event: Any) -> Window:
    """The window of a rule with this limit and zone that an event of this moment lies in."""
    rule = the_rule(limit=limit) if zone is None else the_rule(limit=limit, timezone=zone)
    return window_of(rule, facts(make_event(event_timestamp=timestamp, **event), 7))


def moment(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "timestamp", "day"),
    [
        (None, "2025-11-01T00:00:00Z", "2025-11-01"),
        (None, "2025-11-01T23:59:59.999999Z", "2025-11-01"),
        (None, "2025-11-02T00:00:00Z", "2025-11-02"),
        (None, "2025-11-01T23:59:59.999Z", "2025-11-01"),
        (None, "2025-11-02T00:30:00+01:00", "2025-11-01"),
        (None, "2025-11-01T20:00:00-05:00", "2025-11-02"),
        (None, "2024-02-29T12:00:00Z", "2024-02-29"),
        (None, "2024-02-28T23:59:59.999999Z", "2024-02-28"),
        (None, "2024-03-01T00:00:00Z", "2024-03-01"),
        (None, "1970-01-01T00:00:00Z", "1970-01-01"),
        (None, "9999-12-31T23:59:59.999999Z", "9999-12-31"),
        ("UTC", "2025-11-01T12:00:00Z", "2025-11-01"),
        ("Europe/Lisbon", "2025-07-01T22:59:59.999999Z", "2025-07-01"),
        ("Europe/Lisbon", "2025-07-01T23:00:00Z", "2025-07-02"),
        ("Europe/Lisbon", "2025-12-01T23:59:59.999999Z", "2025-12-01"),
        ("Europe/Lisbon", "2025-03-30T00:00:00Z", "2025-03-30"),
        ("Europe/Lisbon", "2025-03-30T22:59:59.999999Z", "2025-03-30"),
        ("Europe/Lisbon", "2025-03-30T23:00:00Z", "2025-03-31"),
        ("Europe/Lisbon", "2025-10-25T23:00:00Z", "2025-10-26"),
        ("Europe/Lisbon", "2025-10-26T23:59:59.999999Z", "2025-10-26"),
        ("Europe/Lisbon", "2025-10-27T00:00:00Z", "2025-10-27"),
        ("America/New_York", "2025-03-09T05:00:00Z", "2025-03-09"),
        ("America/New_York", "2025-03-10T03:59:59.999999Z", "2025-03-09"),
        ("America/New_York", "2025-11-03T04:59:59.999999Z", "2025-11-02"),
        ("America/New_York", "2025-11-03T05:00:00Z", "2025-11-03"),
        ("America/New_York", "1970-01-01T00:00:00Z", "1969-12-31"),
        ("America/New_York", "2024-03-01T04:59:59Z", "2024-02-29"),
        ("Asia/Kathmandu", "2025-11-01T18:14:59.999999Z", "2025-11-01"),
        ("Asia/Kathmandu", "2025-11-01T18:15:00Z", "2025-11-02"),
        ("Pacific/Kiritimati", "2025-11-01T10:00:00Z", "2025-11-02"),
        ("America/Sao_Paulo", "2017-10-15T02:59:59.999999Z", "2017-10-14"),
        ("America/Sao_Paulo", "2017-10-15T03:00:00Z", "2017-10-15"),
        ("America/Sao_Paulo", "2018-02-18T02:59:59.999999Z", "2018-02-17"),
        ("Asia/Beirut", "2025-03-29T22:00:00Z", "2025-03-30"),
        ("Asia/Beirut", "2025-10-25T21:30:00Z", "2025-10-25"),
        ("Pacific/Apia", "2011-12-30T09:59:59.999999Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        ("America/St_Johns", "2010-11-07T02:30:00Z", "2010-11-07"),
        ("America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-06"),
        ("America/St_Johns", "2010-11-07T03:29:59.999999Z", "2010-11-06"),
        ("America/St_Johns", "2010-11-07T03:30:00Z", "2010-11-07"),
        ("Asia/Tokyo", "9999-12-31T14:59:59.999999Z", "9999-12-31"),
        ("Asia/Tokyo", "9999-12-31T23:59:59.999999Z", "9999-12-31"),
        ("America/New_York", "9999-12-31T23:59:59.999999Z", "9999-12-31"),
        ("Asia/Tokyo", "1970-01-01T00:00:00Z", "1970-01-01"),
    ],
)
def test_the_day_is_that_of_the_rules_zone(zone: str | None, timestamp: str, day: str) -> None:
    """By the event's own moment, whatever its offset; and the moment lies within the day's stretches."""
    found = window(timestamp, zone)
    assert found.name == f"day:{day}" + ("" if zone in {None, "UTC"} else f"[{zone}]")
    assert found.code is ReasonCode.DAILY_CAP_REACHED
    instant = moment(timestamp)
    assert sum(start <= instant <= until for start, until in found.stretches) == 1


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", "2025-03-30", 24),
        ("UTC", "2024-02-29", 24),
        ("Europe/Lisbon", "2025-03-29", 24),
        ("Europe/Lisbon", "2025-03-30", 23),
        ("Europe/Lisbon", "2025-10-26", 25),
        ("America/New_York", "2025-03-09", 23),
        ("America/New_York", "2025-11-02", 25),
        ("America/New_York", "2024-02-29", 24),
        ("America/Sao_Paulo", "2017-10-15", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Asia/Beirut", "2025-03-30", 23),
        ("Asia/Beirut", "2025-10-25", 25),
        ("America/Havana", "2025-03-09", 23),
        ("America/Havana", "2025-11-02", 25),
        ("America/Nuuk", "2025-03-29", 23),
        ("America/Nuuk", "2025-10-25", 25),
        ("Atlantic/Azores", "2025-03-30", 23),
        ("Australia/Lord_Howe", "2025-04-06", 24.5),
        ("Pacific/Apia", "2011-12-29", 24),
        ("Pacific/Apia", "2011-12-31", 24),
        ("America/St_Johns", "2010-11-06", 24 + 59 / 60),
        ("America/St_Johns", "2010-11-07", 24 + 1 / 60),
        ("Antarctica/Casey", "2010-03-04", 25),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: str, hours: float) -> None:
    """23 or 25 hours where clocks change, also where midnight does not exist or comes twice."""
    noon = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(zone)).replace(hour=12)
    found = window(noon.isoformat(), zone)
    assert sum((until - start + TICK for start, until in found.stretches), timedelta()) == hours * HOUR


# Zones whose clocks were put forward or back over, at or near midnight, with a date around it.
NEAR_MIDNIGHT = [
    ("America/St_Johns", "2010-11-07"),
    ("America/Goose_Bay", "1988-10-30"),
    ("America/Moncton", "2006-10-29"),
    ("Antarctica/Casey", "2010-03-05"),
    ("America/Sao_Paulo", "2017-10-15"),
    ("America/Sao_Paulo", "2018-02-18"),
    ("Asia/Beirut", "2025-03-30"),
    ("Asia/Beirut", "2025-10-26"),
    ("America/Havana", "2025-11-02"),
    ("America/Nuuk", "2025-10-26"),
    ("Asia/Gaza", "2011-08-01"),
    ("Asia/Kathmandu", "1986-01-01"),
    ("Africa/Monrovia", "1972-01-07"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Kwajalein", "1993-08-21"),
    ("Europe/Lisbon", "2025-10-26"),
]


@pytest.mark.parametrize(("zone", "day"), NEAR_MIDNIGHT)
def test_a_moment_lies_in_the_stretches_of_its_own_day_only(zone: str, day: str) -> None:
    """Looking a window up by time finds what its name says, minute by minute around the change."""
    rule = the_rule(limit="once_per_calendar_day", timezone=zone)
    event = facts(make_event())
    marks = [moment(f"{day}T00:00:00+00:00") + timedelta(minutes=minutes) for minutes in range(-36 * 60, 36 * 60, 10)]
    moments = [mark + shift for mark in marks for shift in (-TICK, 0 * TICK, timedelta(seconds=90))]
    found = {instant: window_of(rule, event._replace(timestamp=instant)) for instant in moments}
    for instant, its_own in found.items():
        assert its_own.name == f"day:{instant.astimezone(ZoneInfo(zone)).date()}[{zone}]"
        holding = [
            each for each in set(found.values()) if any(start <= instant <= end for start, end in each.stretches)
        ]
        assert holding == [its_own]


def test_ever_reaches_over_all_time() -> None:
    """From before the first event to the last moment there is."""
    found = window("2025-11-01T00:00:00Z", limit="once_ever")
    assert (found.name, found.code, found.event_id) == ("ever", ReasonCode.ALREADY_SENT_ONCE_EVER, None)
    ((start, until),) = found.stretches
    assert start <= moment("1970-01-01T00:00:00+00:00")
    assert until == moment("9999-12-31T23:59:59.999999+00:00")


@pytest.mark.parametrize("timestamp", ["2025-11-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_without_a_limit_the_window_is_the_event(timestamp: str) -> None:
    """One request for each event and template."""
    found = window(timestamp, limit="none", event_id="evt_9")
    assert (found.name, found.code, found.event_id) == ("event:evt_9", ReasonCode.ALREADY_SENT_FOR_EVENT, 7)
    assert found.stretches == ((moment(timestamp), moment(timestamp)),)


def test_a_window_without_own_id_is_named_by_the_content() -> None:
    """Two events without ids are two windows."""
    first = window("2025-11-01T00:00:00Z", limit="none", event_id=None)
    second = window("2025-11-01T00:00:01Z", limit="none", event_id=None)
    assert len({first.name, second.name}) == 2
    assert all(name.startswith("event:") and len(name) == len("event:") + 64 for name in (first.name, second.name))
