"""What a backtest counts, user by user; however long the history is, only sums and a few examples are kept."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from marketing_cli.domain.reasons import Outcome
from marketing_cli.services.backtest_compare import Change, DecisionKey, Settled, changes

EXAMPLES: Final = 3
"""How many users stand behind a number."""
OF_REQUESTS: Final = (
    Change.NEWLY_REQUESTED,
    Change.NO_LONGER_REQUESTED,
    Change.REQUESTED_TO_SUPPRESSED,
    Change.SUPPRESSED_TO_REQUESTED,
)
"""The changes by which a message comes or goes."""


@dataclass(frozen=True, slots=True)
class Found:
    """One decision that differs."""

    user_id: str
    key: DecisionKey
    before: Settled | None
    after: Settled | None

    @property
    def moment(self) -> datetime:
        """The time of its event."""
        settled = self.before or self.after
        assert settled is not None  # noqa: S101 - one of both is there
        return settled.moment


@dataclass(slots=True)
class Number:
    """How many decisions differ in one way, and the first of each of a few users."""

    count: int = 0
    examples: list[Found] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Count one more; a user's come one after the other."""
        self.count += 1
        if len(self.examples) < EXAMPLES and not (self.examples and self.examples[-1].user_id == found.user_id):
            self.examples.append(found)


@dataclass(slots=True)
class Side:
    """What was decided, before or after."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_day: Counter[date] = field(default_factory=Counter)
    by_template: Counter[str] = field(default_factory=Counter)

    def add(self, decisions: Mapping[DecisionKey, Settled]) -> None:
        """Count the decisions of one user."""
        for key, settled in decisions.items():
            self.outcomes[settled.status] += 1
            if settled.outcome is Outcome.REQUESTED:
                self.by_day[settled.moment.date()] += 1
                self.by_template[key.template] += 1

    @property
    def requests(self) -> int:
        """Requests, those of archives included."""
        return self.by_template.total()


@dataclass(slots=True)
class BacktestBooks:
    """All sums; `users` and `events` are those that were looked at, `lost` the decisions without an event."""

    users: int = 0
    events: int = 0
    lost: int = 0
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    numbers: dict[tuple[str, str, Change], Number] = field(default_factory=dict)

    def enter(self, user_id: str, before: Mapping[DecisionKey, Settled], after: Mapping[DecisionKey, Settled]) -> None:
        """Count what was decided for one user, and what is decided now."""
        self.before.add(before)
        self.after.add(after)
        if before == after:
            return
        for key, change in changes(before, after):
            number = self.numbers.setdefault((key.rule, key.template, change), Number())
            number.add(Found(user_id, key, before.get(key), after.get(key)))

    @property
    def changed(self) -> int:
        """How many requests come or go."""
        return sum(number.count for (_, _, change), number in self.numbers.items() if change in OF_REQUESTS)
