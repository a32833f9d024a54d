"""Decide one user's history again, and compare with what is stored of it, row by row and column by column."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias

from marketing_cli.domain.batches import RunRef
from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.decisions import REQUEST_COLUMNS, SUPPRESSION_COLUMNS
from marketing_cli.repositories.replay import Decided
from marketing_cli.schemas.verify import Difference, DifferenceKind
from marketing_cli.services.decision_rows import request_rows, suppression_rows
from marketing_cli.services.engine import Decision
from marketing_cli.services.replay import Replay, Step, Unknown, arrival_of
from marketing_cli.services.replay_reading import StoredRules, UserHistory
from marketing_cli.services.suppression import same_wording
from marketing_cli.services.verify_events import event_differences, placed, said
from marketing_cli.services.verify_gone import GoneEvents
from marketing_cli.services.verify_looks import not_decided

_MOST_LEFT: Final = 10
"""How often what follows in one user's history is decided from what is stored, since something did not come out."""
_MOST_LOOKS: Final = 100
"""Of how many of one user's decisions that did not come out it is said by which condition."""

_Key: TypeAlias = tuple[Outcome, int | None, str]
_OTHER: Final = {Outcome.REQUESTED: Outcome.SUPPRESSED, Outcome.SUPPRESSED: Outcome.REQUESTED}
_ROWS: Final = {
    Outcome.REQUESTED: (request_rows, REQUEST_COLUMNS, attrgetter(*REQUEST_COLUMNS)),
    Outcome.SUPPRESSED: (suppression_rows, SUPPRESSION_COLUMNS, attrgetter(*SUPPRESSION_COLUMNS)),
}


@dataclass(slots=True)
class Tally:
    """What was looked at so far; `matches` are the decisions that came out, by run."""

    users: int = 0
    events: int = 0
    requests: int = 0
    suppressions: int = 0
    without_event: int = 0
    unchecked: int = 0
    matches: Counter[int] = field(default_factory=Counter)

    def take_as_stored(self, decided: Decided, *, without_event: bool = False) -> None:
        """Count a decision that cannot be decided again."""
        self.unchecked += 1
        self.without_event += without_event
        self.matches[decided.run_id] += 1


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a user's history to compare: from the arrival at a place on, or what concerns one event there."""

    first: int = 0
    only: int | None = None


_WHOLE: Final = Part()


