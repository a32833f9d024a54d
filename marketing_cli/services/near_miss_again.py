"""A user's arrivals that bear on one template, decided afresh with one thing changed: by the engine, in their order."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.windows import RequestFact
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.engine import Decision
from marketing_cli.services.history import History
from marketing_cli.services.near_miss_moves import TurningPoints
from marketing_cli.services.replay import arrive_all
from marketing_cli.services.replay_past import Past


class TooMuchWork(Exception):
    """The work that may be done for one answer is used up."""


class NotWorkedOut(Exception):
    """Why it cannot be told what would have led to a request."""


class Arrival(NamedTuple):
    """An event as it arrived, and the rules version of the run that brought it."""

    event: EventFacts
    version: int


class Given(NamedTuple):
    """A request that no stored arrival can lead to any more; it counts from the arrival `since` on."""

    since: int
    request: RequestFact
    rule_name: str
    window: str


@dataclass(slots=True)
class Budget:
    """How many arrivals may still be decided again."""

    left: int

    def take(self, count: int) -> None:
        """Use up some. Raises TooMuchWork when there are not enough."""
        self.left -= count
        if self.left < 0:
            raise TooMuchWork


class Made(NamedTuple):
    """A decision, and the arrival at which it was made."""

    at: int
    decision: Decision


class Again:
    """Arrivals of one user in their order, with even numbers, so that one more fits in before each.

    `rules` has, for each version, those rules that bear on the template; `given` what counts besides. `left_out` says
    why there is no more of them than bears on changes to the fields of one event; None where all are there.
    """

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        rules: Mapping[int, RuleSet],
        given: Sequence[Given],
        budget: Budget,
        left_out: str | None = None,
    ) -> None:
        """Decide them with these rules."""
        self.left_out = left_out
        self.arrivals = arrivals
        self.rules = rules
        self.given = sorted(given, key=lambda one: one.since)
        self.budget = budget

    def require_all(self) -> None:
        """Raise NotWorkedOut unless all is there that bears on the template."""
        if self.left_out is not None:
            raise NotWorkedOut(self.left_out)

    @cached_property
    def all_rules(self) -> list[Rule]:
        """The enabled rules of all versions."""
        return list({id(rule): rule for rules in self.rules.values() for rule in rules.rules if rule.enabled}.values())

    @cached_property
    def waited_for(self) -> frozenset[str]:
        """The event types that conditions ask for."""
        return frozenset(condition.prior_event for rule in self.all_rules for condition in rule.prior_conditions)

    @cached_property
    def turning_points(self) -> TurningPoints:
        """Where something may begin or end to hold."""
        given = {one.request.event_timestamp for one in self.given}
        return TurningPoints(self.all_rules, {arrival.event.timestamp for arrival in self.arrivals} | given)

    @cached_property
    def history(self) -> History:
        """All the events, whenever they arrived, and no limit that is used up."""
        history = History()
        for event, _ in self.arrivals:
            history.add_event(event.user_id, event.event_type, event.ref)
        return history

    @cached_property
    def as_it_was(self) -> list[Made]:
        """What is decided where nothing is changed."""
        return list(self._decided(self.arrivals))

    def with_arrivals(self, arrivals: Sequence[Arrival], rules: Mapping[int, RuleSet]) -> "Again":
        """The same with other arrivals and rules."""
        return Again(arrivals, rules, self.given, self.budget)

    def is_requested(self, rule: Rule, event: EventFacts) -> bool:
        """Whether the rule's message is requested for an event where nothing is changed."""
        return _is_requested(self.as_it_was, rule, event.id)

    def is_requested_with(self, changed: EventFacts, rule: Rule, event: EventFacts) -> bool:
        """The same where one event is another one: the one with its number; without one, it arrives besides."""
        arrivals = list(self.arrivals)
        place = bisect_left(arrivals, changed.id, key=_number)
        if place < len(arrivals) and arrivals[place].event.id == changed.id:
            arrivals[place] = Arrival(changed, arrivals[place].version)
        else:  # with the run of the one that it arrives right before
            arrivals.insert(place, Arrival(changed, arrivals[place].version))
        return _is_requested(self._decided(arrivals), rule, event.id)

    def used_before(self, event: EventFacts) -> set[str]:
        """The names of the windows that are used up when an event arrives."""
        used = {one.window for one in self.given if one.since < event.id}
        return used | {
            made.decision.window.name
            for made in self.as_it_was
            if made.at < event.id and made.decision.outcome is Outcome.REQUESTED
        }

    def _decided(self, arrivals: Sequence[Arrival]) -> Iterator[Made]:
        """Every decision on the template, in the order in which they are made."""
        past, place = Past(), 0
        for (version, _), group in groupby(arrivals, key=self._kind):
            arriving = list(group)
            while place < len(self.given) and self.given[place].since < arriving[0].event.id:
                one = self.given[place]
                past.add_request(one.request, one.rule_name, one.window)
                place += 1
            made = []
            events = (arrival.event for arrival in arriving)
            for event, verdicts, _ in arrive_all(self.rules[version], events, past, self._looked_at):
                self.budget.take(1)
                here = [Made(event.id, verdict.decision) for verdict in verdicts if verdict.decision]
                yield from here
                made += here
            for arrival in arriving:
                past.add_event(arrival.event, version)
            for one_made in made:
                _remember(past, one_made.decision)

    def _kind(self, arrival: Arrival) -> tuple[int, int]:
        """One load of the past does for arrivals with the same rules, up to where something given comes in between."""
        return arrival.version, bisect_left(self.given, arrival.event.id, key=lambda one: one.since)

    def _looked_at(self, version: int, rule_name: str, event_type: str) -> bool:
        return any(rule.name == rule_name for rule in self.rules[version].on(event_type))


def _number(arrival: Arrival) -> int:
    return arrival.event.id


def _is_requested(decided: Iterator[Made] | Sequence[Made], rule: Rule, event_id: int) -> bool:
    """Each rule decides an event once: what comes after that need not be known."""
    found = (d for _, d in decided if d.event.id == event_id and d.rule.name == rule.name)
    decision = next(found, None)
    return decision is not None and decision.outcome is Outcome.REQUESTED


def _remember(past: Past, decision: Decision) -> None:
    if decision.outcome is Outcome.REQUESTED:
        past.add_request(decision.used_by, decision.rule.name, decision.window.name)
    else:
        past.add_suppression(decision.event.id, decision.rule.name)
