"""Two sets of outcomes side by side: every way to differ has one name, and no difference has none."""

from datetime import UTC, datetime

import pytest

from marketing_cli.domain.reasons import Outcome
from marketing_cli.services.backtest_compare import Change, DecisionKey, Settled, change_of, changes

NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)
REQUESTED = Settled(Outcome.REQUESTED, "requested", "sms", NOON, "it matched")
SUPPRESSED = Settled(
    Outcome.SUPPRESSED, "suppressed", "sms", NOON, "it matched", "daily_cap_reached", "skipped: sent at 10:00", 1
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, None, None),
        (REQUESTED, REQUESTED, None),
        (SUPPRESSED, SUPPRESSED, None),
        (None, REQUESTED, Change.NEWLY_REQUESTED),
        (REQUESTED, None, Change.NO_LONGER_REQUESTED),
        (REQUESTED, SUPPRESSED, Change.REQUESTED_TO_SUPPRESSED),
        (SUPPRESSED, REQUESTED, Change.SUPPRESSED_TO_REQUESTED),
        (None, SUPPRESSED, Change.NEWLY_SUPPRESSED),
        (SUPPRESSED, None, Change.NO_LONGER_SUPPRESSED),
        (REQUESTED, REQUESTED._replace(reason="otherwise"), Change.OTHER_REASON),
        (REQUESTED, REQUESTED._replace(channel="email"), Change.OTHER_REASON),
        (REQUESTED, REQUESTED._replace(status="historical"), Change.OTHER_REASON),
        (SUPPRESSED, SUPPRESSED._replace(reason="otherwise"), Change.OTHER_REASON),
        (SUPPRESSED, SUPPRESSED._replace(reason_code="already_sent_once_ever"), Change.OTHER_REASON),
        (SUPPRESSED, SUPPRESSED._replace(suppression_reason="skipped: sent at 11:00"), Change.OTHER_REASON),
        (SUPPRESSED, SUPPRESSED._replace(blocked_by=2), Change.OTHER_REASON),
    ],
)
def test_change_of(before: Settled | None, after: Settled | None, expected: Change | None) -> None:
    """Each pair of outcomes has exactly one name."""
    assert change_of(before, after) is expected


def test_changes_are_in_the_order_of_events() -> None:
    """What only one side has is found on either side, and what is equal is left out."""
    first, second, third = (DecisionKey(number, "rule", "T") for number in (1, 2, 3))
    found = list(changes({third: REQUESTED, second: SUPPRESSED}, {first: REQUESTED, second: SUPPRESSED}))
    assert found == [(first, Change.NEWLY_REQUESTED), (third, Change.NO_LONGER_REQUESTED)]