class UserCheck:
    """Compares one user's history; what came before the part that is wanted is taken as it is stored."""

    def __init__(self, history: UserHistory, rules: StoredRules, gone: GoneEvents, tally: Tally, part: Part) -> None:
        """Count in `tally`."""
        self._history, self._rules, self._gone, self._tally, self._part = history, rules, gone, tally, part
        self._unread_events = {row.event_id for row in history.unreadable if row.outcome is None}
        self._unread_decisions = {(row.event_id, row.rule_name) for row in history.unreadable if row.outcome}
        self._replay = Replay(history, rules)
        self._events = {arrived.id: arrived.event for arrived in history.arrivals}
        self._wanted = history.decisions
        if part != _WHOLE:
            self._wanted = [decided for decided in history.decisions if self._is_wanted(decided)]
        self._stored: dict[_Key, Decided] = {
            (decided.outcome, decided.event_id, decided.rule_name): decided
            for decided in history.decisions
            if decided.event_id is not None
        }
        self._due: dict[int, list[_Key]] | None = None
        self._run = RunRef(0, 0, "", 0)
        self._unknown: set[int] = set()
        self._is_changed = False
        self._left = self._looks = 0

    def differences(self) -> list[Difference]:
        """Each difference, in the order of arrival."""
        self._count()
        found: list[tuple[int, Difference]] = []
        for step in self._replay.steps(self._part.first):
            number = step.arrived.event.id
            if self._part.only in {None, number}:
                for difference in event_differences(step.arrived):
                    self._is_changed |= difference.kind is DifferenceKind.EVENT
                    found.append((number, difference))
            if isinstance(step, Unknown):
                self._unknown.add(number)
            else:
                found += [(number, difference) for difference in self._compared(step)]
        found += self._not_come_out()
        return [difference for _, difference in sorted(found, key=itemgetter(0))]

    def _is_wanted(self, decided: Decided) -> bool:
        if self._part.only is not None:
            return self._part.only in {decided.event_id, decided.caused_by_event_id}
        return arrival_of(decided) >= self._history.arrivals[self._part.first].id

    def _count(self) -> None:
        requests = sum(decided.outcome is Outcome.REQUESTED for decided in self._wanted)
        self._tally.users += 1
        self._tally.events += 1 if self._part.only else len(self._history.arrivals) - self._part.first
        self._tally.requests += requests
        self._tally.suppressions += len(self._wanted) - requests

    def _compared(self, step: Step) -> Iterator[Difference]:
        arrived, run, part = step.arrived, self._run, self._part
        if run.run_id != arrived.run_id:
            run = self._run = RunRef(arrived.run_id, 0, "", arrived.rules_version_id or 0, arrived.backfill)
        differs = False
        for verdict in step.verdicts:
            decision = verdict.decision
            if decision is None:
                continue
            self._tally.matches[run.run_id] += 1
            if found := self._decision(decision, run):
                differs = True
                if part.only in {None, found.row, arrived.id}:
                    yield found
        # Only where it is what the rules look at that was changed, and not what they made of it.
        is_changed = self._is_changed or not self._rules.is_unchanged(run.rules_version_id)
        if is_changed and self._left < _MOST_LEFT and (differs or self._is_due(arrived.id)):
            self._left += 1
            self._replay.leave()

    def _is_due(self, number: int) -> bool:
        """Whether something that is stored should have come out at this arrival, and did not."""
        if self._due is None:
            self._due = defaultdict(list)
            for key, decided in self._stored.items():
                self._due[arrival_of(decided)].append(key)
        return any(key in self._stored for key in self._due.get(number, ()))

    def _decision(self, decision: Decision, run: RunRef) -> Difference | None:
        """How a decision that came out differs from what is stored; None when it does not."""
        outcome, event_id, rule_name = decision.outcome, decision.event.id, decision.rule.name
        stored = self._stored.pop((outcome, event_id, rule_name), None)
        if stored is None:
            if (event_id, rule_name) in self._unread_decisions:  # which is a difference already
                return None
            other = self._stored.pop((_OTHER[outcome], event_id, rule_name), None)
            return _of(decision, run, "nothing" if other is None else _told(other), _came_out(decision))
        make, columns, values = _ROWS[outcome]
        (made,) = make([decision], [stored.id], run)
        if values(stored) == made:
            return None
        row = dict(zip(columns, made, strict=True))
        if not row.get("blocking_request_id", 1):  # that one is not stored, which was told when it came out
            del row["blocking_request_id"]
        if same_wording(row.get("suppression_reason"), stored.suppression_reason):
            row.pop("suppression_reason", None)
        name = next((name for name, now in row.items() if getattr(stored, name) != now), None)
        if name is None:
            return None
        return _of(decision, run, said(getattr(stored, name)), said(row[name]), name)

    def _not_come_out(self) -> Iterator[tuple[int, Difference]]:
        """What is stored of decisions and did not come out at any arrival, each with the one it is stored for."""
        gone = []
        for decided in self._wanted:
            key = decided.outcome, decided.event_id, decided.rule_name
            if decided.event_id is not None and key not in self._stored:
                continue
            if self._is_unread(decided):
                self._tally.take_as_stored(decided)
            elif decided.event_id is None or self._lost_its_cause(decided):
                gone.append(decided)
            else:
                yield arrival_of(decided), self._extra(decided, self._events.get(decided.event_id))
        if gone:
            yield from self._forged(gone)

    def _is_unread(self, decided: Decided) -> bool:
        """Whether it was decided on, or through, an event that cannot be read, or by such rules."""
        events = {decided.event_id, decided.caused_by_event_id}
        return decided.caused_by_event_id in self._unknown or not events.isdisjoint(self._unread_events - {None})

    def _forged(self, gone: list[Decided]) -> Iterator[tuple[int, Difference]]:
        """What cannot be left of a deleted event; the rest is counted, and taken as it is stored."""
        arrivals = {arrived.id: arrived for arrived in self._history.arrivals}
        forged = {(found.decided.outcome, found.decided.id): found for found in self._gone.forged(gone, arrivals)}
        for decided in gone:
            found = forged.get((decided.outcome, decided.id))
            if found is not None:
                yield (
                    arrival_of(decided),
                    difference_of(decided, found.why, event=self._events.get(decided.event_id or 0)),
                )
            else:
                self._tally.take_as_stored(decided, without_event=True)

    def _lost_its_cause(self, decided: Decided) -> bool:
        event_id, cause = decided.event_id or 0, decided.caused_by_event_id
        return event_id in self._events and cause > event_id and cause not in self._events

    def _extra(self, decided: Decided, event: EventFacts | None) -> Difference:
        now, condition = "nothing", None
        if self._looks < _MOST_LOOKS:
            self._looks += 1
            now, condition = not_decided(decided, event, self._history, self._rules)
        return difference_of(decided, now, condition, event)


def difference_of(
    decided: Decided, now: str, condition: str | None = None, event: EventFacts | None = None
) -> Difference:
    """A decision that is stored and does not come out; `event` is the one decided on, where it is there."""
    place: dict[str, Any] = placed(event) if event else {"user_id": decided.user_id, "row": decided.event_id}
    return Difference(
        kind=DifferenceKind.DECISION,
        about=_named(decided.rule_name, decided.template_name, event and event.key),
        stored=_told(decided),
        now=now,
        condition=condition,
        rule=decided.rule_name,
        template=decided.template_name,
        run_id=decided.run_id,
        **place,
    )


def _told(decided: Decided) -> str:
    if decided.outcome is Outcome.REQUESTED:
        return f"send request {decided.id} ({decided.status}): {decided.reason}"
    return f"suppression {decided.id} ({decided.reason_code}): {decided.suppression_reason}"


def _came_out(decision: Decision) -> str:
    if decision.outcome is Outcome.REQUESTED:
        return "a send request"
    return f"a suppression ({decision.reason_code}): {decision.suppression_reason}"


def _of(decision: Decision, run: RunRef, stored: str, now: str, column: str | None = None) -> Difference:
    rule, event = decision.rule, decision.event
    about = _named(rule.name, rule.message.template, event.key)
    return Difference(
        kind=DifferenceKind.DECISION,
        about=f"{about}: {column}" if column else about,
        stored=stored,
        now=now,
        condition=decision.reason,
        rule=rule.name,
        template=rule.message.template,
        column=column,
        run_id=run.run_id,
        **placed(event),
    )


def _named(rule: str, template: str, event_key: str | None) -> str:
    return f"{rule} ({template}) on event {event_key or 'that is not there'}"
