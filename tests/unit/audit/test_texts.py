"""Why a condition did not hold, in words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.schemas.rules import FieldCondition, PriorEventCondition
from marketing_cli.services.audit_shapes import condition_shape
from marketing_cli.services.audit_texts import failure_text, note_text
from marketing_cli.services.engine import gap_text
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult

NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)
EVENT = EventFacts(7, "e", has_own_id=True, user_id="u", event_type="t", timestamp=NOON)
PRIOR = PriorEventCondition(prior_event="signed_up", within=timedelta(hours=24), within_text="24h")


def field(
    operator: str, *, expected: Any, found: Any, code: ReasonCode = ReasonCode.CONDITION_FALSE
) -> ConditionResult:
    """A condition on `properties.x` that did not hold."""
    condition = FieldCondition(field="properties.x", operator=operator, expected=expected)
    return ConditionResult(condition, held=False, found=found, code=code)


def prior(before: timedelta | None) -> ConditionResult:
    """A condition on a prior event that came so long before, or is not known."""
    if before is None:
        return ConditionResult(PRIOR, held=False, code=ReasonCode.PRIOR_EVENT_MISSING)
    found = EventRef(NOON - before, 3, "s")
    held = timedelta(0) <= before <= PRIOR.within
    return ConditionResult(PRIOR, held, found, None if held else ReasonCode.PRIOR_EVENT_OUTSIDE_WINDOW)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (field("equals", expected=True, found=MISSING), "properties.x equals true: it is not there"),
        (field("equals", expected="a", found=None), 'properties.x equals "a": found null'),
        (field("not_in", expected=("a", 1), found="a"), 'properties.x not_in ["a", 1]: found "a"'),
        (field("exists", expected=True, found=MISSING), "properties.x exists: it is not there"),
        (field("exists", expected=True, found=None), "properties.x exists: found null"),
        (field("missing", expected=True, found=3), "properties.x missing: found 3"),
        (
            field("gt", expected=3, found=[1], code=ReasonCode.VALUE_NOT_COMPARABLE),
            "properties.x gt 3: found [1], which cannot be compared with that",
        ),
        (field("equals", expected="a", found="é" * 500), f'properties.x equals "a": found "{"é" * 78}…'),
        (prior(None), "no signed_up of this user is known"),
        (prior(timedelta(hours=26, minutes=10)), "signed_up s came 26 h 10 m before; 24h allowed"),
        (prior(timedelta(minutes=-5)), "signed_up s came 5 m after, and not in the 24h before"),
    ],
)
def test_a_failure_in_words(result: ConditionResult, text: str) -> None:
    """What was expected, and what was found; never a crash, whatever was found."""
    assert failure_text(result, EVENT) == text


@pytest.mark.parametrize(
    ("before", "gap", "note"),
    [
        (timedelta(0), "at the same moment", None),
        (timedelta(hours=24), "24 h before", None),
        (timedelta(hours=24, microseconds=1), "24 h before", "1 µs too early"),
        (timedelta(days=3, hours=2), "3 d 2 h before", "2 d 2 h too early"),
        (timedelta(seconds=-90), "1 m 30 s after", "it came after the event"),
    ],
)
def test_by_how_much_a_window_was_missed(before: timedelta, gap: str, note: str | None) -> None:
    """To the two largest units, from the window's own edge."""
    result = prior(before)
    assert gap_text(result.found, EVENT) == gap
    assert note_text(result, EVENT) == note


@pytest.mark.parametrize("found", [None, 0, "", [], {}, False, "null"])
def test_what_was_found_is_shown_as_it_is(found: Any) -> None:
    """Values that are false in Python are values all the same."""
    shape = condition_shape(field("equals", expected=1, found=found), EVENT).model_dump()
    assert shape["found"] == found
    assert type(shape["found"]) is type(found)


def test_what_was_not_there_has_no_key() -> None:
    """Absent, and not null."""
    assert "found" not in condition_shape(field("equals", expected=1, found=MISSING), EVENT).model_dump()
    assert "found" not in condition_shape(prior(None), EVENT).model_dump()
