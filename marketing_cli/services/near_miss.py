"""What would have changed a decision: the smallest single change with which `decide` would have made a request.

A change is one of these, and the first kind that works is the smallest; within a kind the least distance is:
one field of the event set to the nearest value (a whole one where the rule's is whole) or taken away, one prior event
moved in time, a prior event that is not known added, the event itself moved in time. All else stays as it is: what the
moved event itself led to is not decided again. Where a daily limit is used up, the change is the event itself later, at
the first moment at which all conditions hold on a free day, and only if there is none, earlier.
Of an event that did not match, a request counts that was made before it arrived: later ones were not in its way. Of a
limit that is used up, every request counts that there is now.
Every change that is told has been made, and decided on; none is told that does not lead to a request.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.texts import z
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import INSTANT_FIELD, Limit, PriorEventCondition, Rule
from marketing_cli.services.engine import Verdict, decide
from marketing_cli.services.history import History
from marketing_cli.services.near_miss_changes import Change, Past, changes
from marketing_cli.services.near_miss_moves import moves
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult
from marketing_cli.services.suppression import window_of

_NUMBERS = {1: "one condition", 2: "two conditions", 3: "three conditions"}


def judge(rule: Rule, event: EventFacts, past: Past, history: History | None = None) -> Verdict:
    """What the engine makes of an event with this past; `history` may have been made of it before."""
    verdict = decide(rule, event, history or _history(event, past), event)
    blocking = None if verdict.decision is None else _blocking(rule, event, past, _arrival(verdict))
    if blocking is None:
        return verdict
    found = ((c.prior_event, r.found) for r in verdict.evaluation.results if (c := _prior(r)) is not None)
    used = _history(event, Past(tuple(found)))
    used.use_window(window_of(rule, event), blocking)
    return decide(rule, event, used, event)


def _prior(result: ConditionResult) -> PriorEventCondition | None:
    return result.condition if isinstance(result.condition, PriorEventCondition) else None


def _arrival(verdict: Verdict) -> int:
    """The row of the event by whose arrival this is decided: the event itself, or the last fact that it waited for."""
    facts = (result.found for result in verdict.evaluation.results if _prior(result))
    rows: list[int] = [verdict.evaluation.event.id, *(fact.id for fact in facts)]
    return max(rows)


def is_requested(rule: Rule, event: EventFacts, past: Past, history: History | None = None) -> bool:
    """Whether the engine would request the message."""
    decision = judge(rule, event, past, history).decision
    return decision is not None and decision.outcome is Outcome.REQUESTED


def smallest_change(rule: Rule, event: EventFacts, past: Past) -> Change | None:
    """The smallest single change that leads to a request; None if there is none, or if nothing needs to change."""
    history = _history(event, past)
    for change in _tried(rule, judge(rule, event, past, history), past):
        if is_requested(rule, change.event, change.past, history if change.past is past else None):
            return change
    return None


def _history(event: EventFacts, past: Past) -> History:
    history = History()
    for event_type, ref in past.priors:
        history.add_event(event.user_id, event_type, ref)
    return history


def _tried(rule: Rule, verdict: Verdict, past: Past) -> Iterator[Change]:
    """The changes worth a try, the smallest first."""
    event = verdict.evaluation.event
    if verdict.decision is not None:
        if verdict.decision.outcome is Outcome.SUPPRESSED and rule.limit is Limit.ONCE_PER_CALENDAR_DAY:
            yield from sorted(moves(rule, event, past), key=lambda change: change.event.timestamp < event.timestamp)
        return
    failed = [result for result in verdict.evaluation.results if not result.held]
    found = (change for result in failed for change in changes(rule, result, event, past))
    yield from sorted(found, key=lambda change: change.size)
    if all(map(_is_about_time, failed)):
        yield from moves(rule, event, past)


def _is_about_time(failed: ConditionResult) -> bool:
    """Whether a condition that failed may hold at another moment."""
    if isinstance(failed.condition, PriorEventCondition):
        return failed.found is not MISSING
    return failed.condition.field == INSTANT_FIELD


def near_miss(rule: Rule, event: EventFacts, past: Past) -> str | None:
    """What would have led to a request, as one sentence; None where nothing needs to change."""
    if is_requested(rule, event, past):
        return None
    change = smallest_change(rule, event, past)
    verdict = judge(rule, event, past)
    if verdict.decision is not None:
        return _capped_text(rule, event, change)
    if change is not None:
        return f"would have been requested {change.text}"
    return _none_text(rule, verdict, is_used=_blocking(rule, event, past, event.id) is not None)


def _blocking(rule: Rule, event: EventFacts, past: Past, arrival: int) -> RequestFact | None:
    """The request in the window that the event lies in now, if it had been made when this one arrived."""

    def is_made(request: RequestFact) -> bool:
        return past.caused_by.get(request.id, 0) < arrival

    window = window_of(rule, event)
    if window.event_id is not None:
        return next((r for r in past.requests if r.event_id == window.event_id and is_made(r)), None)
    for start, end in window.stretches:
        place = bisect_left(past.requests, start, key=lambda request: request.event_timestamp)
        for request in islice(past.requests, place, None):
            if request.event_timestamp > end:
                break
            if is_made(request):
                return request
    return None


def _capped_text(rule: Rule, event: EventFacts, change: Change | None) -> str:
    template = rule.message.template
    if rule.limit is Limit.ONCE_EVER:
        return f"never again: {template} is sent once ever"
    if rule.limit is Limit.NONE:
        return f"no single change would have led to a request: {template} is sent once for each event"
    if change is None:
        return "no single change would have led to a request: on every day that is free, a condition fails"
    if change.event.timestamp < event.timestamp:
        return f"would have been requested {change.text}"
    return f"next possible from {_minute(change.event.timestamp)}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}Z" if not moment.second and not moment.microsecond else z(moment)


def _none_text(rule: Rule, verdict: Verdict, *, is_used: bool) -> str:
    failed = sum(not result.held for result in verdict.evaluation.results)
    number = _NUMBERS.get(failed, f"{failed} conditions")
    used = f", and the limit of {rule.message.template} is used up" if is_used else ""
    cannot = ", which nothing that is known of the event can meet" if failed == 1 and not is_used else ""
    return f"no single change would have led to a request: {number} failed{used}{cannot}"
