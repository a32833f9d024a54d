"""Single changes that might turn a decision into a request: to a field of the event, or to a prior event."""

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import TICK
from marketing_cli.domain.texts import human_duration, shown, z
from marketing_cli.schemas.rules import INSTANT_FIELD, FieldCondition, Rule
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult

_OPEN = {
    "gt": "above {expected}",
    "lt": "below {expected}",
    "not_equals": "{kind} other than {expected}",
    "not_in": "{kind} that is none of {expected}",
}
_FIELD, _PRIOR, _ADDED, _EVENT_MOVED = range(4)
_FIXED = {"event.user_id", "event.event_type", "event.event_id"}
"""What makes an event that one: with another, it would be another event."""


class Change(NamedTuple):
    """One change in words, how small it is, and the event that it changes, or adds, as it is then."""

    text: str
    size: tuple[float, ...]
    changed: EventFacts


def field_changes(rule: Rule, failed: Iterable[ConditionResult], event: EventFacts, *, exactly: bool) -> list[Change]:
    """Changes to fields that might make a condition hold that failed, the smallest first.

    `exactly`: in words, the one value; else what all values have in common that the condition holds for.
    """
    found = (
        change
        for result in failed
        if isinstance(result.condition, FieldCondition)
        and result.condition.field != INSTANT_FIELD
        and result.condition.field not in _FIXED
        for change in _field_changes(rule, result.condition, result.found, event, exactly=exactly)
    )
    return sorted(found, key=lambda change: change.size)


def moved_prior(prior: EventFacts, moment: datetime) -> Change:
    """A prior event at another moment."""
    gap = moment - prior.timestamp
    text = f"if {prior.event_type} {prior.key} had come {distance_text(gap)}"
    return Change(text, (_PRIOR, abs(gap.total_seconds())), prior._replace(timestamp=moment))


def added_prior(kind: str, event: EventFacts, moment: datetime) -> Change:
    """One more event with nothing but its type and moment, arriving right before this one; not told in words."""
    new = EventFacts(event.id - 1, "", has_own_id=True, user_id=event.user_id, event_type=kind, timestamp=moment)
    return Change("", (_ADDED, 0), new)


def moved_event(event: EventFacts, moment: datetime) -> Change:
    """The event itself at another moment."""
    gap = moment - event.timestamp
    text = f"if the event itself had come {distance_text(gap)}, at {z(moment)}"
    return Change(text, (_EVENT_MOVED, abs(gap.total_seconds())), event._replace(timestamp=moment))


def _field_changes(
    rule: Rule,
    condition: FieldCondition,
    found: Any,  # noqa: ANN401 - any JSON value
    event: EventFacts,
    *,
    exactly: bool,
) -> Iterator[Change]:
    same = [other for other in rule.field_conditions if other.field == condition.field]
    for place, value in enumerate(value for other in same for value in _witnesses(other, found)):
        changed = with_field(event, condition.path, value)
        if changed is not None:
            words = _words(condition.field, value, _wanted(condition) if len(same) == 1 and not exactly else None)
            size = (_FIELD, _odd_fraction(condition, value), _distance(found, value) + place * 1e-9)
            yield Change(words, size, changed)


def _words(field: str, value: Any, wanted: str | None) -> str:  # noqa: ANN401 - any JSON value
    return f"without {field}" if value is MISSING else f"with {field} {wanted or shown(value)}"


def _wanted(condition: FieldCondition) -> str | None:
    """What the values have in common that the condition holds for; None where one of them says it better."""
    if condition.operator == "exists":
        return "there"
    values = _listed(condition.expected)
    # Another kind of value, or none at all, cannot be compared with the rule's.
    kinds = {"" if isinstance(value, bool) else "a text" if isinstance(value, str) else "a number" for value in values}
    if condition.operator not in _OPEN or len(kinds) > 1 or "" in kinds:
        return None
    expected = shown(list(values) if isinstance(condition.expected, tuple) else condition.expected)
    return _OPEN[condition.operator].format(kind=kinds.pop(), expected=expected)


def _listed(expected: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a rule's value
    return expected if isinstance(expected, tuple) else (expected,)


def _witnesses(condition: FieldCondition, found: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """Values that may satisfy a condition: the rule's own, those right beside it, and, for `missing`, none."""
    if condition.operator == "missing":
        yield MISSING
    elif condition.operator == "exists":
        yield from (True, 1, "a")
    elif condition.operator in {"equals", "in", "gte", "lte"}:
        yield from _listed(condition.expected)
    else:
        for value in _listed(condition.expected):
            yield from _beside(value)
        if condition.operator.startswith("not") and found is not MISSING and found is not None:
            yield found


def _beside(value: Any) -> Iterator[Any]:  # noqa: ANN401 - a rule's value
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        # The texts right after and before it, in the order of code points.
        yield from (f"{value}\x01", f"{value}a", value[:-1])
    else:
        yield from (value + 1, value - 1)
        if abs(value) < float(2**53):
            yield from (math.nextafter(value, math.inf), math.nextafter(value, -math.inf))


def _odd_fraction(condition: FieldCondition, value: Any) -> float:  # noqa: ANN401 - any JSON value
    """1 for the smallest fraction beside a rule's whole number: nearer than the next whole one, but not meant."""
    whole = all(isinstance(expected, int) for expected in _listed(condition.expected))
    return float(whole and isinstance(value, float))


def _distance(found: Any, value: Any) -> float:  # noqa: ANN401 - any JSON value
    try:
        gap = abs(float(value) - float(found))
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return 0.0 if isinstance(found, bool) or isinstance(value, bool) or math.isnan(gap) else gap


def with_field(event: EventFacts, path: tuple[str, ...], value: Any) -> EventFacts | None:  # noqa: ANN401
    """The event with one field set, or taken away (`MISSING`); None where another value stands in the way."""
    if path[0] == "event":
        extra = _set(event.extra, path[1:], value)
        return None if extra is None else event._replace(extra=extra)
    root = _set(getattr(event, path[0]), path[1:], value) if len(path) > 1 else None
    if root is None:
        return None
    return event._replace(properties=root) if path[0] == "properties" else event._replace(user_traits=root)


def _set(found: Any, path: tuple[str, ...], value: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if found is not None and not isinstance(found, dict):
        return None
    copy = dict(found or {})
    key, *rest = path
    inner = _set(copy.get(key), tuple(rest), value) if rest else value
    if inner is None:
        return None
    if inner is MISSING:
        copy.pop(key, None)
    else:
        copy[key] = inner
    return copy


def distance_text(gap: timedelta) -> str:
    """How far something is moved, to the microsecond: `2 h 10 m later`."""
    left, parts = abs(gap), []
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1), TICK):
        if unit == timedelta(days=1) and left < 2 * unit:
            continue
        count, left = divmod(left, unit)
        if count and unit == TICK:
            parts.append(f"{count} µs")
        elif count:
            parts.append(human_duration(count * unit) if unit < timedelta(hours=1) else _count(count, unit))
    return f"{' '.join(parts)} {'later' if gap > timedelta(0) else 'earlier'}"


def _count(count: int, unit: timedelta) -> str:
    return f"{count} {'d' if unit == timedelta(days=1) else 'h'}"
