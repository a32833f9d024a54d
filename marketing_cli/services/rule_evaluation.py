"""Does a rule match an event? Pure: the rule, the event and the user's history in, each condition's result out."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.schemas.rules import PRESENCE, Condition, FieldCondition, PriorEventCondition, Rule
from marketing_cli.services.history import History


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""The path led nowhere. To conditions that is the same as a JSON null; to people it is not."""


@dataclass(slots=True)
class ConditionResult:
    """One condition, what was found, and whether it held.

    `found` is `MISSING`, a JSON value, a UTC datetime (`event.event_timestamp`) or an `EventRef` (`prior_event`).
    `code` says why the condition did not hold.
    """

    condition: Condition
    held: bool
    found: Any = MISSING
    code: ReasonCode | None = None


@dataclass(slots=True)
class Evaluation:
    """Every condition of a rule, looked at for one event."""

    rule: Rule
    event: EventFacts
    results: tuple[ConditionResult, ...]

    @property
    def matched(self) -> bool:
        """True when all conditions held."""
        return self.first_failure is None

    @property
    def first_failure(self) -> ConditionResult | None:
        """The first condition that did not hold."""
        for result in self.results:
            if not result.held:
                return result
        return None

    @property
    def waits_for(self) -> tuple[PriorEventCondition, ...]:
        """The conditions that a late fact could still meet; none when one failed that no other event can change."""
        failed = [result.condition for result in self.results if not result.held]
        lacking = tuple(condition for condition in failed if isinstance(condition, PriorEventCondition))
        return lacking if len(lacking) == len(failed) else ()


def evaluate(rule: Rule, event: EventFacts, history: History) -> Evaluation:
    """Look at every condition, also after one has failed: an explanation shows them all."""
    results = [
        _check_field(condition, event)
        if isinstance(condition, FieldCondition)
        else _check_prior(condition, event, history)
        for condition in rule.when
    ]
    return Evaluation(rule, event, tuple(results))


def fields_hold(rule: Rule, event: EventFacts) -> bool:
    """True when all conditions hold that need nothing but the event: only then is its user's history worth fetching."""
    return all(field_answers(rule, event))


def field_answers(rule: Rule, event: EventFacts) -> list[bool | None]:
    """Whether each condition holds that needs nothing but the event; None for what cannot be compared."""
    return [_look(condition, event)[1] for condition in rule.field_conditions]


def _check_field(condition: FieldCondition, event: EventFacts) -> ConditionResult:
    found, answer = _look(condition, event)
    if answer:
        return ConditionResult(condition, answer, found)
    code = ReasonCode.VALUE_NOT_COMPARABLE if answer is None else ReasonCode.CONDITION_FALSE
    return ConditionResult(condition, bool(answer), found, code)


def _look(condition: FieldCondition, event: EventFacts) -> tuple[Any, bool | None]:
    """What is found, and whether the condition holds for it; None where the two cannot be compared."""
    root, keys, name, expected = condition.parts
    found = _find(root, keys, event)
    there = found is not MISSING and found is not None
    if name in PRESENCE:
        return found, there is (name == "exists")
    return found, OPERATORS[name](found, expected) if there else False


def _check_prior(condition: PriorEventCondition, event: EventFacts, history: History) -> ConditionResult:
    prior = history.nearest_prior(event, condition.prior_event)
    if prior is not None and event.timestamp - prior.timestamp <= condition.within:
        return ConditionResult(condition, held=True, found=prior)
    outside: EventRef | None = prior or history.nearest_later(event, condition.prior_event)
    if outside is None:
        return ConditionResult(condition, held=False, code=ReasonCode.PRIOR_EVENT_MISSING)
    return ConditionResult(condition, held=False, found=outside, code=ReasonCode.PRIOR_EVENT_OUTSIDE_WINDOW)


def _find(root: str, keys: tuple[str, ...], event: EventFacts) -> Any:  # noqa: ANN401 - any JSON value
    found: Any = event.properties if root == "properties" else event.user_traits
    if root == "event":
        found, keys = _top_level(event, keys[0]), keys[1:]
    for key in keys:
        if not isinstance(found, dict):
            return MISSING
        found = found.get(key, MISSING)
    return found


def _top_level(event: EventFacts, key: str) -> Any:  # noqa: ANN401 - any JSON value
    if key == "event_id":
        return event.key if event.has_own_id else MISSING
    known = {"user_id": event.user_id, "event_type": event.event_type, "event_timestamp": event.timestamp}
    return known[key] if key in known else event.extra.get(key, MISSING)


Comparison: TypeAlias = Callable[[Any, Any], bool]
Answer: TypeAlias = Callable[[Any, Any], bool | None]
_NUMERIC_TEXT = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_LONGEST_INTEGER_TEXT = 400
_NUMBERS = (int, float)


def _comparable(found: Any, expected: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The found value as something that may be compared with the rule's value, or MISSING where that makes no sense."""
    if isinstance(found, datetime):
        return found
    if isinstance(expected, bool) or isinstance(found, bool):
        return found if isinstance(expected, bool) and isinstance(found, bool) else MISSING
    if isinstance(expected, str):
        return found if isinstance(found, str) else MISSING
    return _number(found)


def _number(found: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(found, _NUMBERS):
        return found
    if isinstance(found, str) and _NUMERIC_TEXT.fullmatch(found):
        # Reading a long text as an integer takes for ever, and it is beyond any number in a rule either way.
        return float(found) if "." in found or len(found) > _LONGEST_INTEGER_TEXT else int(found)
    return MISSING


@lru_cache(maxsize=1024)
def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def _compare(how: Comparison) -> Answer:
    def apply(found: Any, expected: Any) -> bool | None:  # noqa: ANN401 - any JSON value
        if found.__class__ is expected.__class__:
            return how(found, expected)
        value = _comparable(found, expected)
        if value is MISSING:
            return None
        return how(value, _instant(expected) if isinstance(value, datetime) else expected)

    return apply


def _order(how: Comparison) -> Answer:
    compare = _compare(how)

    def apply(found: Any, expected: Any) -> bool | None:  # noqa: ANN401 - any JSON value
        return None if isinstance(expected, bool) else compare(found, expected)

    return apply


_equal = _compare(operator.eq)


def _is_in(found: Any, allowed: Any) -> bool | None:  # noqa: ANN401 - any JSON value
    """True when one of the rule's values equals it; None when it can be compared with none of them."""
    answers = [answer for expected in allowed if (answer := _equal(found, expected)) is not None]
    return any(answers) if answers else None


def _is_not_in(found: Any, refused: Any) -> bool | None:  # noqa: ANN401 - any JSON value
    answer = _is_in(found, refused)
    return None if answer is None else not answer


OPERATORS: Mapping[str, Answer] = {
    "equals": _equal,
    "not_equals": _compare(operator.ne),
    "in": _is_in,
    "not_in": _is_not_in,
    "gt": _order(operator.gt),
    "gte": _order(operator.ge),
    "lt": _order(operator.lt),
    "lte": _order(operator.le),
}
"""Operator → does the found value stand in that relation to the rule's value? None: the comparison makes no sense."""
