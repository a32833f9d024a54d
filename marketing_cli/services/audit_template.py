"""One answer to the question why a user did, or did not, get a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy.orm import Session

from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import UsageError
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.repositories.audit_again import ArrivalsOfUser
from marketing_cli.repositories.audit_decisions import DecisionHistory
from marketing_cli.repositories.audit_rejects import KeptRejects
from marketing_cli.repositories.audit_rows import StoredDecision, StoredEvent
from marketing_cli.repositories.events import EventRepository
from marketing_cli.schemas.audit import ConsideredDecision, RulesNow, TemplateAnswer
from marketing_cli.services.audit_answer import Findings, answer_of
from marketing_cli.services.audit_asking import AskingRules, asking_rules
from marketing_cli.services.audit_decisions import considered_shape, considered_without_event
from marketing_cli.services.audit_looks import Look, Looker, plan_looks
from marketing_cli.services.audit_near_miss import near_misses
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.rules_files import LoadedRules, nearest_template, templates

MOST_EVENTS = 1000
"""Events that are looked at again, and decisions of each kind that are read: the newest by event time."""

MOST_REJECTS = 20


@dataclass(frozen=True, slots=True)
class _Considered:
    """The looks at events that could have led to the template, and the decisions that are not among them.

    Of the events in `unread`, newest first, the rules that looked at them cannot be read.
    """

    looks: list[Look]
    unread: list[StoredEvent]
    others: list[StoredDecision]
    is_cut: bool


class TemplateAudit:
    """Answers for one user and template, inside the session's transaction."""

    def __init__(self, session: Session, now: LoadedRules) -> None:
        """Read in this session; `now` are the rules in force."""
        self._now = now
        self._audit = AuditRepository(session)
        self._again = ArrivalsOfUser(session)
        self._decisions = DecisionHistory(session)
        self._rejects = KeptRejects(session)
        self._rules = RulesOfThen(self._audit.rules_version)
        self._looker = Looker(EventRepository(session), self._audit, self._rules)

    def answer(self, user_id: str, template: str) -> TemplateAnswer:
        """The answer, with every event that could have led to the template. Raises UsageError for an unknown one."""
        asking = asking_rules(template, self._now, self._audit, self._rules)
        decided = self._decisions.of_template(user_id, template, MOST_EVENTS)
        if not asking and not decided:
            raise UsageError(self._unknown_text(template))
        considered = self._consider(user_id, asking, decided)
        types = [*asking.types, *asking.prior_types]
        found = Findings(
            user_id=user_id,
            asking=asking,
            counts=self._decisions.counts(user_id, template),
            decided=decided,
            looks=considered.looks,
            unread=considered.unread,
            rejects=self._rejects.unmended(user_id, types, MOST_REJECTS),
            untyped_rejects=self._rejects.count_without_type(user_id, MOST_REJECTS),
            cut_at=MOST_EVENTS if considered.is_cut else None,
            notes=self._rules.notes,
        )
        verdict = answer_of(found)
        return TemplateAnswer(
            user_id=user_id,
            template=template,
            answer=verdict.answer,
            reason_code=verdict.reason_code,
            reason=verdict.reason,
            considered=self._shapes(considered),
            requests=found.counts.requested + found.counts.historical,
            suppressions=found.counts.suppressed,
            rules=RulesNow(source=self._now.source, sha256=self._now.sha256),
            notes=verdict.notes,
        )

    def _consider(self, user_id: str, asking: AskingRules, decided: Sequence[StoredDecision]) -> _Considered:
        found = (self._audit.newest_of_user(user_id, MOST_EVENTS + 1, kind) for kind in asking.types)
        newest = sorted(chain.from_iterable(found), reverse=True)
        shown = [number for _, number in newest[:MOST_EVENTS]]
        rows = [(number, user_id) for number in shown]
        stored = self._audit.find_events(rows)
        by_event: dict[int, list[StoredDecision]] = {number: [] for number in shown}
        for decision in self._decisions.on_events(rows):
            by_event[decision.event_id or 0].append(decision)
        planned = [look for number in shown for look in self._plan(stored[number], by_event[number], asking)]
        others = [decision for decision in decided if decision.event_id not in by_event]
        unread = [stored[number] for number in shown if self._rules.get(stored[number].rules_version_id) is None]
        return _Considered(self._looker.look(planned), unread, others, len(newest) > len(shown))

    def _plan(self, event: StoredEvent, decisions: Sequence[StoredDecision], asking: AskingRules) -> list[Look]:
        """The looks at an event that have to do with the template; where no rule looked, what it would have seen."""
        version, event_type = event.rules_version_id, event.facts.event_type
        planned = plan_looks(event, decisions, self._rules, lambda rule: rule.message.template == asking.template)
        looks = [look for look in planned if look.decision is None or look.decision.template == asking.template]
        rules = self._rules.get(version)
        if looks or rules is None:
            return looks
        disabled = [r for r in rules.rules if r.on == event_type and r.message.template == asking.template]
        if disabled:
            return [Look(event, version, rule, was_in_force=False) for rule in disabled]
        likely = asking.likely(event_type)
        return [Look(event, version, rule, was_in_force=False, measured_by=sha256) for rule, sha256 in likely]

    def _shapes(self, considered: _Considered) -> list[ConsideredDecision]:
        missed = zip(considered.looks, near_misses(considered.looks, self._again, self._rules), strict=True)
        shapes = [considered_shape(look, self._rules, miss) for look, miss in missed]
        shapes += [considered_without_event(decision, self._rules) for decision in considered.others]
        return sorted(shapes, key=lambda shape: (shape.event_timestamp, shape.outcome is Outcome.SUPPRESSED))

    def _unknown_text(self, template: str) -> str:
        near = nearest_template(self._now.rule_set, template)
        known = ", ".join(templates(self._now.rule_set)) or "none"
        hint = f"Did you mean {near}?" if near else f"The rules know: {known}."
        return f"no rule asks for the template {template}, nor did one before. {hint}"
