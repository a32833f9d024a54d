"""Rules that can never match, and rules that another one leaves nothing to request. Pure, and never a false alarm."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Final, NamedTuple

from marketing_cli.schemas.rules import EQUALITY, LISTS, Condition, FieldCondition, Rule, RuleSet
from marketing_cli.services.rules_lint_values import can_hold, needs_value, refuses_objects

_MOST_TRIED: Final = 50


class Shadow(NamedTuple):
    """A rule that never leads to a request, because of an earlier one."""

    rule: Rule
    by: Rule


def contradiction(rule: Rule) -> tuple[FieldCondition, ...]:
    """The conditions that can never hold together, as few as can be told; none where all may hold for some event."""
    fields: dict[tuple[str, ...], list[FieldCondition]] = {}
    for condition in rule.field_conditions:
        fields.setdefault(condition.path, []).append(condition)
    for conditions in fields.values():
        if not can_hold(conditions, rule.on):
            return _fewest(conditions, rule.on)
    return _within_no_object(fields)


def _fewest(conditions: Sequence[FieldCondition], event_type: str) -> tuple[FieldCondition, ...]:
    """Without any of these, the rest could hold."""
    kept = list(conditions)
    for condition in conditions if len(conditions) <= _MOST_TRIED else ():
        rest = [other for other in kept if other is not condition]
        if rest and not can_hold(rest, event_type):
            kept = rest
    return tuple(kept)


def _within_no_object(fields: dict[tuple[str, ...], list[FieldCondition]]) -> tuple[FieldCondition, ...]:
    """A value that must be there within another one, and a condition by which that one is no object."""
    for path, conditions in fields.items():
        inner = next(filter(needs_value, conditions), None)
        for length in range(2, len(path) if inner else 0):
            outer = next(filter(refuses_objects, fields.get(path[:length], ())), None)
            if inner and outer:
                return outer, inner
    return ()


def shadows(rules: RuleSet) -> Iterator[Shadow]:
    """The enabled rules that an earlier one shadows: whatever they match, that one has matched before.

    Both ask for the same template, and so have the same limit and the same window for an event: when the later rule
    comes to its turn, the window is used up. An earlier rule with fewer conditions, all of which the later one has too,
    shadows it just like one with the same.
    """
    for rules_on in rules.enabled_by_type.values():
        for place, rule in enumerate(rules_on):
            wanted = set(map(_meaning, rule.when))
            for earlier in rules_on[:place]:
                if earlier.message.template == rule.message.template and wanted.issuperset(map(_meaning, earlier.when)):
                    yield Shadow(rule, earlier)
                    break


def _meaning(condition: Condition) -> Hashable:
    """What two conditions have in common that always hold for the same events; `true` is not 1, and "3" is not 3."""
    if not isinstance(condition, FieldCondition):
        return condition.prior_event, condition.within
    operator = dict(zip(EQUALITY, LISTS, strict=True)).get(condition.operator, condition.operator)
    values = condition.expected if isinstance(condition.expected, tuple) else (condition.expected,)
    return condition.path, operator, frozenset((isinstance(value, bool), value) for value in values)
