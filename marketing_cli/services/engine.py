"""The rule engine: an event arrives, and each rule on its type decides. Pure, and the only place that decides.

`ingest`, its dry run, `process_event` and `audit` all come through `decide`, so an explanation cannot disagree with
what was done.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.reasons import Outcome, ReasonCode
from marketing_cli.domain.texts import human_duration, shown, z
from marketing_cli.domain.windows import RequestFact, Window
from marketing_cli.schemas.rules import FieldCondition, Rule, RuleSet
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import ConditionResult, Evaluation, evaluate, field_answers
from marketing_cli.services.suppression import blocked_text, window_of

_REQUESTED: Final = Outcome.REQUESTED  # looked up once: on Python 3.11 that costs as much as a call


@dataclass(slots=True)
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


@dataclass(slots=True)
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
    window, template = window_of(rule, event), rule.message.template
    blocking = history.user_of_window(event.user_id, template, window)
    if blocking is None:
        number, key, historical = event.id, event.key, history.historical
        request = RequestFact(event.user_id, template, event.timestamp, number, key, historical=historical)
        return Verdict(evaluation, Decision(evaluation, cause, _REQUESTED, window, request, reason))
    text = blocked_text(window, event, blocking)
    suppressed = Decision(evaluation, cause, Outcome.SUPPRESSED, window, blocking, reason, window.code, text)
    return Verdict(evaluation, suppressed)


def arrive(
    rules: RuleSet, event: EventFacts, history: History, own_rules: Sequence[Rule] | None = None
) -> list[Verdict]:
    """An event arrives: its own rules decide in file order, then the events that waited for it, in arrival order.

    Returns a verdict for each of its own rules, and for each re-opened event and rule that now match. Adds to `history`
    what later arrivals need to know. Who need not know why the others do not match can name the `own_rules` that `sift`
    left.
    """
    event_type = event.event_type
    waiting_rules = rules.waiting_for.get(event_type)
    if own_rules is None:
        own_rules = rules.on(event_type)
    if waiting_rules is None:
        return [_settle(rule, event, history, event) for rule in own_rules]
    history.add_event(event.user_id, event_type, event.ref)
    verdicts = [_settle(rule, event, history, event) for rule in own_rules]
    for waiting, rule in _reopened(waiting_rules, event, history):
        verdict = _settle(rule, waiting, history, event)
        if verdict.decision:
            verdicts.append(verdict)
    return verdicts


def _settle(rule: Rule, event: EventFacts, history: History, cause: EventFacts) -> Verdict:
    verdict = decide(rule, event, history, cause)
    if verdict.decision:
        history.use_window(verdict.decision.window, verdict.decision.used_by)
    if rule.prior_conditions:
        _note_what_it_waits_for(verdict.evaluation, history)
    return verdict


def _note_what_it_waits_for(evaluation: Evaluation, history: History) -> None:
    """Only a fact that could change the outcome opens an event again: else n events of a user could cost n² looks."""
    waits_for = evaluation.waits_for
    for condition in evaluation.rule.prior_conditions:
        note = history.leave_open if condition in waits_for else history.close
        note(evaluation.rule.name, condition, evaluation.event)


def _reopened(rules: Sequence[Rule], event: EventFacts, history: History) -> list[tuple[EventFacts, Rule]]:
    """The open events that waited for an event of this type and time, in arrival order, their rules in file order."""
    found = {}
    for place, rule in enumerate(rules):
        for condition in rule.prior_conditions:
            if condition.prior_event == event.event_type:
                for waiting in history.open_for(rule.name, condition, event):
                    found[waiting.id, place] = waiting, rule
    return [found[key] for key in sorted(found)] if found else []


def waiting_lengths(rule: Rule, event_type: str) -> Iterator[timedelta]:
    """For how long after an event of this type another event may still be waiting for it under a rule."""
    return (c.within for c in rule.prior_conditions if c.prior_event == event_type)


@dataclass(frozen=True, slots=True)
class Sifted:
    """Events, each with those of its own rules whose outcome depends on the user's history.

    The other rules do not match, whatever happened before; `not_comparable` counts those of their conditions that met a
    value which cannot be compared.
    """

    events: Sequence[EventFacts]
    rules: Sequence[Sequence[Rule]]
    not_comparable: int = 0

    def pairs(self) -> list[tuple[Rule, EventFacts]]:
        """Each rule that is left, with its event."""
        return [(rule, event) for event, rules in zip(self.events, self.rules, strict=True) for rule in rules]


def sift(rules: RuleSet, events: Sequence[EventFacts]) -> Sifted:
    """Look at what needs nothing but the events themselves."""
    rules_on, left, not_comparable = rules.enabled_by_type, [], 0
    for event in events:
        among = []
        for rule in rules_on.get(event.event_type, ()):
            answers = field_answers(rule, event)
            if all(answers):
                among.append(rule)
            else:
                not_comparable += answers.count(None)
        left.append(among)
    return Sifted(events, left, not_comparable)


def match_text(evaluation: Evaluation, cause: EventFacts) -> str:
    """Why a rule matched: the facts, and which of them came late."""
    facts = "; ".join([_held_text(result, evaluation.event) for result in evaluation.results]) or "no conditions"
    text = f"{evaluation.rule.name} matched: {facts}"
    if cause is evaluation.event:
        return text
    return f"{text}; decided late, when {cause.event_type} {cause.key} of {z(cause.timestamp)} arrived"


def _held_text(result: ConditionResult, event: EventFacts) -> str:
    condition, found = result.condition, result.found
    if isinstance(condition, FieldCondition):
        return f"{condition.field} is {'missing' if condition.operator == 'missing' else shown(found)}"
    return f"{condition.prior_event} {found.key} came {gap_text(found, event)} ({condition.within_text} allowed)"


def gap_text(prior: EventRef, event: EventFacts) -> str:
    """How far another event lies from this one: `26 h 10 m before`."""
    gap = event.timestamp - prior.timestamp
    if not gap:
        return "at the same moment"
    return f"{human_duration(gap)} {'before' if gap > timedelta(0) else 'after'}"
