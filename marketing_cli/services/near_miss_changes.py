"""Single changes that might turn a decision into a request: to a field, a prior event, or the event's time."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.moments import TICK, later
from marketing_cli.domain.texts import human_duration, shown, z
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import INSTANT_FIELD, FieldCondition, PriorEventCondition, Rule
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_OPEN = {"gt": "above {}", "lt": "below {}", "not_equals": "anything but {}", "not_in": "anything but one of {}"}
_FIELD, _PRIOR, _ADDED, _EVENT = range(4)
_FIXED = {"event.user_id", "event.event_type", "event.event_id"}
"""What makes an event that one: with another, it would be another event."""


class Past(NamedTuple):
    """What is known of the event's user: prior events with their types, and the template's requests, oldest first."""

    priors: tuple[tuple[str, EventRef], ...] = ()
    requests: tuple[RequestFact, ...] = ()


class Change(NamedTuple):
    """One change in words, how small it is, and the event and the past with the change made."""

    text: str
    size: tuple[float, ...]
    event: EventFacts
    past: Past


def changes(rule: Rule, result: ConditionResult, event: EventFacts, past: Past) -> Iterator[Change]:
    """The changes that might make a condition hold that failed; whether they lead to a request is for `decide`."""
    condition = result.condition
    if isinstance(condition, PriorEventCondition):
        yield from _prior_changes(condition, result.found, event, past)
    elif condition.field == INSTANT_FIELD:
        yield from _moves(rule, event, past)
    elif condition.field not in _FIXED:
        yield from _field_changes(rule, condition, result.found, event, past)


def _prior_changes(condition: PriorEventCondition, found: object, event: EventFacts, past: Past) -> Iterator[Change]:
    kind, earliest = condition.prior_event, event.timestamp - condition.within
    if not isinstance(found, EventRef):
        new = EventRef(max(earliest, _FIRST), 0, "")
        text = f"if a {kind} had come in the {condition.within_text} before, at {z(new.timestamp)} or later"
        yield Change(text, (_ADDED, 0), event, past._replace(priors=(*past.priors, (kind, new))))
        return
    for known, ref in past.priors:
        if known != kind:
            continue
        moved = ref._replace(timestamp=event.timestamp if ref.timestamp > event.timestamp else earliest)
        priors = tuple((k, moved if (k, r) == (kind, ref) else r) for k, r in past.priors)
        gap = moved.timestamp - ref.timestamp
        text = f"if {kind} {ref.key} had come {distance_text(gap)}"
        yield Change(text, (_PRIOR, abs(gap.total_seconds())), event, past._replace(priors=priors))
    for _, ref in past.priors:
        for moment in (ref.timestamp, later(ref.timestamp, condition.within)):
            yield from move(event, past, moment)


def _moves(rule: Rule, event: EventFacts, past: Past) -> Iterator[Change]:
    for condition in rule.field_conditions:
        if condition.field == INSTANT_FIELD and condition.operator not in {"exists", "missing"}:
            for text in _listed(condition.expected):
                moment = datetime.fromisoformat(str(text).upper()).astimezone(UTC)
                for ticks in (-1, 0, 1):
                    if _FIRST + TICK <= moment <= _LAST - TICK:
                        yield from move(event, past, moment + ticks * TICK)


def move(event: EventFacts, past: Past, moment: datetime) -> Iterator[Change]:
    """The event itself at another moment, all else as it was."""
    gap = moment - event.timestamp
    if gap and moment >= _FIRST:
        text = f"if the event itself had come {distance_text(gap)}, at {z(moment)}"
        yield Change(text, (_EVENT, abs(gap.total_seconds())), event._replace(timestamp=moment), past)


def _field_changes(
    rule: Rule,
    condition: FieldCondition,
    found: Any,  # noqa: ANN401 - any JSON value
    event: EventFacts,
    past: Past,
) -> Iterator[Change]:
    same = [other for other in rule.field_conditions if other.field == condition.field]
    for place, (source, value) in enumerate((c, v) for c in same for v in _witnesses(c, found)):
        changed = with_field(event, condition.path, value)
        if changed is not None:
            words = _words(condition.field, source, value, alone=len(same) == 1)
            size = (_FIELD, _odd_fraction(condition, value), _distance(found, value) + place * 1e-9)
            yield Change(words, size, changed, past)


def _words(field: str, condition: FieldCondition, value: Any, *, alone: bool) -> str:  # noqa: ANN401
    if value is MISSING:
        return f"without {field}"
    if alone and condition.operator == "exists":
        return f"with {field} there"
    if alone and condition.operator in _OPEN and not isinstance(condition.expected, bool):
        expected = condition.expected
        wanted = shown(list(expected) if isinstance(expected, tuple) else expected)
        return f"with {field} {_OPEN[condition.operator].format(wanted)}"
    return f"with {field} {shown(value)}"


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
