"""Which rules can never match and which are shadowed, one row each; and those that lint must let pass."""

from typing import Any

import pytest

from marketing_cli.services.rules_lint_conditions import contradiction, shadows
from support.deciding import exists, field, make_rule, missing, prior, rule_set, the_rule

TIME = "event.event_timestamp"
NOON, LATER = "2025-11-01T12:00:00Z", "2025-11-01T12:00:01Z"


def n(operator: str, expected: Any) -> dict[str, Any]:
    """A condition on one property."""
    return field("properties.n", operator, expected)


NEVER = {
    "a number above and below": ([n("gt", 3), n("lt", 3)], [0, 1]),
    "just missing each other": ([n("gte", 3), n("lt", 3.0)], [0, 1]),
    "an interval of one, left out": ([n("gte", 3), n("lte", 3), n("not_equals", 3.0)], [0, 1, 2]),
    "two values at once": ([n("equals", 3), n("equals", 4)], [0, 1]),
    "true is not 1": ([n("equals", expected=True), n("equals", 1)], [0, 1]),
    "true is no text": ([n("equals", expected=True), n("not_equals", "a")], [0, 1]),
    "both booleans refused": ([n("not_in", [True, False])], [0]),
    "text that is no number": ([n("equals", "many"), n("gte", 3)], [0, 1]),
    "a number in text that is too small": ([n("equals", "2"), n("gte", 3)], [0, 1]),
    "lists without a common value": ([n("in", [1, "a"]), n("in", [2, "b"])], [0, 1]),
    "not comparable with what is refused": ([n("in", ["a", "b"]), n("not_in", [1, 2])], [0, 1]),
    "there and not there": ([exists("properties.n"), missing("properties.n")], [0, 1]),
    "a value that is missing": ([n("not_equals", 3), missing("properties.n")], [0, 1]),
    "text before all text": ([n("lt", "")], [0]),
    "text out of order": ([n("gt", "b"), n("lt", "a")], [0, 1]),
    "only the two at fault": ([n("gt", 0), exists("properties.n"), n("lt", 100), n("lt", -5)], [0, 3]),
    "a number within a number": ([n("equals", 3), exists("properties.n.unit")], [0, 1]),
    "something within what is missing": ([field("properties.a.b.c", "equals", 1), missing("properties.a")], [1, 0]),
    "an event without a time": ([missing(TIME)], [0]),
    "an event without a user": ([missing("event.user_id")], [0]),
    "another type": ([field("event.event_type", "not_equals", "x")], [0]),
    "a type that is no number": ([field("event.event_type", "gte", 1)], [0]),
    "an id that is true": ([field("event.event_id", "equals", expected=True)], [0]),
    "something within an id": ([exists("event.event_id.part")], [0]),
    "before the first year": ([field(TIME, "lt", "1970-01-01T00:00:00Z")], [0]),
    "after the last moment": ([field(TIME, "gt", "9999-12-31T23:59:59.999999Z")], [0]),
    "a stretch of time that ends first": ([field(TIME, "gte", LATER), field(TIME, "lte", NOON)], [0, 1]),
    "moments that are not the same": ([field(TIME, "in", [NOON]), field(TIME, "equals", LATER)], [0, 1]),
}
"""The conditions, and the places of those that are at fault."""

PERHAPS = {
    "numeric text is both": [n("equals", 3), n("equals", "3")],
    "a number and other spellings of it": [n("equals", 3), n("not_equals", "3")],
    "numeric text in a list": [n("in", ["3", True]), n("gte", 3)],
    "a list of both kinds": [n("in", ["a", 3]), n("not_equals", "a")],
    "a list of both kinds, the number in text": [n("in", ["b", 3]), n("not_in", ["3", "b"]), n("lt", "a")],
    "numeric text after the text 9": [n("gte", 3), n("gt", "9")],
    "numeric text before the text 0": [n("lte", 3), n("lt", "0")],
    "beyond any double": [n("gt", 1.7976931348623157e308)],
    "beyond any integer": [n("gt", 2**63 - 1), n("not_equals", 1e300)],
    "beyond any integer, below zero": [n("lt", -(2**63))],
    "3 and 3.0": [n("equals", 3), n("in", [3.0])],
    "an interval of one": [n("gte", 3), n("lte", 3)],
    "the empty text": [n("lte", "")],
    "text between two": [n("gt", "a"), n("lt", "b"), n("not_equals", "ab")],
    "one boolean left": [n("not_equals", expected=True)],
    "not in a list of booleans and text": [n("not_in", [True, False, "a"])],
    "missing twice": [missing("properties.n"), missing("properties.n")],
    "missing, and so is what is within": [missing("properties.n"), missing("properties.n.unit")],
    "an object that is there": [exists("properties.n"), n("exists", expected=True), exists("properties.n.unit")],
    "a number without something within": [n("equals", 3), missing("properties.n.unit")],
    "the same key elsewhere": [n("equals", 3), field("user_traits.n", "equals", 4)],
    "the type": [field("event.event_type", "in", ["x", "y"])],
    "a user who is a number": [field("event.user_id", "gte", 1000)],
    "no id": [missing("event.event_id")],
    "a key of the event": [missing("event.source")],
    "the first moment": [field(TIME, "lte", "1970-01-01T00:00:00Z")],
    "one moment, spelt twice": [field(TIME, "equals", NOON), field(TIME, "in", ["2025-11-01T13:00:00+01:00"])],
    "not that moment": [field(TIME, "not_in", [NOON]), field(TIME, "gte", NOON), field(TIME, "lte", LATER)],
    "two earlier events": [prior("y", "1s"), prior("z", "1d")],
    "nothing": [],
}


