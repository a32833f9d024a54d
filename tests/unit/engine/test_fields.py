"""Which value of an event a path leads to, and moments compared as moments."""

from typing import Any

import pytest

from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import MISSING as NOTHING
from marketing_cli.services.rule_evaluation import ConditionResult, evaluate
from support.deciding import event_in, exists, facts, field, missing, the_rule
from support.events import MISSING, make_event

NESTED = {
    "card": {"brand": "visa", "bin": {"country": "PT"}},
    "tags": [{"name": "a"}],
    "a.b": 1,
    "": {"": 1},
    "n": None,
}


def look(condition: dict[str, Any], **event: Any) -> ConditionResult:
    """The result of one condition on one event."""
    (result,) = evaluate(the_rule(when=[condition]), facts(make_event(**event)), History()).results
    return result


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("properties.card.brand", "visa"),
        ("properties.card.bin.country", "PT"),
        ("properties.card", NESTED["card"]),
        ("properties.card.bin.country.name", NOTHING),
        ("properties.card.issuer", NOTHING),
        ("properties.Card", NOTHING),
        ("properties.tags", NESTED["tags"]),
        ("properties.tags.name", NOTHING),
        ("properties.tags.0", NOTHING),
        ("properties.tags.0.name", NOTHING),
        ("properties.a.b", NOTHING),
        ("properties.n", None),
        ("properties.n.x", NOTHING),
        ("user_traits.marketing_opt_in", True),
        ("user_traits.brand", NOTHING),
    ],
)
def test_a_path_leads_through_objects(path: str, found: Any) -> None:
    """Not through lists, text or null, and a key that holds a dot cannot be reached."""
    result = look(exists(path), properties=NESTED)
    assert result.found == found
    assert result.held is (found is not NOTHING and found is not None)


@pytest.mark.parametrize(
    ("path", "event", "found"),
    [
        ("event.user_id", {"user_id": "u_9"}, "u_9"),
        ("event.user_id", {"user_id": 9}, "9"),
        ("event.event_type", {"event_type": "payment_failed"}, "payment_failed"),
        ("event.event_id", {"event_id": "e_9"}, "e_9"),
        ("event.event_id", {"event_id": MISSING}, NOTHING),
        ("event.event_id", {"event_id": None}, NOTHING),
        ("event.event_id", {"event_id": MISSING, "message_id": "m_9"}, "m_9"),
        ("event.message_id", {"event_id": MISSING, "message_id": "m_9"}, NOTHING),
        ("event.event_id", {"event_id": "e_9", "message_id": "m_9"}, "e_9"),
        ("event.message_id", {"event_id": "e_9", "message_id": "m_9"}, "m_9"),
        ("event.messageId", {"event_id": MISSING, "message_id": "m_9", "messageId": "n_9"}, "n_9"),
        ("event.source", {"source": "app"}, "app"),
        ("event.source", {}, NOTHING),
        ("event.source", {"source": None}, None),
        ("event.context.app.version", {"context": {"app": {"version": 7}}}, 7),
        ("event.user_id.x", {}, NOTHING),
        ("event.event_timestamp.year", {}, NOTHING),
        ("properties.x", {"properties": None}, NOTHING),
        ("properties.x", {"properties": MISSING}, NOTHING),
        ("user_traits.x", {"user_traits": MISSING}, NOTHING),
    ],
)
def test_the_events_own_fields(path: str, event: dict[str, Any], found: Any) -> None:
    """The top level, keys without a column included; the id only where the producer gave one."""
    assert look(exists(path), **event).found == found


def test_an_event_id_is_not_the_content_hash() -> None:
    """An event without an id has a key, but no id that a rule could look at."""
    event = make_event(event_id=MISSING)
    assert event_in(event).facts(1).key == event_in(event).content_hash.hex()
    assert look(missing("event.event_id"), event_id=MISSING).held


@pytest.mark.parametrize(
    ("operator", "expected", "timestamp", "holds"),
    [
        ("equals", "2025-11-01T10:00:00Z", "2025-11-01T10:00:00Z", True),
        ("equals", "2025-11-01T10:00:00Z", "2025-11-01T15:30:00+05:30", True),
        ("equals", "2025-11-01T15:30:00+05:30", "2025-11-01 10:00:00.000000z", True),
        ("equals", "2025-11-01t10:00:00.000z", "2025-11-01T10:00:00Z", True),
        ("equals", "2025-11-01T10:00:00.0000009Z", "2025-11-01T10:00:00Z", True),
        ("equals", "2025-11-01T10:00:00.5Z", "2025-11-01T10:00:00.500Z", True),
        ("not_equals", "2025-11-01T10:00:00Z", "2025-11-01T09:00:00-01:00", False),
        ("not_equals", "2025-11-01T10:00:00Z", "2025-11-01T10:00:00.000001Z", True),
        ("gt", "2025-11-01T00:00:00+01:00", "2025-10-31T23:00:00Z", False),
        ("gte", "2025-11-01T00:00:00+01:00", "2025-10-31T23:00:00Z", True),
        ("gte", "2025-11-01T00:00:00+01:00", "2025-10-31T22:59:59.999999Z", False),
        ("lt", "2025-11-01T00:00:00-01:00", "2025-11-01T02:00:00+02:00", True),
        ("lte", "1970-01-01T00:00:00Z", "1970-01-01T05:45:00+05:45", True),
        ("gt", "9999-12-31T23:59:59.999998Z", "9999-12-31T23:59:59.999999Z", True),
        ("lt", "9999-12-31T18:59:59-05:00", "9999-12-31T23:59:58Z", True),
        ("in", ["2025-01-01T00:00:00Z", "2025-11-01T11:00:00+01:00"], "2025-11-01T10:00:00Z", True),
        ("not_in", ["2025-01-01T00:00:00Z", "2025-11-01T11:00:00+01:00"], "2025-11-01T10:00:00Z", False),
    ],
)
def test_the_timestamp_compares_as_an_instant(operator: str, expected: Any, timestamp: str, holds: bool) -> None:
    """Whatever offset, case or digits of a second either side was written with."""
    result = look(field("event.event_timestamp", operator, expected), event_timestamp=timestamp)
    assert (result.held, result.code) == (holds, None if holds else ReasonCode.CONDITION_FALSE)


@pytest.mark.parametrize("path", ["properties.at", "user_traits.at", "event.sent_at"])
def test_other_timestamps_compare_as_text(path: str) -> None:
    """Only the event's own timestamp is known to be one."""
    late, event = "2025-11-01T11:00:00+01:00", {"at": "2025-11-01T10:00:00Z"}
    assert not look(field(path, "equals", late), properties=event, user_traits=event, sent_at=event["at"]).held


def test_every_condition_is_looked_at_and_the_first_failure_is_told() -> None:
    """An explanation shows all conditions; a value that cannot be compared stops none of them."""
    conditions = [
        field("properties.a", "equals", 1),
        field("properties.b", "gte", 3),
        field("properties.c", "equals", 1),
    ]
    evaluation = evaluate(the_rule(when=conditions), facts(make_event(properties={"a": 1, "b": [], "c": 2})), History())
    codes = [result.code for result in evaluation.results]
    assert codes == [None, ReasonCode.VALUE_NOT_COMPARABLE, ReasonCode.CONDITION_FALSE]
    assert evaluation.first_failure is evaluation.results[1]
    assert not evaluation.matched


def test_a_rule_without_conditions_matches_every_event_of_its_type() -> None:
    """Nothing has to hold."""
    evaluation = evaluate(the_rule(), facts(make_event()), History())
    assert (evaluation.matched, evaluation.results, evaluation.first_failure) == (True, (), None)
