"""Which of several looks that did not match came nearest to a match."""

from collections.abc import Iterable
from datetime import timedelta

from marketing_cli.domain.events import EventRef
from marketing_cli.domain.moments import END_OF_TIME
from marketing_cli.schemas.rules import PriorEventCondition
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.rule_evaluation import ConditionResult

_NEVER = timedelta.max


def closest(looks: Iterable[Look]) -> Look:
    """The look with the fewest failed conditions, then the one that missed a window by least, then the newest event."""
    return min(looks, key=_distance)


def _distance(look: Look) -> tuple[int, bool, timedelta, timedelta]:
    """How far from a match. What a rule really looked at comes before what it would have seen."""
    results = look.evaluation.results if look.evaluation else ()
    failed = [result for result in results if not result.held]
    missed = max((_missed_by(result, look) for result in failed), default=timedelta(0))
    return len(failed), not look.was_in_force, missed, END_OF_TIME - look.event.facts.timestamp


def _missed_by(result: ConditionResult, look: Look) -> timedelta:
    if not isinstance(result.condition, PriorEventCondition) or not isinstance(result.found, EventRef):
        return _NEVER
    gap = look.event.facts.timestamp - result.found.timestamp
    return gap - result.condition.within if gap >= timedelta(0) else -gap