@pytest.mark.parametrize(("when", "at_fault"), NEVER.values(), ids=NEVER)
def test_a_contradiction_is_found(when: list[dict[str, Any]], at_fault: list[int]) -> None:
    """With no more conditions than are at fault."""
    rule = the_rule(on="x", when=when)
    assert list(contradiction(rule)) == [rule.when[place] for place in at_fault]


@pytest.mark.parametrize("when", PERHAPS.values(), ids=PERHAPS)
def test_what_may_match_is_let_pass(when: list[dict[str, Any]]) -> None:
    """However unlikely it looks."""
    assert contradiction(the_rule(on="x", when=when)) == ()


ONE = [n("equals", 1), prior("y", "24h")]
SHADOWED = {
    "the same": (make_rule(when=ONE), make_rule(when=ONE)),
    "in another order": (make_rule(when=ONE), make_rule(when=ONE[::-1])),
    "spelt otherwise": (make_rule(when=ONE), make_rule(when=[n("in", [1.0]), prior("y", "1d")])),
    "a list in another order": (make_rule(when=[n("in", [1, 2])]), make_rule(when=[n("in", [2, 1, 1])])),
    "more conditions": (make_rule(when=ONE), make_rule(when=[*ONE, n("gte", 0)])),
    "none and some": (make_rule(), make_rule(when=ONE)),
    "another channel": (make_rule(), make_rule(message={"template": "T", "channel": "email"})),
    "once ever": (make_rule(limit="once_ever"), make_rule(limit="once_ever")),
    "once a day": (make_rule(limit="once_per_calendar_day"), make_rule(limit="once_per_calendar_day")),
}
NOT_SHADOWED = {
    "another template": (make_rule(), make_rule("U")),
    "another type": (make_rule(), make_rule(on="other")),
    "fewer conditions": (make_rule(when=ONE), make_rule(when=ONE[:1])),
    "true is not 1": (make_rule(when=[n("equals", 1)]), make_rule(when=[n("equals", expected=True)])),
    '"3" is not 3': (make_rule(when=[n("equals", 3)]), make_rule(when=[n("equals", "3")])),
    "true in a list is not 1": (make_rule(when=[n("in", [0, 1])]), make_rule(when=[n("in", [False, True])])),
    "another field": (make_rule(when=[n("gte", 1)]), make_rule(when=[field("user_traits.n", "gte", 1)])),
    "another operator": (make_rule(when=[n("gte", 1)]), make_rule(when=[n("gt", 1)])),
    "exists is not true": (make_rule(when=[n("equals", expected=True)]), make_rule(when=[exists("properties.n")])),
    "another length of time": (make_rule(when=[prior("y", "24h")]), make_rule(when=[prior("y", "25h")])),
    "disabled": (make_rule(), make_rule(enabled=False)),
    "the earlier one disabled": (make_rule(enabled=False), make_rule()),
}


def shadowed(*rules: dict[str, Any]) -> list[tuple[str, str]]:
    """The names of shadowed rules, each with what shadows it; the rules are called r0, r1 and so on."""
    named = [rule | {"name": f"r{place}"} for place, rule in enumerate(rules)]
    return [(shadow.rule.name, shadow.by.name) for shadow in shadows(rule_set(*named))]


@pytest.mark.parametrize("rules", SHADOWED.values(), ids=SHADOWED)
def test_a_shadowed_rule_is_found(rules: tuple[dict[str, Any], ...]) -> None:
    """It is the later one, whose window is always used up."""
    assert shadowed(*rules) == [("r1", "r0")]


@pytest.mark.parametrize("rules", NOT_SHADOWED.values(), ids=NOT_SHADOWED)
def test_rules_that_differ_do_not_shadow(rules: tuple[dict[str, Any], ...]) -> None:
    """Each may lead to a request of its own."""
    assert shadowed(*rules) == []


def test_each_shadowed_rule_is_told_once() -> None:
    """With the first rule that shadows it, whatever stands between them."""
    assert shadowed(make_rule(), make_rule("U"), make_rule(), make_rule(when=ONE)) == [("r2", "r0"), ("r3", "r0")]
