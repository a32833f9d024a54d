"""What would have changed the looks that an audit shows: fetches the requests that use up limits, once for all."""

from collections.abc import Sequence

from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.windows import RequestFact
from marketing_cli.repositories.audit_decisions import DecisionHistory
from marketing_cli.services.audit_decisions import not_matched
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.near_miss import near_miss
from marketing_cli.services.near_miss_changes import Past

MOST_REQUESTS = 1000
"""Of a user with more requests of the templates in question nothing is told, since the rest is not known."""


def near_misses(looks: Sequence[Look], decisions: DecisionHistory) -> list[str | None]:
    """For each look of one user what would have led to a request; None where one was made, or it cannot be told."""
    wanted = sorted({look.rule.message.template for look in looks if look.rule and not _is_requested(look)})
    if not wanted:
        return [None for _ in looks]
    user_id = looks[0].event.facts.user_id
    requests = decisions.used_by(user_id, wanted, MOST_REQUESTS + 1)
    by_template: dict[str, list[RequestFact]] = {template: [] for template in wanted}
    for request in requests:
        by_template[request.template].append(request)
    return [None if len(requests) > MOST_REQUESTS else _told(look, by_template) for look in looks]


def _is_requested(look: Look) -> bool:
    return look.decision is not None and look.decision.outcome is Outcome.REQUESTED


def _told(look: Look, requests: dict[str, list[RequestFact]]) -> str | None:
    if look.rule is None or look.evaluation is None or _is_requested(look):
        return None
    past = Past(look.known, tuple(requests[look.rule.message.template]))
    text = near_miss(look.rule, look.event.facts, past)
    if look.decision is not None:
        return text if look.evaluation.matched else None
    return _with_rule(look, text)


def _with_rule(look: Look, text: str | None) -> str | None:
    """The same where the rule was not in force: then putting it in force is a change too, and the only one."""
    code, _ = not_matched(look)
    if look.rule is None or code not in {ReasonCode.RULE_DISABLED, ReasonCode.RULE_NOT_IN_FORCE}:
        return text
    if text is not None:
        return "no single change would have led to a request: the rule was not in force, and " + (
            "a condition failed" if look.evaluation and not look.evaluation.matched else "its limit is used up"
        )
    if look.late_fact is not None:
        return f"would have been requested if {look.late_fact.event_type} {look.late_fact.ref.key} had arrived first"
    return f"would have been requested with the rule {look.rule.name} in force when the event arrived"
