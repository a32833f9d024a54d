"""What a rule's look at an event came to: what is stored wins; what is not stored is told from the conditions."""

from typing import Any

from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.texts import z
from marketing_cli.repositories.audit_rows import StoredDecision
from marketing_cli.schemas.audit import AuditedCondition, AuditedDecision, ConsideredDecision
from marketing_cli.schemas.rules import Rule
from marketing_cli.services.audit_looks import LateFact, Look
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.audit_shapes import blocked_by_shape, condition_shape
from marketing_cli.services.audit_texts import failure_text
from marketing_cli.services.rule_evaluation import Evaluation


def decision_shape(look: Look, rules: RulesOfThen, near_miss: str | None = None) -> AuditedDecision:
    """What one rule made of one event."""
    return AuditedDecision(**_values(look, rules), near_miss=near_miss)


def considered_shape(look: Look, rules: RulesOfThen, near_miss: str | None = None) -> ConsideredDecision:
    """The same, with the event."""
    facts, values = look.event.facts, _values(look, rules)
    return ConsideredDecision(
        **values,
        status=values["outcome"],
        event_id=facts.key,
        event_type=facts.event_type,
        event_timestamp=facts.timestamp,
        near_miss=near_miss,
    )


def considered_without_event(decision: StoredDecision, rules: RulesOfThen) -> ConsideredDecision:
    """A decision whose event is deleted, or was not looked at."""
    return ConsideredDecision(
        **_decided_values(decision, rules),
        conditions=[],
        notes=[] if decision.event_id else ["the event is no longer stored, so its conditions cannot be shown"],
        status=decision.outcome,
        event_id=decision.event_key,
        event_type=decision.event_type,
        event_timestamp=decision.event_timestamp,
    )


def not_matched_code(look: Look) -> ReasonCode | None:
    """Why a rule without a decision made none; None where all conditions hold, and only the decision is missing."""
    evaluation = look.evaluation
    if not look.was_in_force or evaluation is None:
        return ReasonCode.RULE_DISABLED
    if evaluation.first_failure is not None:
        return evaluation.first_failure.code
    is_unmoved = look.late_fact is not None and look.late_fact.rule is None
    return ReasonCode.RULE_NOT_IN_FORCE if is_unmoved else None


def not_matched(look: Look) -> tuple[ReasonCode | None, str]:
    """Why a rule without a decision made none: a code, and half a sentence."""
    code = not_matched_code(look)
    if code is ReasonCode.RULE_DISABLED:
        return code, _not_in_force_text(look)
    failed = look.evaluation.first_failure if look.evaluation else None
    if failed is not None:
        return code, failure_text(failed, look.event.facts)
    if code is ReasonCode.RULE_NOT_IN_FORCE and look.late_fact is not None:
        return code, _late_text(look.late_fact)
    return code, "all conditions hold, but the decision is not in the database: it seems to have been deleted"


def _values(look: Look, rules: RulesOfThen) -> dict[str, Any]:
    conditions = _conditions(look.evaluation)
    if look.decision is not None:
        notes = _notes(look, rules)
        return _decided_values(look.decision, rules) | {"conditions": conditions, "notes": notes}
    if look.rule is None:
        raise ValueError("a look without a rule needs a decision")
    code, reason = not_matched(look)
    return _rule_values(look.rule) | {
        "outcome": Outcome.NOT_MATCHED,
        "reason_code": code,
        "reason": reason,
        "decided_at": None,
        "rules_sha256": look.measured_by or rules.sha256(look.rules_version_id),
        "caused_by": None,
        "conditions": conditions,
    }


def _rule_values(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.name, "template": rule.message.template, "channel": rule.message.channel.value}


def _decided_values(decision: StoredDecision, rules: RulesOfThen) -> dict[str, Any]:
    return {
        "rule": decision.rule_name,
        "template": decision.template,
        "channel": decision.channel,
        "outcome": decision.outcome,
        "reason_code": decision.reason_code,
        "reason": decision.suppression_reason or decision.reason,
        "decided_at": decision.decided_at,
        "rules_sha256": rules.sha256(decision.rules_version_id),
        "caused_by": decision.caused_by_key,
        "historical": decision.historical,
        "late": decision.is_late,
        "run_id": decision.run_id,
        "matched_because": decision.reason,
        "blocked_by": blocked_by_shape(decision),
    }


def _conditions(evaluation: Evaluation | None) -> list[AuditedCondition]:
    if evaluation is None:
        return []
    return [condition_shape(result, evaluation.event) for result in evaluation.results]


def _notes(look: Look, rules: RulesOfThen) -> list[str]:
    if look.rule is None and rules.get(look.rules_version_id) is not None:
        return ["the rules that decided have no such rule, so its conditions cannot be shown"]
    if look.evaluation is not None and not look.evaluation.matched:
        return ["decided on facts that have changed since: by what is stored now, a condition no longer holds"]
    return []


def _late_text(fact: LateFact) -> str:
    return (
        f"all conditions hold now, but {fact.event_type} {fact.ref.key} of {z(fact.ref.timestamp)} arrived only with"
        f" run {fact.run_id}, {_unmoved_text(fact)}"
    )


def _unmoved_text(fact: LateFact) -> str:
    """Why the rules of the run that brought a late fact did not decide by it."""
    if fact.unmoved is None:
        return "whose rules had no such rule in force"
    waiting = [c for c in fact.unmoved.prior_conditions if c.prior_event == fact.event_type]
    widest = max(waiting, key=lambda condition: condition.within, default=None)
    shorter = f" that long: it allowed {widest.within_text}" if widest else ""
    return f"and the rule {fact.unmoved.name} as it stood in that run did not wait for {fact.event_type}{shorter}"


def _not_in_force_text(look: Look) -> str:
    failed = look.evaluation.first_failure if look.evaluation else None
    template = look.rule.message.template if look.rule else "it"
    arrived = f"when this event arrived, with run {look.event.run_id}"
    if look.rule is None or look.measured_by is not None:
        text = f"no rule on {look.event.facts.event_type} asked for {template} {arrived}"
    else:
        text = f"the rule {look.rule.name}, which asks for {template}, was disabled {arrived}"
    if look.evaluation is None:
        return text
    if failed is None:
        return f"{text}; otherwise all conditions would have held"
    return f"{text}; nor would its conditions have held: {failure_text(failed, look.event.facts)}"
