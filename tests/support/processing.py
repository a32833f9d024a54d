"""Batches through the real service, and what they left in the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import DeclarativeBase, sessionmaker

from marketing_cli.database.engine import make_engine
from marketing_cli.database.sessions import Transactions
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.services.batch import BatchOutcome
from marketing_cli.services.event_processing import BeforeCommit, EventProcessingService
from marketing_cli.services.run_books import InputBooks, RunBooks
from marketing_cli.services.run_ledger import RunLedger
from support.deciding import loaded, parsed

Model = TypeVar("Model", bound=DeclarativeBase)


@dataclass(frozen=True)
class Run:
    """One run of the program, as far as its batches see it."""

    service: EventProcessingService
    id: int

    def batch(self, *events: dict[str, Any], before_commit: BeforeCommit | None = None) -> BatchOutcome:
        """Raw events in one batch."""
        return self.service.process_batch(parsed(events), before_commit)

    def batches(self, events: Sequence[dict[str, Any]], size: int) -> list[BatchOutcome]:
        """Raw events in batches of this size."""
        return [self.batch(*events[start : start + size]) for start in range(0, len(events), size)]


@dataclass(frozen=True)
class Store:
    """An open database: runs that write to it, and what it holds."""

    engine: Engine
    transactions: Transactions

    def run(self, *rules: dict[str, Any], backfill: bool = False) -> Run:
        """Opens a run with these rules and one input."""
        books = RunBooks([InputBooks("events.ndjson")], datetime.now(UTC))
        ledger = RunLedger(self.transactions, books, backfill=backfill)
        known = loaded(*rules)
        ledger.open(known, books.started_at)
        assert ledger.run_id is not None
        return Run(EventProcessingService(self.transactions, known.rule_set, ledger.reference(0)), ledger.run_id)

    def rows(self, model: type[Model]) -> list[Model]:
        """All rows of a table, oldest first."""
        with self.transactions() as session:
            rows = list(session.scalars(select(model).order_by(*inspect(model).primary_key)))
            session.expunge_all()
        return rows

    def decisions(self) -> list[str]:
        """What was decided, in short and sorted: `evt_1 rule sent`, `evt_2 rule daily_cap_reached by evt_1`."""
        keys = {event.id: event.event_key for event in self.rows(Event)}
        rows: list[SendRequest | Suppression] = [*self.rows(SendRequest), *self.rows(Suppression)]
        return sorted(_told(row, keys) for row in rows)


def _told(row: SendRequest | Suppression, keys: dict[int, str]) -> str:
    outcome = row.reason_code if isinstance(row, Suppression) else "sent"
    late = "" if row.caused_by_event_id == row.event_id else f" by {keys[row.caused_by_event_id]}"
    return f"{keys[row.event_id or 0]} {row.rule_name} {outcome}{late}"


@contextmanager
def open_store(url: str, busy_timeout: float = 60.0) -> Iterator[Store]:
    """A migrated database, opened to be written to; closed when the block ends."""
    engine = make_engine(url, writes=True, busy_timeout=busy_timeout)
    try:
        yield Store(engine, sessionmaker(engine, expire_on_commit=False).begin)
    finally:
        engine.dispose()
