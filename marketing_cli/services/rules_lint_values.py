"""Is there a value for which all conditions on one field hold? Pure; what is not understood counts as yes.

An answer of no is a proof, by the same comparisons that decide; it makes no assumption on how large a number or how
long a text may be.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

from marketing_cli.schemas.rules import EQUALITY, INSTANT_FIELD, LISTS, ORDER, FieldCondition
from marketing_cli.schemas.timestamps import FIRST_YEAR, parse_timestamp
from marketing_cli.services.rule_evaluation import OPERATORS

_PICKING: Final = ("equals", "in")
_REFUSING: Final = ("not_equals", "not_in")
_FIRST_MOMENT: Final = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LAST_MOMENT: Final = datetime.max.replace(tzinfo=UTC)

Conditions: TypeAlias = Sequence[FieldCondition]


class _Bound(NamedTuple):
    """The end of a stretch of values that can be ordered; `itself` says whether it belongs to the stretch."""

    value: Any
    itself: bool


# Text that spells a number begins with a digit or a minus sign.
_FIRST_NUMBER: Final = _Bound("-", itself=True)
_LAST_NUMBER: Final = _Bound(":", itself=False)


def can_hold(conditions: Conditions, event_type: str) -> bool:
    """Whether all of these conditions, which are on one field, may hold for an event of this type."""
    root, key, *rest = conditions[0].path
    if root != "event" or key not in _OF_EVERY_EVENT:
        return _any_json(conditions)
    if rest:
        return _nothing(conditions)  # these are no objects, so that nothing is within them
    if key == "event_type":
        return _one_of([event_type], conditions)
    return _OF_EVERY_EVENT[key](conditions)


def needs_value(condition: FieldCondition) -> bool:
    """Whether a condition can only hold where there is a value."""
    return condition.operator != "missing"


def refuses_objects(condition: FieldCondition) -> bool:
    """Whether a condition can never hold for an object."""
    return condition.operator != "exists"


def _any_json(conditions: Conditions) -> bool:
    return (
        _nothing(conditions)
        or all(condition.operator == "exists" for condition in conditions)  # an object or a list
        or _one_of([True, False], conditions)
        or _text(conditions)  # a number meets no condition that text which spells it does not meet
    )


def _nothing(conditions: Conditions) -> bool:
    return not any(map(needs_value, conditions))


def _holds(value: object, condition: FieldCondition) -> bool:
    """Whether a condition holds for a value that is there: asked of the operators that decide."""
    if condition.operator in OPERATORS:
        return OPERATORS[condition.operator](value, condition.expected) is True
    return condition.operator == "exists"


def _one_of(values: Sequence[Any], conditions: Conditions) -> bool:
    return any(all(_holds(value, condition) for condition in conditions) for value in values)


def _number(conditions: Conditions) -> bool:
    """The number in a text: each of these conditions has at least one number, and compares by that."""
    picked = [_numbers(condition) for condition in conditions if condition.operator in _PICKING]
    if picked:
        return _one_of(min(picked, key=len), conditions)
    return _is_stretch(conditions, _numbers, None, None)


def _text(conditions: Conditions) -> bool:
    """Text: conditions with numbers see the number in it, if there is one, and those with text all of it."""
    if not all(map(needs_value, conditions)):
        return False
    compared = [condition for condition in conditions if condition.operator != "exists"]
    if not all(_numbers(condition) or _texts(condition) for condition in compared):
        return False
    mixed = [condition for condition in compared if _numbers(condition) and _texts(condition)]
    either, neither = ([c for c in mixed if c.operator == operator] for operator in LISTS)
    of_text = [condition for condition in compared if not _numbers(condition)]
    picked = [_texts(condition) for condition in of_text if condition.operator in _PICKING]
    if picked:
        return _one_of(min(picked, key=len), compared)
    if any(_one_of(_texts(condition), compared) for condition in either):
        return True
    # So the text is none of those, and it is its number that is in each of these lists.
    of_numbers = [condition for condition in compared if not _texts(condition)] + either
    if not of_numbers:
        return _is_stretch([*of_text, *neither], _texts, _Bound("", itself=True), None)
    spelt = _is_stretch([*of_text, *neither], _texts, _FIRST_NUMBER, _LAST_NUMBER)
    return spelt and _number([*of_numbers, *neither])


def _moment(conditions: Conditions) -> bool:
    """The time of an event, which always has one."""
    compared = [condition for condition in conditions if condition.operator != "exists"]
    if not all(map(needs_value, conditions)):
        return False
    picked = [_moments(condition) for condition in compared if condition.operator in _PICKING]
    if picked:
        return _one_of(min(picked, key=len), compared)
    first, last = _Bound(_FIRST_MOMENT, itself=True), _Bound(_LAST_MOMENT, itself=True)
    return _is_stretch(compared, _moments, first, last)


def _is_stretch(
    conditions: Conditions, read: Callable[[FieldCondition], list[Any]], low: _Bound | None, high: _Bound | None
) -> bool:
    """Whether these conditions, none of which picks values, leave a value between a lowest and a highest one."""
    refused: list[Any] = []
    for condition in conditions:
        values, operator = read(condition), condition.operator
        if operator in _REFUSING:
            refused += values
        elif operator in {"gt", "gte"}:
            low = _tighter(low, _Bound(values[0], operator == "gte"), upward=True)
        else:
            high = _tighter(high, _Bound(values[0], operator == "lte"), upward=False)
    if low is None or high is None or low.value < high.value:
        return True
    return bool(low.value == high.value and low.itself and high.itself and low.value not in refused)


def _tighter(known: _Bound | None, new: _Bound, *, upward: bool) -> _Bound:
    if known is None or (new.value > known.value if upward else new.value < known.value):
        return new
    return _Bound(known.value, known.itself and new.itself) if new.value == known.value else known


def _expected(condition: FieldCondition) -> tuple[Any, ...]:
    if condition.operator in {*EQUALITY, *ORDER}:
        return (condition.expected,)
    return condition.expected if condition.operator in LISTS and isinstance(condition.expected, tuple) else ()


def _numbers(condition: FieldCondition) -> list[Any]:
    return [e for e in _expected(condition) if isinstance(e, int | float) and not isinstance(e, bool)]


def _texts(condition: FieldCondition) -> list[Any]:
    return [expected for expected in _expected(condition) if isinstance(expected, str)]


def _moments(condition: FieldCondition) -> list[Any]:
    return [parse_timestamp(expected) for expected in _texts(condition)]


_OF_EVERY_EVENT: Final[dict[str, Callable[[Conditions], bool]]] = {
    "event_type": _text,
    "user_id": _text,
    "event_id": lambda conditions: _nothing(conditions) or _text(conditions),
    INSTANT_FIELD.split(".")[1]: _moment,
}
"""The keys of an event that are no JSON of the producer's, and what can hold for them."""
