import re
from datetime import UTC, datetime
from typing import Any

import pytest

from marketing_cli.errors import UsageError
from marketing_cli.schemas.list_queries import DayOf
from marketing_cli.services.listing_filters import LARGEST_ID, decision_query, moment, reject_query, run_query

NOW = datetime(2025, 11, 10, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", datetime(2025, 11, 10, 11, 58, 30, 250_000, tzinfo=UTC)),
        ("15m", datetime(2025, 11, 10, 11, 45, 0, 250_000, tzinfo=UTC)),
        ("2h", datetime(2025, 11, 10, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("7d", datetime(2025, 11, 3, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2w", datetime(2025, 10, 27, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("0s", NOW),
        ("2025-11-01T10:00:00Z", datetime(2025, 11, 1, 10, tzinfo=UTC)),
        ("2025-11-01T10:00:00+01:00", datetime(2025, 11, 1, 9, tzinfo=UTC)),
        ("2025-11-01 10:00:00.5z", datetime(2025, 11, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_rfc_3339_or_so_long_before_now(text: str, expected: datetime) -> None:
    """Lengths of time count back from the one moment that the command takes for now."""
    assert moment("--since", text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2025-11-01", "--since takes a moment, not a day: write 2025-11-01T00:00:00Z"),
        ("2025-11-01T10:00:00", "2025-11-01T10:00:00 has no time zone; add Z"),
        ("1969-12-31T23:59:59Z", "years 1970 to 9999"),
        ("2025-02-30T10:00:00Z", "does not understand"),
        ("999999999w", "before the calendar begins"),
        ("1234567890123456789012345d", "does not understand"),
        ("5", "90s, 15m, 2h, 7d, 2w for so long before now"),
        ("1762000000", "does not understand"),
        ("-2h", "does not understand"),
        ("2 h", "does not understand"),
        ("٢h", "does not understand"),
        ("1mo", "does not understand"),
        ("yesterday", "does not understand"),
        ("", "does not understand"),
        ("\x1b[2J", "\\u001b[2J"),
    ],
)
def test_what_is_no_moment_is_explained(text: str, hint: str) -> None:
    """The message names the option and says what to write instead."""
    with pytest.raises(UsageError, match=re.escape(hint)) as raised:
        moment("--since", text, NOW)
    assert str(raised.value).startswith("--since")


def test_both_ends_count_from_the_same_now() -> None:
    """`--since 3h --until 2h` is one hour, however long the command takes to read its options."""
    wanted = decision_query(since="3h", until="2h")
    assert wanted.since is not None
    assert wanted.until is not None
    assert (wanted.until - wanted.since).total_seconds() == 3600


@pytest.mark.parametrize("make", [decision_query, reject_query, run_query])
@pytest.mark.parametrize(
    ("since", "until"), [("2h", "3h"), ("2h", "2h"), ("2025-11-02T00:00:00Z", "2025-11-01T00:00:00Z")]
)
def test_an_empty_stretch_of_time_is_a_mistake(make: Any, since: str, until: str) -> None:
    """Since must come before until."""
    with pytest.raises(UsageError, match="exchange them"):
        make(since=since, until=until, now=NOW)


@pytest.mark.parametrize(
    ("make", "option", "word", "message"),
    [
        (
            decision_query,
            "channel",
            "SMS",
            '--channel takes one of email, sms, internal_alert, not "SMS"; did you mean "sms"?',
        ),
        (decision_query, "channel", "fax", '--channel takes one of email, sms, internal_alert, not "fax"'),
        (decision_query, "reason_code", "daily_cap", 'did you mean "daily_cap_reached"?'),
        # A rule that did not match leaves no suppression.
        (
            decision_query,
            "reason_code",
            "condition_false",
            "takes one of daily_cap_reached, already_sent_once_ever, already",
        ),
        (reject_query, "reason", "bad_jsn", 'did you mean "bad_json"?'),
        (reject_query, "reason", "", "takes one of bad_json, bad_utf8,"),
        (decision_query, "user", "\udcff", "--user: these bytes are not UTF-8 text"),
        (decision_query, "template", "a\udcff", "--template: these bytes are not UTF-8 text"),
        (reject_query, "user", "\udcff", "--user: these bytes are not UTF-8 text"),
        (decision_query, "run", 0, "--run is the number of an ingest run"),
        (reject_query, "run", -1, "--run is the number of an ingest run"),
        (decision_query, "run", LARGEST_ID + 1, "--run is the number of an ingest run"),
        (decision_query, "limit", -1, "--limit is a number of rows"),
        (reject_query, "limit", 10**9 + 1, "--limit is a number of rows"),
        (run_query, "limit", -1, "--limit is a number of rows"),
        (decision_query, "by_event_day", True, "add --summary"),
    ],
)
def test_a_bad_option_is_explained(make: Any, option: str, word: object, message: str) -> None:
    """What is allowed, and the nearest word, where there is one."""
    with pytest.raises(UsageError, match=re.escape(message)):
        make(**{option: word})


@pytest.mark.parametrize(
    ("make", "options", "limit"),
    [
        (decision_query, {}, 50),
        (decision_query, {"limit": 7}, 7),
        (decision_query, {"limit": 0}, 0),
        (decision_query, {"summary": True}, 0),
        (decision_query, {"summary": True, "limit": 7}, 7),
        (reject_query, {}, 50),
        (reject_query, {"raw": True}, 0),
        (reject_query, {"raw": True, "limit": 7}, 7),
        (run_query, {}, 50),
    ],
)
def test_a_list_has_50_rows_and_what_must_be_whole_has_all(make: Any, options: dict[str, Any], limit: int) -> None:
    """Counts that are cut short would be wrong, and lines to mend would be lost."""
    assert make(**options).limit == limit


@pytest.mark.parametrize(
    ("options", "day_of"),
    [({}, None), ({"summary": True}, DayOf.DECISION), ({"summary": True, "by_event_day": True}, DayOf.EVENT)],
)
def test_a_summary_counts_by_the_day_of_the_decision_or_of_the_event(options: dict[str, Any], day_of: Any) -> None:
    """By the decision's, unless asked."""
    assert decision_query(**options).day_of is day_of


def test_raw_lines_come_oldest_first_and_lists_newest_first() -> None:
    """The order in which lines came is the order in which they should be read again."""
    assert (reject_query(raw=True).oldest_first, reject_query().oldest_first) == (True, False)
