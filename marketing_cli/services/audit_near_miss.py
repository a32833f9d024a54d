"""What would have changed the looks that an audit shows: fetches what bears on their templates, once for each."""

from collections.abc import Sequence

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.repositories.audit_again import ArrivalsOfUser
from marketing_cli.repositories.audit_rows import StoredDecision
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.audit_again import MOST_DECIDED, UserAgain, numbered
from marketing_cli.services.audit_decisions import not_matched_code
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.near_miss import near_miss
from marketing_cli.services.near_miss_again import Again, Arrival, NotWorkedOut, TooMuchWork

_IN_FORCE = -1
"""Stands for the version that an event arrived with, with one more rule in force."""
_RULE_MISSING = {ReasonCode.RULE_DISABLED, ReasonCode.RULE_NOT_IN_FORCE}
_NONE = "no single change would have led to a request: "


def near_misses(looks: Sequence[Look], arrivals: ArrivalsOfUser, rules: RulesOfThen) -> list[str | None]:
    """For each look of one user what would have led to a request, or why that cannot be told; None where one was."""
    user = UserAgain(arrivals, rules)
    return [_told(look, look.rule, user) if look.rule else None for look in looks]


def _told(look: Look, rule: Rule, user: UserAgain) -> str | None:
    if look.evaluation is None or (look.decision is not None and not _is_suppressed(look, look.decision)):
        return None
    is_fresh = user.budget.left == MOST_DECIDED
    try:
        return _worked_out(look, rule, user.of(look, rule))
    except NotWorkedOut as why:
        return f"not worked out: {why}"
    except TooMuchWork:
        alone = "" if is_fresh else f"; mmsg audit --row {look.event.facts.id} tries more of them"
        return f"not worked out: it takes too long to decide all again with each change that might do{alone}"


def _is_suppressed(look: Look, decision: StoredDecision) -> bool:
    """Whether its limit is all that stands in the way, by what is stored now."""
    return decision.outcome is Outcome.SUPPRESSED and look.evaluation is not None and look.evaluation.matched


def _worked_out(look: Look, rule: Rule, again: Again) -> str | None:
    event = numbered(look.event.facts)
    if look.decision is None and not_matched_code(look) in _RULE_MISSING:
        return _with_rule(look, rule, event, again)
    told = near_miss(rule, event, again)
    if told is None and look.decision is not None:
        return "not worked out: what is stored does not come out so when it is decided again; mmsg verify says where"
    return told


def _with_rule(look: Look, rule: Rule, event: EventFacts, again: Again) -> str:
    """The same where the rule was not in force: then putting it in force is a change too, and the only one."""
    failed = look.evaluation is not None and not look.evaluation.matched
    if failed:
        return f"{_NONE}the rule was not in force, and a condition failed"
    again.require_all()
    late = look.late_fact
    if late is not None and _late_first(again, 2 * late.ref.id).is_requested(rule, event):
        return f"would have been requested if {late.event_type} {late.ref.key} had arrived first"
    if late is None and _in_force(again, rule, event).is_requested(rule, event):
        return f"would have been requested with the rule {rule.name} in force when the event arrived"
    return f"{_NONE}the rule was not in force, and its limit is used up"


def _late_first(again: Again, number: int) -> Again:
    """The same with one event having arrived before all others."""
    first = [Arrival(a.event._replace(id=0), a.version) for a in again.arrivals if a.event.id == number]
    return again.with_arrivals([*first, *(a for a in again.arrivals if a.event.id != number)], again.rules)


def _in_force(again: Again, rule: Rule, event: EventFacts) -> Again:
    """The same with the rule in force when the event arrived: in its place in the file, or else at its end."""
    arrivals = [a._replace(version=_IN_FORCE) if a.event.id == event.id else a for a in again.arrivals]
    before = next(again.rules[a.version] for a in again.arrivals if a.event.id == event.id)
    enabled = rule.model_copy(update={"enabled": True})
    kept = [enabled if (one.name, one.on) == (rule.name, rule.on) else one for one in before.rules]
    if enabled not in kept:
        kept.append(enabled)
    return again.with_arrivals(arrivals, {**again.rules, _IN_FORCE: RuleSet(version=before.version, rules=tuple(kept))})
