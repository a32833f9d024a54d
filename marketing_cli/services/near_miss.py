"""What would have changed a decision: the smallest single change with which there would have been a request.

A change is one of these, and the first kind that works is the smallest; within a kind the least distance is:
one field of the event set to the nearest value (a whole one where the rule's is whole) or taken away, one prior event
moved in time, a prior event added that has nothing but its type and moment and arrives right before the event, the
event itself moved in time. Fields are changed where a condition on them failed, prior events where one was missed.
Where a daily limit is used up, the change is the event itself later, at the first moment at which it is requested, and
only if there is none, earlier; other limits that are used up are not looked into.
Every change that is told has been made: all that bears on the template has been decided afresh with it, by the engine,
in the order in which it arrived and by the rules of then, and the message was requested for this event.
"""

from datetime import datetime
from typing import NamedTuple

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import FIRST_MOMENT
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.texts import z
from marketing_cli.schemas.rules import INSTANT_FIELD, Limit, PriorEventCondition, Rule
from marketing_cli.services.engine import decide
from marketing_cli.services.near_miss_again import Again
from marketing_cli.services.near_miss_changes import Change, added_prior, field_changes, moved_event, moved_prior
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult
from marketing_cli.services.suppression import window_of

_NUMBERS = {1: "one condition", 2: "two conditions", 3: "three conditions"}


class Found(NamedTuple):
    """The smallest change, if there is one; without it, whether the conditions held at least with some change."""

    change: Change | None
    met: bool = False


def near_miss(rule: Rule, event: EventFacts, again: Again) -> str | None:
    """What would have led to a request, as one sentence; None where nothing needs to change.

    Raises TooMuchWork when that takes longer than it may, NotWorkedOut when more would have to be known.
    """
    if again.is_requested(rule, event):
        return None
    search = _Search(rule, event, again)
    found = search.smallest()
    if not search.failed:
        return _capped_text(rule, event, found.change)
    if found.change is not None:
        return f"would have been requested {found.change.text}"
    return _none_text(search, found)


def smallest_change(rule: Rule, event: EventFacts, again: Again) -> Change | None:
    """The smallest single change that leads to a request; None if there is none, or if nothing needs to change."""
    return None if again.is_requested(rule, event) else _Search(rule, event, again).smallest().change


