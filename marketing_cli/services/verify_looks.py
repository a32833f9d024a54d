"""Why a stored decision does not come out again: its rule looks at its event once more, as it did then."""

from marketing_cli.domain.events import EventFacts
from marketing_cli.repositories.replay import Arrived, Decided
from marketing_cli.schemas.rules import Rule
from marketing_cli.services.audit_texts import failure_text
from marketing_cli.services.engine import decide
from marketing_cli.services.history import History
from marketing_cli.services.replay_reading import StoredRules, UserHistory
from marketing_cli.services.rule_evaluation import Evaluation


def not_decided(
    decided: Decided, event: EventFacts | None, history: UserHistory, rules: StoredRules
) -> tuple[str, str | None]:
    """What comes out instead of a stored decision, in words, and the condition that keeps it from coming out."""
    if event is None:
        return f"nothing: this user has no event in row {decided.event_id}", None
    cause = next((arrived for arrived in history.arrivals if arrived.id == decided.caused_by_event_id), None)
    in_force = None if cause is None else rules.get(cause.rules_version_id)
    if cause is None or in_force is None:
        return f"nothing: this user has no event in row {decided.caused_by_event_id}, which caused it", None
    rule = next((rule for rule in in_force.on(event.event_type) if rule.name == decided.rule_name), None)
    if rule is None:
        return f"nothing: the rules of then had no enabled rule of this name on {event.event_type}", None
    failed = _look(rule, event, cause, history).first_failure
    if failed is None:
        return "nothing: the rule matched, and decided this event otherwise or at another arrival", None
    return "not matched", failure_text(failed, event)


def _look(rule: Rule, event: EventFacts, cause: Arrived, history: UserHistory) -> Evaluation:
    """The rule's look at the event right after the cause had arrived."""
    known = History()
    for arrived in history.arrivals:
        if arrived.id <= cause.id:
            known.add_event(arrived.event.user_id, arrived.event.event_type, arrived.event.ref)
    return decide(rule, event, known, cause.event).evaluation
