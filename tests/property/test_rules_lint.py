"""What lint says of a rule is so: no event whatever makes it match, and no history makes it request anything."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.schemas.rules import Channel, FieldCondition, Limit, Message, Rule
from marketing_cli.services.engine import arrive, decide
from marketing_cli.services.history import History
from marketing_cli.services.rules_lint_conditions import contradiction, shadows
from property.strategies import event_sets, rule_lists
from support.deciding import facts, field, history_of, make_rule, prior, rule_set, the_rule
from support.events import MISSING, make_event

pytestmark = pytest.mark.faults  # many histories: slow

Json = dict[str, Any]
START = datetime(2025, 11, 1, tzinfo=UTC)
HUGE = ["9" * 309, "9" * 500, f"{'9' * 400}.5"]
ROUND_THREE = [3, 3.0, 2.9999999999999996, 3.0000000000000004, 3.25]
NUMBERS: list[Any] = [-0.5, 0, 0.5, 1, *ROUND_THREE, -1, -1.5, 1e10, 2**63 - 1, -(2**63), 1e300, 1.7e308]
TEXTS: list[Any] = [
    "",
    "0",
    "1",
    "3",
    "3-",
    "3.0",
    "03",
    "-0",
    "-1",
    "3.25",
    "3.00000000000000001",
    "a",
    "ab",
    "abc",
    "b",
]
NUMBERS_AS_TEXT = [str(2**63 - 1), str(int(1.7e308)), *HUGE, *(f"-{text}" for text in HUGE)]
MORE_TEXTS = [*NUMBERS_AS_TEXT, " 3", "true", "B", "\u0001", "a\u0001", "\U0010ffff"]
FOUND: list[Any] = [MISSING, None, True, False, *NUMBERS, *TEXTS, *MORE_TEXTS, [], [3], {}, {"w": 3}, {"w": None}]
EXPECTED: list[Any] = [True, False, 0, 1, 3, 3.0, 3.25, -1, 2**63 - 1, 1.7e308, "", "0", "3", "3.0", "a", "ab", "b"]
LISTS: list[list[Any]] = [["a"], [3], [True], ["3"], [3, "a"], [3, True], ["a", "b"], [0, 1], [True, False], ["3", 3]]
ORDERED = [expected for expected in EXPECTED if not isinstance(expected, bool)]
OPERATORS: dict[str, list[Any]] = {
    **dict.fromkeys(("equals", "not_equals"), EXPECTED),
    **dict.fromkeys(("in", "not_in"), LISTS),
    **dict.fromkeys(("gt", "gte", "lt", "lte"), ORDERED),
    "exists": [True],
    "missing": [True],
}
CONDITIONS = [(operator, expected) for operator, values in OPERATORS.items() for expected in values]


def rule_of(*conditions: FieldCondition) -> Rule:
    """A rule with these conditions."""
    message = Message(template="T", channel=Channel.SMS)
    return Rule(name="r", on="x", when=conditions, message=message, limit=Limit.NONE)


def condition(operator: str, expected: Any, path: str = "properties.v") -> FieldCondition:
    """A condition on one field."""
    value = tuple(expected) if isinstance(expected, list) else expected
    return FieldCondition(field=path, operator=operator, expected=value)


def arrived(value: Any) -> EventFacts:
    """An event with this value."""
    properties = {} if value is MISSING else {"v": value}
    return EventFacts(1, "e", has_own_id=True, user_id="u", event_type="x", timestamp=START, properties=properties)


EVENTS = [arrived(value) for value in FOUND]
ORDER = {"gt", "gte", "lt", "lte"}


def is_deep(pair: tuple[FieldCondition, ...]) -> bool:
    """Whether telling that two conditions contradict each other takes knowing in which order numbers are spelt."""
    ordered = [c for c in pair if c.operator in ORDER and isinstance(c.expected, str)]
    return len(ordered) == 1 and {c.operator for c in pair}.isdisjoint({"exists", "missing"})


def matched(rule: Rule) -> list[EventFacts]:
    """The events that a rule matches."""
    return [given for given in EVENTS if decide(rule, given, History(), given).decision]


def test_two_conditions_on_one_field() -> None:
    """Each pair of conditions against each value: what is called a contradiction holds for none; few are missed."""
    all_conditions = [condition(*words) for words in CONDITIONS]
    said, missed = 0, []
    for pair in combinations(all_conditions, 2):
        rule = rule_of(*pair)
        holds_for = matched(rule)
        if contradiction(rule):
            assert not holds_for, (pair, holds_for[0].properties)
            said += 1
        elif not holds_for:
            missed.append(pair)
    assert said > 2000
    assert [pair for pair in missed if not is_deep(pair)] == []


PATHS = ("properties.v", "properties.v", "properties.v.w", "user_traits.v", "event.source", "event.source.v")
OWN_PATHS = ("event.event_id", "event.user_id", "event.event_type", "event.event_id.v", "event.event_timestamp.v")
MOMENTS = (
    "1970-01-01T00:00:00Z",
    "2025-11-01T10:00:00Z",
    "2025-11-01T11:00:00+01:00",
    "2025-11-01T10:00:00.000001Z",
    "2025-11-01T10:00:00.000002999Z",
    "9999-12-31T23:59:59.999999Z",
)


@st.composite
def written(draw: st.DrawFn) -> Json:
    """A condition as a file holds it."""
    if draw(st.integers(0, 9)) == 0:
        return prior(draw(st.sampled_from(("x", "y"))), draw(st.sampled_from(("1s", "24h"))))
    if draw(st.integers(0, 3)) == 0:
        operator = draw(st.sampled_from(list(OPERATORS)))
        moments = st.sampled_from(MOMENTS)
        lists = st.lists(moments, min_size=1, max_size=3)
        values = st.just(value=True) if OPERATORS[operator] == [True] else lists if "in" in operator else moments
        return field("event.event_timestamp", operator, draw(values))
    operator, expected = draw(st.sampled_from(CONDITIONS))
    return field(draw(st.sampled_from(PATHS + OWN_PATHS)), operator, expected)


@st.composite
def raw_events(draw: st.DrawFn) -> Json:
    """An event as a file holds it, with values that conditions ask for or just miss."""
    values = st.sampled_from(FOUND)
    inner = st.builds(lambda value: {} if value is MISSING else {"w": value, "v": value}, values)
    visible = st.sampled_from([text for text in TEXTS if text])
    return make_event(
        event_id=draw(st.one_of(st.just(MISSING), visible)),
        user_id=draw(visible),
        event_type=draw(st.sampled_from(("x", "x", "3", "a"))),
        event_timestamp=draw(st.sampled_from(MOMENTS)),
        source=draw(st.one_of(values, inner)),
        properties={"v": value} if (value := draw(st.one_of(values, inner))) is not MISSING else {},
        user_traits={"v": value} if (value := draw(values)) is not MISSING else {},
    )


@settings(max_examples=400)
@given(st.sampled_from(("x", "3", "a")), st.lists(written(), min_size=1, max_size=4), st.data())
def test_no_event_matches_a_rule_that_can_never_match(on: str, when: list[Json], data: st.DataObject) -> None:
    """Whatever its fields, its time, and what came before it."""
    rule = the_rule(on=on, when=when)
    conditions = contradiction(rule)
    event("contradiction" if conditions else "none")
    assume(conditions)
    assert set(map(id, conditions)) <= set(map(id, rule.when))
    events = [facts(raw, row) for row, raw in enumerate(data.draw(st.lists(raw_events(), min_size=12, max_size=12)), 1)]
    for one in events:
        probe = one._replace(event_type=on)
        others = [
            other._replace(event_type=kind, user_id=one.user_id, timestamp=one.timestamp)
            for other in events
            if other is not one
            for kind in ("x", "y")
        ]
        assert decide(rule, probe, history_of(*others), probe).decision is None
        fewer = rule.model_copy(update={"when": conditions})
        assert decide(fewer, probe, History(), probe).decision is None


@st.composite
def rules_with_copies(draw: st.DrawFn) -> list[Json]:
    """Rules of which some are like an earlier one, or have more or fewer conditions, in another order."""
    rules = draw(rule_lists())
    for number in range(draw(st.integers(1, 3))):
        like = draw(st.sampled_from(rules))
        more = draw(st.lists(st.sampled_from([c for rule in rules for c in rule["when"]] or [prior("link", "1h")])))
        fewer = draw(st.lists(st.sampled_from(like["when"]), unique_by=str)) if like["when"] else []
        when = draw(st.permutations([*draw(st.sampled_from((like["when"], fewer))), *more]))
        on = draw(st.sampled_from((like["on"], like["on"], "failed")))
        enabled = draw(st.integers(0, 5)) > 0
        rules.append(like | {"name": f"copy{number}", "when": list(when), "on": on, "enabled": enabled})
    return list(draw(st.permutations(rules)))


@settings(max_examples=300)
@given(rules_with_copies(), event_sets(most=12), st.data())
def test_a_shadowed_rule_never_requests(raw_rules: list[Json], events: list[Json], data: st.DataObject) -> None:
    """In whatever order events arrive, late facts included; there is always an earlier decision of the other rule."""
    rules = rule_set(*raw_rules)
    found = list(shadows(rules))
    event(f"{min(len(found), 2)} shadowed")
    assume(found)
    history, decisions = History(), []
    for row, raw in enumerate(data.draw(st.permutations(events)), 1):
        decisions += [v.decision for v in arrive(rules, facts(raw, row), history) if v.decision]
    for shadow in found:
        mine = [decision for decision in decisions if decision.rule is shadow.rule]
        assert not [decision for decision in mine if decision.outcome is Outcome.REQUESTED]
        for decision in mine:
            before = decisions[: decisions.index(decision)]
            assert [d for d in before if d.rule is shadow.by and d.event is decision.event]


@pytest.mark.parametrize("gap", [timedelta(0), timedelta(hours=24)])
def test_a_shadowed_rule_would_request_alone(gap: timedelta) -> None:
    """It is the earlier rule that keeps it from that: the same rule by itself is of use."""
    both = [make_rule(name=name, on="link", when=[prior("signup", "24h")], limit="once_ever") for name in "ab"]
    signup = facts(make_event(event_id="s", event_type="signup", event_timestamp=START.isoformat()), 2)
    link = facts(make_event(event_id="l", event_type="link", event_timestamp=(START + gap).isoformat()), 1)
    for known, expected in ((rule_set(*both), ["requested", "suppressed"]), (rule_set(both[1]), ["requested"])):
        history = History()
        verdicts = [verdict for event in (link, signup) for verdict in arrive(known, event, history)]
        assert [verdict.decision.outcome for verdict in verdicts if verdict.decision] == expected
