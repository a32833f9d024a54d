"""Why a condition did not hold, in words: what was expected, what was found, and by how much it was missed."""

from datetime import timedelta

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.domain.texts import human_duration, shown
from marketing_cli.schemas.rules import FieldCondition, PriorEventCondition
from marketing_cli.services.engine import gap_text
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult

_NOTHING = timedelta(0)


def failure_text(result: ConditionResult, event: EventFacts) -> str:
    """One condition that did not hold, as half a sentence."""
    condition = result.condition
    if isinstance(condition, FieldCondition):
        return f"{wanted_text(condition)}: {_found(result)}"
    if not isinstance(result.found, EventRef):
        return f"no {condition.prior_event} of this user is known"
    came = f"{condition.prior_event} {result.found.key} came {gap_text(result.found, event)}"
    if result.found.timestamp > event.timestamp:
        return f"{came}, and not in the {condition.within_text} before"
    return f"{came}; {condition.within_text} allowed"


def wanted_text(condition: FieldCondition) -> str:
    """A condition with the rule's value."""
    if condition.expected is True and condition.operator in {"exists", "missing"}:
        return condition.text
    expected = condition.expected
    return f"{condition.text} {shown(list(expected) if isinstance(expected, tuple) else expected)}"


def note_text(result: ConditionResult, event: EventFacts) -> str | None:
    """What a condition's values alone do not tell."""
    condition = result.condition
    if result.code is ReasonCode.VALUE_NOT_COMPARABLE:
        return "a value of this kind cannot be compared with what the rule expects"
    if isinstance(condition, PriorEventCondition) and isinstance(result.found, EventRef) and not result.held:
        gap = event.timestamp - result.found.timestamp
        return f"{human_duration(gap - condition.within)} too early" if gap >= _NOTHING else "it came after the event"
    return None


def _found(result: ConditionResult) -> str:
    if result.found is MISSING:
        return "it is not there"
    cannot = ", which cannot be compared with that" if result.code is ReasonCode.VALUE_NOT_COMPARABLE else ""
    return f"found {shown(result.found)}{cannot}"
