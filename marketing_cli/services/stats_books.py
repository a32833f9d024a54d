"""Statistics while they are counted, in memory that grows with days, templates, rules and types alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Row

from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.domain.texts import counted
from marketing_cli.schemas.list_queries import Period
from marketing_cli.schemas.rules import Condition, FieldCondition, RuleSet
from marketing_cli.schemas.stats import (
    DayAndTemplate,
    NotComparable,
    NotMatched,
    Refused,
    RunsOfDay,
    StatsReport,
    Suppressed,
    Totals,
    TypeWithoutRule,
)
from marketing_cli.services.audit_decisions import not_matched_code
from marketing_cli.services.audit_looks import Look
from marketing_cli.services.audit_texts import wanted_text

OUTCOMES: Final = ("requested", "historical", "suppressed", "not_matched")
DECIDED_AGAIN: Final = (
    "What did not match is not stored: it was decided again from the stored events, each by the rules in force when it"
    " arrived, over what is stored now; mmsg audit says the same of each event."
)
_BOOKS: Final = ("runs", "lines", "new", "duplicate", "rejected", "blank", "skipped")

Shape = TypeVar("Shape")
Key: TypeAlias = tuple[Any, ...]
"""What is counted; in the books the day follows it."""


class Seen(NamedTuple):
    """A rule's look at an event that ended without a decision, as far as it is counted."""

    day: str
    rule: str
    template: str
    condition: str | None
    code: str | None
    not_comparable: tuple[str, ...]


def seen(look: Look, period: Period) -> Seen:
    """What is counted of a look. Raises ValueError for one that nothing was evaluated in."""
    rule, evaluation = look.rule, look.evaluation
    if rule is None or evaluation is None:
        raise ValueError("a look without a rule cannot be counted")
    code, failed = not_matched_code(look), evaluation.first_failure
    odd = [told(result.condition) for result in evaluation.results if result.code is ReasonCode.VALUE_NOT_COMPARABLE]
    moment = look.event.facts.timestamp if period.by_event_day else look.event.created_at
    condition = told(failed.condition) if failed else None
    return Seen(moment.date().isoformat(), rule.name, rule.message.template, condition, code and code.value, tuple(odd))


def told(condition: Condition) -> str:
    """A condition with the rule's value, as the audit tells it."""
    return wanted_text(condition) if isinstance(condition, FieldCondition) else condition.text