class _Search:
    """Looks for the smallest change, with one rule on one event that it did not request a message for."""

    def __init__(self, rule: Rule, event: EventFacts, again: Again) -> None:
        self.rule, self.event, self.again = rule, event, again
        again.budget.take(len(again.arrivals))  # what is made ready here goes through all of them
        results = decide(rule, event, again.history, event).evaluation.results
        self.failed = [result for result in results if not result.held]
        self._used = again.used_before(event)
        self._is_alone = event.event_type not in again.waited_for
        self._versions = [one for one in again.all_rules if (one.name, one.on) == (rule.name, rule.on)] or [rule]
        self._met = False

    def smallest(self) -> Found:
        """The first that works, of each kind in turn."""
        if not self.failed and self.rule.limit is not Limit.ONCE_PER_CALENDAR_DAY:
            return Found(None)
        change = self._field()
        if change is None and all(map(_is_of_moments, self.failed)):
            self.again.require_all()
            change = self._moved_prior() or self._added_prior() or self._moved_event()
        return Found(change, self._met)

    @property
    def is_used(self) -> bool:
        """Whether the limit is used up already when the rule looks at the event."""
        name = window_of(self.rule, self.event).name
        own = (made.decision for made in self.again.as_it_was if made.at == self.event.id)
        return name in self._used or any(
            d.window.name == name and d.outcome is Outcome.REQUESTED and d.event.id == self.event.id for d in own
        )

    def _field(self) -> Change | None:
        # Another rule of the template may hold for some of the values, and come first.
        others = (one for one in self.again.all_rules if one.on == self.rule.on and one.name != self.rule.name)
        exactly = any(one.field_conditions for one in others)
        return next(filter(self._works, field_changes(self.rule, self.failed, self.event, exactly=exactly)), None)

    def _moved_prior(self) -> Change | None:
        changes = (
            moved_prior(arrival.event, moment)
            for condition in self._missed()
            for arrival in self.again.arrivals
            if arrival.event.event_type == condition.prior_event and arrival.event.id != self.event.id
            for moment in self._near(condition)
        )
        return next(filter(self._leads, sorted(changes, key=lambda change: change.size)), None)

    def _added_prior(self) -> Change | None:
        """The earliest from which on any moment does; where the last one does not, the last that does."""
        for condition in self._missed():
            kind, moments = condition.prior_event, self._near(condition)
            worked = [self._leads(added_prior(kind, self.event, moment)) for moment in moments]
            if any(worked):
                place = len(worked) - worked[::-1].index(not worked[-1]) if not all(worked) else 0
                moment, since = (moments[place], " or later") if worked[-1] else (moments[place - 1], "")
                text = f"if a {kind} had come in the {condition.within_text} before, at {z(moment)}{since}"
                return added_prior(kind, self.event, moment)._replace(text=text)
        return None

    def _moved_event(self) -> Change | None:
        if not all(map(_is_about_time, self.failed)):
            return None
        event = self.event
        moments = self.again.turning_points.nearest(event.timestamp)
        if not self.failed:
            moments.sort(key=lambda moment: moment < event.timestamp)
        return next(filter(self._works, (moved_event(event, moment) for moment in moments)), None)

    def _missed(self) -> list[PriorEventCondition]:
        """The conditions on prior events that failed, if no other did: else no prior event can mend it."""
        missed = [r.condition for r in self.failed if isinstance(r.condition, PriorEventCondition)]
        return missed if len(missed) == len(self.failed) else []

    def _near(self, condition: PriorEventCondition) -> list[datetime]:
        moment = self.event.timestamp
        return self.again.turning_points.between(max(moment - condition.within, FIRST_MOMENT), moment)

    def _works(self, change: Change) -> bool:
        """Whether a change to the event itself leads to a request; most do not, which is told without deciding all."""
        event = change.changed
        if not any(decide(rule, event, self.again.history, event).decision for rule in self._versions):
            return False
        self._met = True
        # What arrived before is as it was, unless the event is a late fact to it.
        if self._is_alone and all(window_of(rule, event).name in self._used for rule in self._versions):
            return False
        return self.again.is_requested_with(event, self.rule, self.event)

    def _leads(self, change: Change) -> bool:
        self._met = True
        return self.again.is_requested_with(change.changed, self.rule, self.event)


def _is_of_moments(failed: ConditionResult) -> bool:
    """Whether a condition that failed is on when something was."""
    return isinstance(failed.condition, PriorEventCondition) or failed.condition.field == INSTANT_FIELD


def _is_about_time(failed: ConditionResult) -> bool:
    """Whether a condition that failed may hold at another moment."""
    if isinstance(failed.condition, PriorEventCondition):
        return failed.found is not MISSING
    return failed.condition.field == INSTANT_FIELD


def _capped_text(rule: Rule, event: EventFacts, change: Change | None) -> str:
    template = rule.message.template
    if rule.limit is Limit.ONCE_EVER:
        return f"never again: {template} is sent once ever"
    if rule.limit is Limit.NONE:
        return f"no single change would have led to a request: {template} is sent once for each event"
    if change is None:
        return (
            "no single change would have led to a request: on every day that is free, a condition fails,"
            f" or another request of {template} comes first"
        )
    if change.changed.timestamp < event.timestamp:
        return f"would have been requested {change.text}"
    return f"next possible from {_minute(change.changed.timestamp)}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}Z" if not moment.second and not moment.microsecond else z(moment)


def _none_text(search: _Search, found: Found) -> str:
    failed, template = len(search.failed), search.rule.message.template
    text = f"no single change would have led to a request: {_NUMBERS.get(failed, f'{failed} conditions')} failed"
    if search.is_used:
        return f"{text}, and the limit of {template} is used up"
    if found.met:
        return f"{text}, and where none does, another request of {template} comes first"
    return f"{text}, which nothing that is known of the event can meet" if failed == 1 else text
