"""The rule engine: an event arrives, and each rule on its type decides. Pure, and the only place that decides.

`ingest`, its dry run, `process_event` and `audit` all come through `decide`, so an explanation cannot disagree with
what was done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.texts import human_duration, shown, z
from marketing_cli.domain.windows import RequestFact, Window
from marketing_cli.schemas.rules import FieldCondition, PriorEventCondition, Rule, RuleSet
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import ConditionResult, Evaluation, evaluate, fields_hold
from marketing_cli.services.suppression import blocked_text, window_of


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What a rule made of an event.

    `cause` is the event whose arrival led to it: the event itself, or a late fact. `used_by` is the send request that
    was made or, for a suppression, the one that had used up `window`.
    """

    evaluation: Evaluation
    cause: EventFacts
    outcome: Outcome
    window: Window
    used_by: RequestFact
    reason: str
    reason_code: ReasonCode | None = None
    suppression_reason: str | None = None

    @property
    def rule(self) -> Rule:
        """The rule that decided."""
        return self.evaluation.rule

    @property
    def event(self) -> EventFacts:
        """The event that was decided on."""
        return self.evaluation.event


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """One rule's look at one event; `decision` is None when the rule did not match."""

    evaluation: Evaluation
    decision: Decision | None


def decide(rule: Rule, event: EventFacts, history: History, cause: EventFacts) -> Verdict:
    """Let one rule decide on one event, given what is known of its user. Changes nothing."""
    evaluation = evaluate(rule, event, history)
    if not evaluation.matched:
        return Verdict(evaluation, None)
    reason = match_text(evaluation, cause)
    window = window_of(rule, event)
    blocking = history.user_of_window(event.user_id, rule.message.template, window)
    if blocking is None:
        request = RequestFact(event.user_id, rule.message.template, event.timestamp, event.id, event.key)
        return Verdict(evaluation, Decision(evaluation, cause, Outcome.REQUESTED, window, request, reason))
    text = blocked_text(window, event, blocking)
    suppressed = Decision(evaluation, cause, Outcome.SUPPRESSED, window, blocking, reason, window.code, text)
    return Verdict(evaluation, suppressed)


def arrive(rules: RuleSet, event: EventFacts, history: History) -> list[Verdict]:
    """An event arrives: its own rules decide in file order, then the events that waited for it, in arrival order.

    Returns a verdict for each of its own rules, and for each re-opened event and rule that now match. Adds to `history`
    what later arrivals need to know.
    """
    history.add_event(event.user_id, event.event_type, event.ref)
    own = [_settle(rule, event, history, event) for rule in rules.on(event.event_type)]
    reopened = [_settle(rule, waiting, history, event) for waiting, rule in _reopened(rules, event, history)]
    return own + [verdict for verdict in reopened if verdict.decision]


def _settle(rule: Rule, event: EventFacts, history: History, cause: EventFacts) -> Verdict:
    verdict = decide(rule, event, history, cause)
    is_late = cause is not event
    if verdict.decision is None:
        if rule.prior_conditions and not is_late:
            history.leave_open(rule.name, event)
        return verdict
    history.use_window(verdict.decision.window, verdict.decision.used_by)
    if is_late:
        history.close(rule.name, event)
    return verdict


def _reopened(rules: RuleSet, event: EventFacts, history: History) -> list[tuple[EventFacts, Rule]]:
    """The open events that waited for an event of this type and time, in arrival order, their rules in file order."""
    found = {
        (waiting.id, place): (waiting, rule)
        for place, rule in enumerate(rules.waiting_for.get(event.event_type, ()))
        for within in waiting_lengths(rule, event.event_type)
        for waiting in history.open_within(rule.name, event, within)
    }
    return [found[key] for key in sorted(found)]


def waiting_lengths(rule: Rule, event_type: str) -> Iterator[timedelta]:
    """For how long after an event of this type another event may still be waiting for it under a rule."""
    return (c.within for c in rule.prior_conditions if c.prior_event == event_type)


def candidates(rules: RuleSet, events: Iterable[EventFacts]) -> Iterator[tuple[Rule, EventFacts]]:
    """The pairs whose outcome depends on the user's history: everything else is settled by the event alone."""
    return ((rule, event) for event in events for rule in rules.on(event.event_type) if fields_hold(rule, event))


def match_text(evaluation: Evaluation, cause: EventFacts) -> str:
    """Why a rule matched: the facts, and which of them came late."""
    facts = "; ".join(_held_text(result, evaluation.event) for result in evaluation.results) or "no conditions"
    text = f"{evaluation.rule.name} matched: {facts}"
    if cause is evaluation.event:
        return text
    return f"{text}; decided late, when {cause.event_type} {cause.key} of {z(cause.timestamp)} arrived"


def _held_text(result: ConditionResult, event: EventFacts) -> str:
    condition, found = result.condition, result.found
    if isinstance(condition, PriorEventCondition):
        return f"{condition.prior_event} {found.key} came {_gap(found, event)} ({condition.within_text} allowed)"
    if condition.operator == "missing":
        return f"{condition.field} is missing"
    return f"{condition.field} is {shown(found)}"


def failure_text(result: ConditionResult, event: EventFacts) -> str:
    """Why a condition did not hold, with what was expected and what was found."""
    condition = result.condition
    if isinstance(condition, FieldCondition):
        found = "nothing" if not _is_value(result) else shown(result.found)
        return f"{condition.text} {shown_expected(condition)}: found {found}"
    if not isinstance(result.found, EventRef):
        return f"no {condition.prior_event} of this user is known"
    return (
        f"{condition.prior_event} {result.found.key} came {_gap(result.found, event)}; {condition.within_text} allowed"
    )


def shown_expected(condition: FieldCondition) -> str:
    """The rule's value for a sentence."""
    expected = condition.expected
    return shown(list(expected) if isinstance(expected, tuple) else expected)


def _is_value(result: ConditionResult) -> bool:
    return result.found is not None and result.code is not ReasonCode.PRIOR_EVENT_MISSING


def _gap(prior: EventRef, event: EventFacts) -> str:
    gap = event.timestamp - prior.timestamp
    if not gap:
        return "at the same moment"
    return f"{human_duration(gap)} {'before' if gap > timedelta(0) else 'after'}"