@dataclass(slots=True)
class StatsBooks:
    """The counts so far; `runs` are the books of the runs, by day."""

    period: Period
    runs: Sequence[Row[Any]]
    events: int = 0
    unreadable: int = 0
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    suppressed: Counter[Key] = field(default_factory=Counter)
    failures: Counter[Key] = field(default_factory=Counter)
    not_comparable: Counter[Key] = field(default_factory=Counter)
    refused: Counter[Key] = field(default_factory=Counter)
    least: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    without_rule: Counter[Key] = field(default_factory=Counter)

    def enter_decided(self, rows: Iterable[Row[Any]], *, suppressions: bool) -> None:
        """Enter decisions, as they were counted by day, template and kind."""
        for row in rows:
            outcome = "suppressed" if suppressions else row.kind
            self.cells[row.day, row.template, outcome] += row.number
            if suppressions:
                self.suppressed[row.template, row.kind, row.day] += row.number

    def enter_events(self, row: Row[Any], rules: RuleSet | None) -> None:
        """Enter events of one type, as they were counted by day; `rules` are those they arrived under."""
        self.events += row.number
        if rules is None:
            self.unreadable += row.number
        elif all(rule.on != row.event_type for rule in rules.rules):
            self.without_rule[row.event_type, row.event_type in rules.waiting_for, row.day] += row.number

    def enter_seen(self, look: Seen) -> None:
        """Enter a rule's look at an event that ended without a decision."""
        self.cells[look.day, look.template, "not_matched"] += 1
        self.failures[look.rule, look.template, look.condition, look.code, look.day] += 1
        for condition in look.not_comparable:
            self.not_comparable[look.rule, look.template, condition, look.day] += 1

    def enter_refused(self, rows: Iterable[Row[Any]]) -> None:
        """Enter refused lines, as they were counted by day and reason."""
        for row in rows:
            if row.day is not None:
                self.refused[row.reason, row.day] += int(row.kept)
            self.least[row.reason] += int(row.least)
            self.most[row.reason] += int(row.most)

    def report(self) -> StatsReport:
        """All of it, the largest counts first, the newest days first."""
        places = sorted({(day, template) for day, template, _ in self.cells}, key=_newest_first)
        totals = self._totals()
        times = _times(self.least, self.most, totals.rejected)
        unassigned = max(0, totals.rejected - times.total())
        return StatsReport(
            since=self.period.since,
            until=self.period.until,
            days="event" if self.period.by_event_day else "decision",
            totals=totals,
            by_day=[self._cell(day, template) for day, template in places],
            runs_by_day=[RunsOfDay(day=row.day, **_books(row)) for row in reversed(self.runs)],
            suppressions=_rows(self.suppressed, Suppressed, "template", "reason_code"),
            not_matched=_rows(self.failures, NotMatched, "rule", "template", "condition", "reason_code"),
            not_comparable=_rows(self.not_comparable, NotComparable, "rule", "template", "condition"),
            rejects=list(self._refused(times)),
            rejects_unassigned=unassigned,
            types_without_rule=_rows(self.without_rule, TypeWithoutRule, "event_type", "waited_for"),
            notes=[*([DECIDED_AGAIN] if self.failures else []), *self._notes(unassigned)],
        )

    def _totals(self) -> Totals:
        sums = Counter(dict.fromkeys((*_BOOKS, *OUTCOMES), 0))
        for row in self.runs:
            sums.update(_books(row))
        for (_, _, outcome), number in self.cells.items():
            sums[outcome] += number
        return Totals(**sums, events=self.events)

    def _cell(self, day: str, template: str) -> DayAndTemplate:
        counts = {outcome: self.cells[day, template, outcome] for outcome in OUTCOMES}
        return DayAndTemplate(day=day, template=template, **counts)

    def _refused(self, times: Counter[str]) -> Iterator[Refused]:
        found = {reason: (lines, days) for (reason,), lines, days in _summed(self.refused)}
        for reason in [*found, *sorted(reason for reason in times if times[reason] and reason not in found)]:
            lines, days = found.get(reason, (0, {}))
            yield Refused(reason=reason, lines=lines, times=times[reason], days=days)

    def _notes(self, unassigned: int) -> Iterator[str]:
        if unassigned:
            yield (
                f"{counted(unassigned, 'rejected line')} of these runs cannot be told by reason: the same lines were"
                " refused by other runs, too, and how often by which is not stored."
            )
        if self.unreadable:
            events = f"{counted(self.unreadable, 'event')} came under rules that this program cannot read"
            yield f"{events}: what did not match there is not counted."


def _times(least: Counter[str], most: Counter[str], rejected: int) -> Counter[str]:
    """How often lines were refused for each reason: as far as it is certain, given how many lines were in all."""
    if most.total() == rejected:
        return most
    open_reasons = [reason for reason in most if most[reason] > least[reason]]
    left = rejected - least.total()
    return least + Counter({open_reasons[0]: left}) if len(open_reasons) == 1 and left > 0 else least


def _books(row: Row[Any]) -> dict[str, int]:
    return {name: int(getattr(row, name)) for name in _BOOKS}


def _newest_first(place: tuple[str, str]) -> tuple[int, str]:
    day, template = place
    return -int(day.replace("-", "")), template


def _rows(counts: Counter[Key], shape: Callable[..., Shape], *names: str) -> list[Shape]:
    """The counts as shapes, whose fields have these names."""
    return [shape(**dict(zip(names, key, strict=True)), count=n, days=days) for key, n, days in _summed(counts)]


def _summed(counts: Counter[Key]) -> list[tuple[Key, int, Mapping[str, int]]]:
    """What was counted, in all and by day, the oldest day first; the largest count first, then by name."""
    days: dict[Key, dict[str, int]] = {}
    for (*key, day), number in sorted(counts.items(), key=lambda item: str(item[0][-1])):
        days.setdefault(tuple(key), {})[day] = number
    return sorted(((k, sum(of.values()), of) for k, of in days.items()), key=lambda row: (-row[1], str(row[0])))
