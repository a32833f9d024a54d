"""Decisions whose event, or cause, is no longer stored: what can be checked of them without it, and what forged is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.repositories.checks import Marks
from marketing_cli.repositories.replay import Arrived, Decided, ReplayRepository
from marketing_cli.schemas.rules import Limit, Rule
from marketing_cli.services.doctor_rows import lost_events
from marketing_cli.services.engine import waiting_lengths
from marketing_cli.services.reading import Reading
from marketing_cli.services.replay import HISTORICAL
from marketing_cli.services.replay_reading import StoredRules
from marketing_cli.services.rule_evaluation import fields_hold
from marketing_cli.services.suppression import window_of

_ANY_EVENT: Final = "event:"


class Forged(NamedTuple):
    """A decision that no event which is gone can have led to, why, and the column that gives it away."""

    decided: Decided
    why: str
    column: str


class GoneEvents:
    """Checks decisions against the rules of then, the ledger, and the events that are missing from the books."""

    def __init__(self, reading: Reading, marks: Marks, rules: StoredRules) -> None:
        """As of these marks."""
        self._reading, self._marks, self._rules = reading, marks, rules
        self._causes: dict[int, set[int]] = defaultdict(set)

    def forged(self, decisions: Sequence[Decided], arrivals: Mapping[int, Arrived]) -> Iterator[Forged]:
        """Those of one user that cannot be what is left of a deleted event; of the rest nothing more can be known."""
        numbers = {decided.caused_by_event_id for decided in decisions} - arrivals.keys()
        others = self._reading.once(lambda session: ReplayRepository(session).users_of_events(numbers))
        for decided in decisions:
            event = arrivals.get(decided.event_id or 0)
            found = self._by_run(decided) or self._by_cause(decided, arrivals, others)
            found = found or self._by_rule(decided, event and event.event, arrivals.get(decided.caused_by_event_id))
            if found is not None:
                yield Forged(decided, *found)

    @cached_property
    def _runs(self) -> Mapping[int, tuple[int, bool]]:
        return self._reading.once(lambda session: ReplayRepository(session).runs())

    @cached_property
    def _lost(self) -> Mapping[int, int]:
        """How many events are missing, by the run that brought them."""
        return lost_events(self._reading, self._marks)

    def _by_run(self, decided: Decided) -> tuple[str, str] | None:
        run = self._runs.get(decided.run_id)
        if run is None:
            return f"nothing: run {decided.run_id}, which decided, is not there", "run_id"
        version, backfill = run
        if version != decided.rules_version_id:
            return f"nothing: run {decided.run_id} had other rules", "rules_version_id"
        if decided.outcome is Outcome.REQUESTED and (decided.status == HISTORICAL) != backfill:
            return f"nothing like it: run {decided.run_id} {'was' if backfill else 'was not'} a backfill", "status"
        return None

    def _by_cause(
        self, decided: Decided, arrivals: Mapping[int, Arrived], others: Mapping[int, str]
    ) -> tuple[str, str] | None:
        """An event that is gone is missing from the books of its run."""
        number, column = decided.caused_by_event_id, "caused_by_event_id"
        if number in others:
            return f"nothing: event {number}, which caused it, is another user's", column
        cause = arrivals.get(number)
        if cause is None:
            self._causes[decided.run_id].add(number)
            if len(self._causes[decided.run_id]) <= self._lost.get(decided.run_id, 0):
                return None
            return f"nothing: the books of run {decided.run_id} miss no event that could have caused it", column
        if cause.run_id != decided.run_id:
            return f"nothing: event {number}, which caused it, came with run {cause.run_id}", column
        if not self._lost:
            return "nothing: the books miss no event that it could have been decided on", "event_id"
        return None

    def _by_rule(self, decided: Decided, event: EventFacts | None, cause: Arrived | None) -> tuple[str, str] | None:
        rules = self._rules.get(decided.rules_version_id)
        if rules is None:
            return None
        rule = next((rule for rule in rules.rules if rule.enabled and rule.name == decided.rule_name), None)
        if rule is None:
            return "nothing: the rules of then had no enabled rule of this name", "rule_name"
        return _unlike(rule, decided) or _by_events(rule, decided, event, cause and cause.event)


def _unlike(rule: Rule, decided: Decided) -> tuple[str, str] | None:
    for column, now in (("template_name", rule.message.template), ("channel", rule.message.channel.value)):
        if getattr(decided, column) != now:
            return f"nothing like it: the rule of then has {now}", column
    return None


def _by_events(
    rule: Rule, decided: Decided, event: EventFacts | None, cause: EventFacts | None
) -> tuple[str, str] | None:
    if not _in_window(rule, decided, event):
        return "nothing like it: its window is not the one of the rule's limit at that time", "dedup_window"
    if event is not None and not (rule.on == event.event_type and fields_hold(rule, event)):
        return "nothing: the rule of then does not match its event", "event_id"
    if cause is not None and not _waited(rule, decided, cause):
        return (
            f"nothing: event {cause.key}, said to have caused it, is stored, and is none that the rule waits for",
            "caused_by_event_id",
        )
    return None


def _in_window(rule: Rule, decided: Decided, event: EventFacts | None) -> bool:
    if rule.limit is Limit.NONE and event is None:  # it is called by the event's key
        return decided.dedup_window.startswith(_ANY_EVENT)
    known = event or EventFacts(
        0,
        "",
        has_own_id=False,
        user_id=decided.user_id,
        event_type=rule.on,
        timestamp=decided.event_timestamp,
    )
    return window_of(rule, known).name == decided.dedup_window


def _waited(rule: Rule, decided: Decided, cause: EventFacts) -> bool:
    """Whether an event of that time can have waited for this one."""
    gap = decided.event_timestamp - cause.timestamp
    return any(abs(gap) == gap and gap <= length for length in waiting_lengths(rule, cause.event_type))
