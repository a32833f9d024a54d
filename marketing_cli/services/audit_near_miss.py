"""What would have changed the looks that an audit shows: fetches the requests that use up limits, once for all."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from marketing_cli.domain.events import EventRef
from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.windows import RequestFact
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.audit_decisions import DecisionHistory
from marketing_cli.services.audit_decisions import not_matched_code
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.near_miss import near_miss
from marketing_cli.services.near_miss_changes import Past

MOST_REQUESTS = 1000
MOST_PRIORS = 1000
"""Of a user with more requests of the templates in question, or more events of the types that conditions ask for,
nothing is told, since the rest is not known."""


@dataclass(slots=True)
class _Known:
    """What is stored of a user, as far as it is asked for; None: too much to look through."""

    requests: dict[str, list[RequestFact]] | None = field(default_factory=dict)
    caused_by: dict[int, int] = field(default_factory=dict)
    priors: Sequence[tuple[str, EventRef]] | None = ()


def near_misses(looks: Sequence[Look], decisions: DecisionHistory, audit: AuditRepository) -> list[str | None]:
    """For each look of one user what would have led to a request; None where one was made, or it cannot be told."""
    asking = [look for look in looks if look.rule and not _is_requested(look)]
    if not asking:
        return [None for _ in looks]
    known = _known(asking, decisions, audit)
    return [_told(look, known) for look in looks]


def _known(asking: Sequence[Look], decisions: DecisionHistory, audit: AuditRepository) -> _Known:
    rules = [look.rule for look in asking if look.rule]
    user_id, templates = asking[0].event.facts.user_id, sorted({rule.message.template for rule in rules})
    kinds = sorted({condition.prior_event for rule in rules for condition in rule.prior_conditions})
    requests = decisions.used_by(user_id, templates, MOST_REQUESTS + 1)
    priors = audit.refs_of_user(user_id, kinds, MOST_PRIORS + 1) if kinds else []
    by_template: dict[str, list[RequestFact]] = {template: [] for template in templates}
    for request, _ in requests:
        by_template[request.template].append(request)
    return _Known(
        by_template if len(requests) <= MOST_REQUESTS else None,
        {request.id: cause for request, cause in requests},
        priors if len(priors) <= MOST_PRIORS else None,
    )


def _is_requested(look: Look) -> bool:
    return look.decision is not None and look.decision.outcome is Outcome.REQUESTED


def _told(look: Look, known: _Known) -> str | None:
    rule = look.rule
    if rule is None or look.evaluation is None or _is_requested(look) or known.requests is None:
        return None
    if rule.prior_conditions and known.priors is None:
        return None
    past = Past(tuple(known.priors or ()), tuple(known.requests[rule.message.template]))
    if look.decision is not None:
        return near_miss(rule, look.event.facts, past) if look.evaluation.matched else None
    past = past._replace(caused_by=known.caused_by)
    if not_matched_code(look) is ReasonCode.RULE_NOT_IN_FORCE:
        past = past._replace(
            priors=tuple((kind, ref._replace(id=_arrived_first(look, ref))) for kind, ref in past.priors)
        )
    return _with_rule(look, near_miss(rule, look.event.facts, past))


def _arrived_first(look: Look, ref: EventRef) -> int:
    """The row of an event, which is its place in the order of arrival, if the late fact had been the first of all."""
    return 0 if look.late_fact and look.late_fact.ref.id == ref.id else ref.id


def _with_rule(look: Look, text: str | None) -> str | None:
    """The same where the rule was not in force: then putting it in force is a change too, and the only one."""
    if look.rule is None or not_matched_code(look) not in {ReasonCode.RULE_DISABLED, ReasonCode.RULE_NOT_IN_FORCE}:
        return text
    if text is not None:
        return "no single change would have led to a request: the rule was not in force, and " + (
            "a condition failed" if look.evaluation and not look.evaluation.matched else "its limit is used up"
        )
    if look.late_fact is not None:
        return f"would have been requested if {look.late_fact.event_type} {look.late_fact.ref.key} had arrived first"
    return f"would have been requested with the rule {look.rule.name} in force when the event arrived"
