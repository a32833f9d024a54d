"""Runs one case for rules: its events arrive one by one, and what comes of them is compared with what is expected."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.schemas.content import differing_fields
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.schemas.rules_testing import CaseDifference, CaseOutcome, CaseResult, CaseStatus
from marketing_cli.services.audit_texts import failure_text
from marketing_cli.services.engine import Decision, arrive, decide
from marketing_cli.services.history import History
from marketing_cli.services.rules_testing_cases import Arrival, Case, Expected, Target

_SIDES = ("template", "channel", "reason_code", "blocked_by", "caused_by")


@dataclass(slots=True)
class _Story:
    """What came of a case's events. `before` was decided by the given ones, `found` by those that are tested."""

    rules: RuleSet
    history: History = field(default_factory=History)
    facts: dict[tuple[str, str], EventFacts] = field(default_factory=dict)
    first: dict[tuple[str, str], Arrival] = field(default_factory=dict)
    before: dict[Target, Decision] = field(default_factory=dict)
    found: dict[Target, Decision] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def arrive(self, arrival: Arrival) -> None:
        """Take an event as ingest does: only a new one decides."""
        event = arrival.event
        identity = event.event_key, event.user_id
        first = self.first.setdefault(identity, arrival)
        if first is not arrival:
            self.notes.append(_repeated(first, arrival))
            return
        self.facts[identity] = facts = event.facts(len(self.facts) + 1)
        decided = self.before if arrival.given else self.found
        for verdict in arrive(self.rules, facts, self.history):
            if verdict.decision:
                decided[_target(verdict.decision)] = verdict.decision

    def why_nothing(self, target: Target) -> Iterator[str]:
        """Why an expected outcome did not come."""
        earlier, event = self.before.get(target), self.facts[target.event_key, target.user_id]
        rule = next(rule for rule in self.rules.rules if rule.name == target.rule)
        if earlier:
            yield f"it was decided before, among the given events: {_reason(earlier)}"
        elif not rule.enabled:
            yield "the rule is disabled"
        elif rule.on != event.event_type:
            yield f"the rule looks at {rule.on}, and this event is a {event.event_type}"
        else:
            yield from self._failures(rule, event) or ["all its conditions hold, which should not be: please report it"]

    def _failures(self, rule: Rule, event: EventFacts) -> list[str]:
        """The conditions that do not hold, looked at once more."""
        results = decide(rule, event, self.history, event).evaluation.results
        return [f"{failure_text(result, event)} [{result.code}]" for result in results if not result.held]


def run_case(case: Case, rules: RuleSet) -> CaseResult:
    """Let a case's events arrive under these rules, and compare."""
    story = _Story(rules)
    for arrival in case.arrivals:
        story.arrive(arrival)
    expected = {expected.target: expected for expected in case.expected}
    targets = [*expected, *(target for target in story.found if target not in expected)]
    differences = [
        difference
        for target in targets
        if (difference := _difference(case, target, expected.get(target), story)) is not None
    ]
    status = CaseStatus.FAILED if differences else CaseStatus.PASSED
    return CaseResult(name=case.name, line=case.line, status=status, differences=differences, notes=story.notes)


def _target(decision: Decision) -> Target:
    return Target(decision.event.key, decision.event.user_id, decision.rule.name)


def _repeated(first: Arrival, again: Arrival) -> str:
    which = f"line {again.line}: {again.event.event_key} of {again.event.user_id}"
    if first.event.content_hash == again.event.content_hash:
        return f"{which} is a duplicate of the event in line {first.line}, and decides nothing"
    fields = ", ".join(differing_fields(first.event.content, again.event.content))
    return (
        f"{which} is refused as conflicting_duplicate, and decides nothing: the event in line {first.line} has the"
        f" same id; these fields differ: {fields}"
    )


def _difference(case: Case, target: Target, expected: Expected | None, story: _Story) -> CaseDifference | None:
    found = story.found.get(target)
    if expected and found and expected.outcome is found.outcome and not _other_facts(expected, found):
        return None
    return CaseDifference(
        line=expected.line if expected else case.line,
        event_id=target.event_key,
        user_id=target.user_id,
        rule=target.rule,
        expected=CaseOutcome.model_validate({"outcome": expected.outcome, **expected.fields}) if expected else None,
        found=_outcome(found) if found else None,
        details=list(_details(expected, found, story)),
    )


def _details(expected: Expected | None, found: Decision | None, story: _Story) -> Iterator[str]:
    """Why it is not as expected."""
    if expected and found and expected.outcome is found.outcome:
        yield from _other_facts(expected, found)
    elif found:
        yield _reason(found)
    elif expected:
        yield from story.why_nothing(expected.target)


def _other_facts(expected: Expected, found: Decision) -> list[str]:
    """The facts that a case names and that are others."""
    now = {side: getattr(_outcome(found), side) for side in _SIDES}
    return [
        f"{side}: expected {told}, found {now[side]}" for side, told in expected.fields.items() if told != now[side]
    ]


def _outcome(decision: Decision) -> CaseOutcome:
    suppressed = decision.outcome is Outcome.SUPPRESSED
    return CaseOutcome(
        outcome=decision.outcome,
        template=decision.rule.message.template,
        channel=decision.rule.message.channel.value,
        reason_code=decision.reason_code,
        blocked_by=decision.used_by.event_key if suppressed else None,
        caused_by=decision.cause.key,
    )


def _reason(decision: Decision) -> str:
    if decision.suppression_reason:
        return f"{decision.suppression_reason} [{decision.reason_code}]"
    return f"{decision.rule.message.template} was requested: {decision.reason}"
