"""What would have changed a decision: the smallest single change with which `decide` would have made a request.

A change is one of these, and the first kind that works is the smallest; within a kind the least distance is:
one field of the event set to the nearest value (a whole one where the rule's is whole) or taken away, one prior event
moved in time, a prior event that is not known added, the event itself moved in time. All else stays as it is: what the
moved event itself led to is not decided again. Of a daily limit the change is always the same event later, at the
first moment that is free.
Every change that is told has been made, and decided on; none is told that does not lead to a request.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import END_OF_TIME, TICK
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.texts import z
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import Limit, Rule
from marketing_cli.services.engine import Verdict, decide
from marketing_cli.services.history import History
from marketing_cli.services.near_miss_changes import Change, Past, changes, move
from marketing_cli.services.suppression import window_of

_NUMBERS = {1: "one condition", 2: "two conditions", 3: "three conditions"}


def judge(rule: Rule, event: EventFacts, past: Past) -> Verdict:
    """What the engine makes of an event with this past."""
    history = History()
    for event_type, ref in past.priors:
        history.add_event(event.user_id, event_type, ref)
    blocking = _blocking(rule, event, past)
    if blocking is not None:
        history.use_window(window_of(rule, event), blocking)
    return decide(rule, event, history, event)


def is_requested(rule: Rule, event: EventFacts, past: Past) -> bool:
    """Whether the engine would request the message."""
    decision = judge(rule, event, past).decision
    return decision is not None and decision.outcome is Outcome.REQUESTED


def smallest_change(rule: Rule, event: EventFacts, past: Past) -> Change | None:
    """The smallest single change that leads to a request; None if there is none, or if nothing needs to change."""
    verdict = judge(rule, event, past)
    tried: Iterator[Change]
    if verdict.decision is not None:
        tried = _later(rule, event, past) if verdict.decision.outcome is Outcome.SUPPRESSED else iter(())
    else:
        failed = [result for result in verdict.evaluation.results if not result.held]
        tried = (change for result in failed for change in changes(rule, result, event, past))
    for change in sorted(tried, key=lambda change: change.size):
        if is_requested(rule, change.event, change.past):
            return change
    return None


def near_miss(rule: Rule, event: EventFacts, past: Past) -> str | None:
    """What would have led to a request, as one sentence; None where nothing needs to change."""
    if is_requested(rule, event, past):
        return None
    change = smallest_change(rule, event, past)
    verdict = judge(rule, event, past)
    if verdict.decision is not None:
        return _capped_text(rule, change)
    if change is not None:
        return f"would have been requested {change.text}"
    return _none_text(rule, verdict, is_used=_blocking(rule, event, past) is not None)


def _blocking(rule: Rule, event: EventFacts, past: Past) -> RequestFact | None:
    """The request in the window that the event lies in now."""
    window = window_of(rule, event)
    if window.event_id is not None:
        return next((request for request in past.requests if request.event_id == window.event_id), None)
    for start, end in window.stretches:
        place = bisect_left(past.requests, start, key=lambda request: request.event_timestamp)
        if place < len(past.requests) and past.requests[place].event_timestamp <= end:
            return past.requests[place]
    return None


def _later(rule: Rule, event: EventFacts, past: Past) -> Iterator[Change]:
    """The event at the first moment whose day is free, and that moment's like on the days after it."""
    if rule.limit is not Limit.ONCE_PER_CALENDAR_DAY:
        return
    moment: datetime | None = event.timestamp
    while moment is not None and _blocking(rule, event._replace(timestamp=moment), past):
        stretches = window_of(rule, event._replace(timestamp=moment)).stretches
        end = next(end for start, end in stretches if start <= moment <= end)
        moment = end + TICK if end < END_OF_TIME else None
    if moment is not None:
        yield from move(event, past, moment)


def _capped_text(rule: Rule, change: Change | None) -> str:
    template = rule.message.template
    if rule.limit is Limit.ONCE_EVER:
        return f"never again: {template} is sent once ever"
    if rule.limit is Limit.NONE:
        return f"no single change would have led to a request: {template} is sent once for each event"
    if change is None:
        return "no single change would have led to a request: later, when the limit is free, a condition fails"
    return f"next possible from {_minute(change.event.timestamp)}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}Z" if not moment.second and not moment.microsecond else z(moment)


def _none_text(rule: Rule, verdict: Verdict, *, is_used: bool) -> str:
    failed = sum(not result.held for result in verdict.evaluation.results)
    number = _NUMBERS.get(failed, f"{failed} conditions")
    used = f", and the limit of {rule.message.template} is used up" if is_used else ""
    cannot = ", which nothing that is known of the event can meet" if failed == 1 and not is_used else ""
    return f"no single change would have led to a request: {number} failed{used}{cannot}"
