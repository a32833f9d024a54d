"""The words of `mmsg backtest`: what is decided again, and how many changes are too many."""

import re
from dataclasses import dataclass
from datetime import datetime

from marketing_cli.errors import UsageError
from marketing_cli.services.listing_filters import decision_query
from marketing_cli.services.rules_problems import shortened

_FORM = re.compile(r"([0-9]{1,9})(?:(\.[0-9]{1,6})?(%))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FailAbove:
    """More than `limit` changes are too many or, with `is_share`, more than `limit` percent of the requests made."""

    limit: float
    is_share: bool = False

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.limit:g}{'%' if self.is_share else ''}"

    def exceeded(self, changed: int, requests: int) -> bool:
        """Whether so many changes are too many; of no requests at all, any change is."""
        return changed * 100 > self.limit * requests if self.is_share else changed > self.limit


@dataclass(frozen=True, slots=True)
class BacktestQuery:
    """Which events to decide again: of one user or of all, by their own time, `since` included and `until` not."""

    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    fail_above: FailAbove | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether an event of this time is decided again and compared."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


def backtest_query(
    *,
    user: str | None = None,
    since: str | None = None,
    until: str | None = None,
    fail_above: str | None = None,
    now: datetime | None = None,
) -> BacktestQuery:
    """Read the options. Raises UsageError for one that cannot be understood."""
    asked = decision_query(user=user, since=since, until=until, now=now)
    return BacktestQuery(asked.user, asked.since, asked.until, None if fail_above is None else _fail_above(fail_above))


def _fail_above(text: str) -> FailAbove:
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f'--fail-above takes a whole number such as 50, or a share such as 0.5%, not "{shortened(text)}".'
        )
    return FailAbove(float(match[1] + (match[2] or "")), is_share=match[3] is not None)
