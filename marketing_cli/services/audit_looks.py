"""How rules looked at stored events: the same engine again, with the rules of then, over what is stored now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.lookups import PriorLookup
from marketing_cli.domain.moments import END_OF_TIME, START_OF_TIME, later
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.audit_rows import StoredDecision, StoredEvent
from marketing_cli.repositories.interfaces import IEventRepository
from marketing_cli.schemas.rules import PriorEventCondition, Rule
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.engine import decide
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import Evaluation

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LateFact:
    """A prior event that arrived after the event it makes a condition hold for, and what came with it.

    `rule` is the rule of the same name in the rules of the run that brought it; None if these had none in force that
    waited for it. One that did not wait for it is `unmoved`.
    """

    event_type: str
    ref: EventRef
    run_id: int
    rules_version_id: int
    rule: Rule | None
    unmoved: Rule | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One rule's last look at one event.

    `rules_version_id` is the version it looked with. `rule` is None where that version cannot be read or has no such
    rule on the event's type; there is no evaluation then. Without `was_in_force` the rule was not there, or disabled,
    when the event arrived, and its evaluation tells what it would have seen; `measured_by` is the SHA-256 of the rules
    that have it, where the event's own rules have no such rule at all.
    """

    event: StoredEvent
    rules_version_id: int
    rule: Rule | None
    decision: StoredDecision | None = None
    evaluation: Evaluation | None = None
    late_fact: LateFact | None = None
    was_in_force: bool = True
    measured_by: str | None = None


class Looker:
    """Evaluates rules over stored events, with the history that they ask for, in a few queries for all of them."""

    def __init__(self, events: IEventRepository, audit: AuditRepository, rules: RulesOfThen) -> None:
        """Read from these."""
        self._events = events
        self._audit = audit
        self._rules = rules

    def look(self, looks: Sequence[Look]) -> list[Look]:
        """Evaluate each look; one that was undecided is shown as the rule last looked at it."""
        evaluated = self._evaluated(looks)
        facts = self._late_facts(evaluated)
        if not facts:
            return evaluated
        again = {place: _looked_again(evaluated[place], fact) for place, fact in facts.items()}
        renewed = dict(zip(again, self._evaluated(list(again.values())), strict=True))
        return [renewed.get(place, look) for place, look in enumerate(evaluated)]

    def _evaluated(self, looks: Sequence[Look]) -> list[Look]:
        history = self._history((look.rule, look.event.facts) for look in looks if look.rule)
        return [look if look.rule is None else _decided_again(look, look.rule, history) for look in looks]

    def _history(self, pairs: Iterable[tuple[Rule, EventFacts]]) -> History:
        """For each prior type the nearest event up to each of these events, and the nearest after it: no more."""
        wanted = {
            (event.user_id, c.prior_event, event.timestamp, event.id) for r, event in pairs for c in r.prior_conditions
        }
        history = History()
        if not wanted:
            return history
        before = [PriorLookup(user, kind, START_OF_TIME, moment, number) for user, kind, moment, number in wanted]
        after = [PriorLookup(u, kind, later(moment, _TICK), END_OF_TIME, number) for u, kind, moment, number in wanted]
        for find, lookups in ((self._events.find_latest_priors, before), (self._audit.find_earliest_later, after)):
            for user_id, event_type, ref in find(lookups):
                history.add_event(user_id, event_type, ref)
        return history

    def _late_facts(self, looks: Sequence[Look]) -> dict[int, LateFact]:
        """By place: of undecided events, the last to arrive of the late facts that conditions hold by."""
        newest = {place: fact for place, look in enumerate(looks) if (fact := _newest_late(look))}
        facts = [(ref.id, looks[place].event.facts.user_id) for place, (_, ref) in newest.items()]
        arrived = self._audit.find_events(facts) if facts else {}
        found = {}
        for place, (event_type, ref) in newest.items():
            stored, rule = arrived[ref.id], looks[place].rule
            version = stored.rules_version_id
            of_then = self._rules.find(version, rule.name, looks[place].event.facts.event_type) if rule else None
            found[place] = LateFact(event_type, ref, stored.run_id, version, of_then)
        return found


def _newest_late(look: Look) -> tuple[str, EventRef] | None:
    if look.decision is not None or look.evaluation is None or not look.was_in_force:
        return None
    late = [
        (result.condition.prior_event, result.found)
        for result in look.evaluation.results
        if isinstance(result.condition, PriorEventCondition) and result.held and result.found.id > look.event.facts.id
    ]
    return max(late, key=lambda fact: fact[1].id, default=None)


def _looked_again(look: Look, fact: LateFact) -> Look:
    """The look with the rule that the late fact's run had, if that rule was waiting for the fact."""
    if fact.rule is None or not _waited(fact.rule, fact, look.event.facts):
        return replace(look, late_fact=replace(fact, rule=None, unmoved=fact.rule))
    return replace(look, late_fact=fact, rule=fact.rule, rules_version_id=fact.rules_version_id)


def _waited(rule: Rule, fact: LateFact, event: EventFacts) -> bool:
    gap = event.timestamp - fact.ref.timestamp
    return any(c.prior_event == fact.event_type and gap <= c.within for c in rule.prior_conditions)


def plan_looks(
    event: StoredEvent,
    decisions: Sequence[StoredDecision],
    rules: RulesOfThen,
    wanted: Callable[[Rule], bool] = lambda _rule: True,
) -> list[Look]:
    """The rules that looked at an event when it arrived, in file order, then those that decided it later.

    A decided rule is taken from the version that decided. `wanted` picks among the rules; `decisions` must be picked.
    """
    version, event_type = event.rules_version_id, event.facts.event_type
    open_decisions = {decision.rule_name: decision for decision in decisions}
    looks = [
        planned_look(event, decision, rules) if decision else Look(event, version, rule)
        for rule in rules.on(version, event_type)
        if (decision := open_decisions.pop(rule.name, None)) or wanted(rule)
    ]
    return looks + [planned_look(event, decision, rules) for decision in open_decisions.values()]


def planned_look(event: StoredEvent, decision: StoredDecision, rules: RulesOfThen) -> Look:
    """The look at an event that led to a decision, with the version that decided."""
    version = decision.rules_version_id
    return Look(event, version, rules.find(version, decision.rule_name, event.facts.event_type), decision)


def _decided_again(look: Look, rule: Rule, history: History) -> Look:
    """The look with each condition evaluated, by the same `decide` that `ingest` calls."""
    facts = look.event.facts
    return replace(look, evaluation=decide(rule, facts, history, facts).evaluation)
