"""`mmsg stats`: what was requested, held back, not matched and refused in a period, and how often.

Decisions are counted by the database. What did not match is no row: why a rule did not match an event can only be told
by deciding again, as `mmsg audit` does it, and so the events that a rule looked at without a decision are read, and
only these. On SQLite a run at work may store a late fact between two slices: its event then counts as decided.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.orm import Session

from marketing_cli.database.sessions import open_database
from marketing_cli.models import SendRequest, Suppression
from marketing_cli.repositories import stats as stored
from marketing_cli.schemas.list_queries import Period
from marketing_cli.schemas.stats import StatsReport
from marketing_cli.services.audit_rules import RulesOfThen
from marketing_cli.services.reading import Advance, Reading, reading_of
from marketing_cli.services.stats_books import StatsBooks
from marketing_cli.services.stats_looks import Looks

_MOST_ROWS: Final = 50_000
"""Rows in a slice: a period may begin in the middle of a table, after slices in which nothing was found."""


def collect_stats(url: str, period: Period, advance: Advance | None = None) -> StatsReport:
    """Count what the database holds of the period. Raises as `open_database`."""
    with open_database(url) as transactions, reading_of(transactions, advance) as reading:
        return _Collection(reading, period).report()


class _Collection:
    """One counting, up to the rows that were last when it began."""

    def __init__(self, reading: Reading, period: Period) -> None:
        self._reading = reading
        self._period = period
        self._last, texts, runs = reading.once(
            lambda session: (stored.last_rows(session), stored.rules_texts(session), stored.runs(session, period))
        )
        self._rules = RulesOfThen(texts.__getitem__)
        self._books = StatsBooks(period, runs)

    def report(self) -> StatsReport:
        for model in (SendRequest, Suppression):
            count = partial(_decided, model, self._period)
            for rows in self._reading.slices(self._last[model.__tablename__], count, _MOST_ROWS):
                self._books.enter_decided(rows, suppressions=model is Suppression)
        for rows in self._reading.slices(self._last["rejects"], self._refused, _MOST_ROWS):
            self._books.enter_refused(rows)
        for _, events, looks in Looks(self._reading, self._period, self._rules, self._last["events"]):
            for row in events:
                self._books.enter_events(row, self._rules.get(row.rules_version_id))
            for look in looks:
                self._books.enter_seen(look)
        return _with_real_days(self._books.report())

    def _refused(self, session: Session, after: int, to: int) -> Sequence[Row[Any]]:
        return stored.rejects(session, self._period, self._last["runs"], after, to)


def _with_real_days(report: StatsReport) -> StatsReport:
    """The report, unless a day is none, since a moment was not one; else ValueError."""
    for day in {*(row.day for row in report.by_day), *(row.day for row in report.runs_by_day)}:
        date.fromisoformat(day)
    for rejects in report.rejects:
        for day in rejects.days:
            date.fromisoformat(day)
    return report


def _decided(model: stored.Decided, period: Period, session: Session, after: int, to: int) -> Sequence[Row[Any]]:
    return stored.decided(session, model, period, after, to)
