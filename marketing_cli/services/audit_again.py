"""What is stored of a user, made ready to be decided afresh: no more of it than bears on a template."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.moments import START_OF_TIME
from marketing_cli.domain.windows import Stretch
from marketing_cli.repositories.audit_again import ArrivalsOfUser, KeptRequest, KindOfArrival
from marketing_cli.schemas.rules import Limit, Rule, RuleSet
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.near_miss_again import Again, Arrival, Budget, Given, NotWorkedOut
from marketing_cli.services.suppression import window_of

MOST_EVENTS = 10_000
"""Of a user with more events it is not looked up which rules bear on them."""
MOST_ARRIVALS = 1_000
"""Events that bear on a template: with more of them no more is decided again than bears on an event's fields."""
MOST_NEAR = 1_000
"""Prior events, or requests, that then bear on it: with more of them nothing is."""
MOST_DECIDED = 50_000
"""Arrivals that are decided again for one answer, all changes that are tried together."""


class UserAgain:
    """One user's arrivals, template by template."""

    def __init__(self, arrivals: ArrivalsOfUser, rules: RulesOfThen) -> None:
        """Read them here; `rules` are those of then."""
        self._arrivals, self._rules = arrivals, rules
        self._kinds: list[KindOfArrival] | None = None
        self._known: dict[tuple[str, str, str], Again] = {}
        self.budget = Budget(MOST_DECIDED)

    def of(self, look: Look, rule: Rule) -> Again:
        """All that bears on the template of a look. Raises NotWorkedOut."""
        key = rule.message.template, rule.name, rule.on
        if key not in self._known:
            alone = self._alone(look, rule)
            if alone is not None:
                return alone
            again = self._again(look, rule)
            if again.left_out is not None:
                return again
            self._known[key] = again
        return self._known[key]

    def _alone(self, look: Look, rule: Rule) -> Again | None:
        """Just the event, where nothing else bears on what its rules make of it."""
        version = look.event.rules_version_id
        rules = self._rules.get(version)
        if rules is None or look.rules_version_id != version or not look.was_in_force:
            return None
        bearing = _bearing({version: rules}, rule)[version]
        here = bearing.on(look.event.facts.event_type)
        if any(one.prior_conditions or one.limit is not Limit.NONE for one in here):
            return None
        return Again([Arrival(numbered(look.event.facts), version)], {version: bearing}, [], self.budget)

    def _again(self, look: Look, rule: Rule) -> Again:
        user_id, template = look.event.facts.user_id, rule.message.template
        kinds = self._listed(user_id)
        rules = _bearing(self._readable({kind.version for kind in kinds}), rule)
        ways = [one for version in rules.values() for one in version.rules] + [rule]
        types = {one.on for one in ways} | {c.prior_event for one in ways for c in one.prior_conditions}
        count = sum(kind.events for kind in kinds if kind.event_type in types)
        if count > MOST_ARRIVALS:
            why = (
                f"{count} events of the user bear on {template}, and with more than {MOST_ARRIVALS} it takes too long"
                " to decide all of them again; the reason above holds all the same"
            )
            return self._near(look, rule, rules, why)
        arrived = self._arrivals.arrivals(user_id, sorted(types), MOST_ARRIVALS)
        arrivals = [Arrival(numbered(event), version) for event, version in arrived]
        return Again(arrivals, rules, self._given(user_id, template, arrivals), self.budget)

    def _near(self, look: Look, rule: Rule, rules: Mapping[int, RuleSet], why: str) -> Again:
        """The event, what may be its prior events, and the requests that may stand in its way, as they are stored.

        These are the same whatever the event's fields are: as a prior event it has but a type and a time.
        """
        event = look.event.facts
        here = {version: _only_on(event.event_type, one) for version, one in rules.items()}
        ways = [rule, *(one for version in here.values() for one in version.rules)]
        types = {condition.prior_event for one in ways for condition in one.prior_conditions}
        if event.event_type in types:
            raise NotWorkedOut(why)
        priors = self._arrivals.arrivals(event.user_id, sorted(types), MOST_NEAR + 1, _before(event, ways))
        stretches = [stretch for one in ways for stretch in window_of(one, event).stretches]
        stretch = min(first for first, _ in stretches), max(last for _, last in stretches)
        kept = self._arrivals.requests(event.user_id, rule.message.template, MOST_NEAR + 1, stretch)
        if max(len(priors), len(kept)) > MOST_NEAR:
            raise NotWorkedOut(why)
        arrived = sorted([*priors, (event, look.event.rules_version_id)], key=lambda one: one[0].id)
        arrivals = [Arrival(numbered(one), version) for one, version in arrived]
        given = [_given(one) for one in kept if one.request.event_id != event.id]
        return Again(arrivals, here, given, self.budget, why)

    def _given(self, user_id: str, template: str, arrivals: Sequence[Arrival]) -> list[Given]:
        """The requests that do not come out again, since their event or the one that led to them was deleted."""
        kept = self._arrivals.requests(user_id, template, MOST_ARRIVALS + 1)
        if len(kept) > MOST_ARRIVALS:
            raise NotWorkedOut(f"the user has more than {MOST_ARRIVALS} requests of {template}")
        numbers = {arrival.event.id for arrival in arrivals}
        return [_given(one) for one in kept if one.request.event_id is None or 2 * one.cause not in numbers]

    def _listed(self, user_id: str) -> list[KindOfArrival]:
        if self._kinds is None:
            self._kinds = self._arrivals.kinds(user_id, MOST_EVENTS + 1)
        if sum(kind.events for kind in self._kinds) > MOST_EVENTS:
            raise NotWorkedOut(
                f"the user has more than {MOST_EVENTS} events, and it would take too long to decide again those that"
                " bear on it; the reason above holds all the same"
            )
        return self._kinds

    def _readable(self, versions: set[int]) -> dict[int, RuleSet]:
        found = {version: self._rules.get(version) for version in sorted(versions)}
        readable = {version: rules for version, rules in found.items() if rules is not None}
        if len(readable) < len(found):
            raise NotWorkedOut("events of the user arrived with rules that this program cannot read")
        return readable


def numbered(event: EventFacts) -> EventFacts:
    """The event with an even number, so that there is room for one more before it."""
    return event._replace(id=2 * event.id)


def _given(kept: KeptRequest) -> Given:
    return Given(2 * kept.cause, kept.request, kept.rule_name, kept.window)


def _only_on(event_type: str, rules: RuleSet) -> RuleSet:
    return RuleSet(version=rules.version, rules=rules.on(event_type))


def _before(event: EventFacts, rules: Sequence[Rule]) -> Stretch:
    """The stretch of time in which events may be prior to one."""
    longest = max((condition.within for rule in rules for condition in rule.prior_conditions), default=timedelta(0))
    begins = START_OF_TIME if event.timestamp - START_OF_TIME < longest else event.timestamp - longest
    return begins, event.timestamp


def _bearing(versions: Mapping[int, RuleSet], rule: Rule) -> dict[int, RuleSet]:
    """Of each version the rules that bear on a rule's template: also those that had another one, by their names."""
    template = rule.message.template
    names = {one.name for rules in versions.values() for one in rules.rules if one.message.template == template}
    names.add(rule.name)
    return {
        number: RuleSet(version=rules.version, rules=tuple(one for one in rules.rules if one.name in names))
        for number, rules in versions.items()
    }
