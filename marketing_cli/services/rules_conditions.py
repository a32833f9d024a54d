"""One condition of a rule, from the file's values to what the engine evaluates; each fault noted at its place."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from marketing_cli.schemas.rules import (
    EQUALITY,
    FIELD_ROOTS,
    INSTANT_FIELD,
    LISTS,
    OPERATORS,
    ORDER,
    PRESENCE,
    Condition,
    FieldCondition,
    PriorEventCondition,
    is_name,
)
from marketing_cli.services.rules_document import UNUSABLE, Document, Loc, Value
from marketing_cli.services.rules_problems import nearest, shortened
from marketing_cli.services.rules_values import DURATIONS, INSTANTS, duration, is_instant

_KEYS: Final = ("field", "prior_event", "within", *OPERATORS)
_CONDITION: Final = "a mapping with `field` and one operator, or with `prior_event` and `within`"
_ONE_OPERATOR: Final = f"one operator of {', '.join(OPERATORS)}"
_OTHER_NAMES: Final = {
    **dict.fromkeys(("eq", "==", "=", "is"), "equals"),
    **dict.fromkeys(("ne", "neq", "!=", "<>", "is_not"), "not_equals"),
    **dict.fromkeys((">", "greater_than", "more_than", "after"), "gt"),
    **dict.fromkeys((">=", "ge", "min", "at_least"), "gte"),
    **dict.fromkeys(("<", "less_than", "before"), "lt"),
    **dict.fromkeys(("<=", "le", "max", "at_most"), "lte"),
    **dict.fromkeys(("one_of", "any_of"), "in"),
    **dict.fromkeys(("none_of",), "not_in"),
    **dict.fromkeys(("present", "is_set"), "exists"),
    **dict.fromkeys(("absent", "is_null", "null"), "missing"),
}


def read_condition(document: Document, loc: Loc) -> Condition | None:
    """Return the condition at this path, or None when something in it was wrong and has been noted."""
    value = document.at(loc)
    if not isinstance(value, dict):
        document.wrong(loc, _CONDITION)
        return None
    before = len(document.problems)
    unknown = [key for key in value if key not in _KEYS]
    for key in unknown:
        document.unknown_key((*loc, key), _KEYS, _other_name(key))
    operators = [key for key in value if key in OPERATORS]
    if "field" in value and "prior_event" in value:
        document.refuse_key((*loc, "prior_event"), "`field` and `prior_event` in one condition; make it two")
    elif "field" in value:
        _check_field_condition(document, loc, operators, complete=not unknown)
    elif "prior_event" in value:
        _check_prior_condition(document, loc, operators)
    elif not unknown:
        document.refuse(loc, f"neither `field` nor `prior_event`; allowed: {_CONDITION}")
    sound = len(document.problems) == before and _usable(value)
    return _condition(value, operators) if sound else None


def _usable(value: Mapping[str, Value]) -> bool:
    return not any(part is UNUSABLE or (isinstance(part, tuple) and UNUSABLE in part) for part in value.values())


def _other_name(key: str) -> str:
    meant = _OTHER_NAMES.get(key.lower())
    return f'; did you mean "{meant}"?' if meant else ""


def _condition(value: Mapping[str, Value], operators: list[str]) -> Condition:
    if "prior_event" in value:
        within = value["within"]
        return PriorEventCondition(prior_event=value["prior_event"], within=duration(within), within_text=within)
    return FieldCondition(field=value["field"], operator=operators[0], expected=value[operators[0]])


def _check_field_condition(document: Document, loc: Loc, operators: list[str], *, complete: bool) -> None:
    if "within" in document.at(loc):
        document.refuse_key((*loc, "within"), "`within` belongs to `prior_event`; delete it, or use `prior_event`")
    if not operators and complete:
        document.refuse(loc, f"no operator beside `field`; allowed: {_ONE_OPERATOR}")
    for extra in operators[1:]:
        first = operators[0]
        text = f"`{extra}` beside `{first}`; allowed: one operator per condition; make it two, both must hold"
        document.refuse_key((*loc, extra), text)
    _check_field(document, (*loc, "field"))
    for name in operators:
        _check_expected(document, loc, name)


def _check_field(document: Document, loc: Loc) -> None:
    field = document.at(loc)
    allowed = "a dotted path: event.<key>, properties.<key> or user_traits.<key>"
    if not isinstance(field, str):
        document.wrong(loc, allowed)
        return
    root, *rest = field.split(".")
    if root not in FIELD_ROOTS:
        document.wrong(loc, allowed, partial(_meant_path, root, rest))
    elif not rest or not all(part.strip() for part in rest):
        document.wrong(loc, f"{allowed}, with no empty part")
    elif root == "event" and rest[0] in FIELD_ROOTS[1:]:
        document.wrong(loc, f"{allowed}; write {shortened('.'.join(rest))}{'' if rest[1:] else '.<key>'}")


def _meant_path(root: str, rest: list[str]) -> str:
    guess = nearest(root, FIELD_ROOTS) if rest else None
    return f'; did you mean "{shortened(".".join([guess, *rest]))}"?' if guess else ""


_SCALARS: Final = "text, a number, true or false"


def _check_expected(document: Document, loc: Loc, name: str) -> None:
    at = (*loc, name)
    value, field = document.at(at), document.at((*loc, "field"))
    if name in PRESENCE:
        other = PRESENCE[1 - PRESENCE.index(name)]
        if value is not True:
            document.wrong(at, f"true; for the opposite write `{other}: true`")
    elif name in LISTS:
        if not isinstance(value, tuple) or not value:
            document.wrong(at, f"a list with at least one value, like [a, b]{_null_hint(value)}")
        else:
            for index in range(len(value)):
                _check_scalar(document, (*at, index), _is_scalar, _SCALARS, field)
    elif name in ORDER:
        _check_scalar(document, at, _is_orderable, "a number or text", field)
    elif name in EQUALITY:
        _check_scalar(document, at, _is_scalar, _SCALARS, field)


def _check_scalar(document: Document, loc: Loc, fits: Callable[[Value], bool], allowed: str, field: Value) -> None:
    value = document.at(loc)
    if field == INSTANT_FIELD:
        fits, allowed = is_instant, INSTANTS
    if not fits(value):
        document.wrong(loc, f"{allowed}{_null_hint(value)}")


def _null_hint(value: Value) -> str:
    return "; for a value that is null or not there use `missing: true`" if value is None else ""


def _is_scalar(value: Value) -> bool:
    return isinstance(value, str | bool | int | float)


def _is_orderable(value: Value) -> bool:
    return _is_scalar(value) and not isinstance(value, bool)


def _check_prior_condition(document: Document, loc: Loc, operators: list[str]) -> None:
    value = document.at(loc)
    for name in operators:
        document.refuse_key((*loc, name), f"`{name}` belongs to `field`; `prior_event` takes only `within`")
    prior = value["prior_event"]
    if not isinstance(prior, str) or not is_name(prior):
        document.wrong((*loc, "prior_event"), "an event type: text of 1 to 255 characters")
    if "within" not in value:
        document.refuse(loc, f"`within` is missing beside `prior_event`; allowed: {DURATIONS}")
        return
    within = value["within"]
    if not isinstance(within, str) or not duration(within):
        document.wrong((*loc, "within"), DURATIONS)
