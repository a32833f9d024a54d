"""Ingests bytes the way the program does, and shows what became of each line."""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select

from marketing_cli.database.sessions import Transactions, open_database
from marketing_cli.domain.events import EventFacts
from marketing_cli.models import Base, Event, Reject
from marketing_cli.repositories.events import EventRepository
from marketing_cli.schemas.report import IngestReport
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.services.rules_files import LoadedRules, load_rules
from marketing_cli.services.stopping import NeverStop
from marketing_cli.sources.discovery import find_inputs
from support.ingesting import assert_balanced

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FORMULA_STARTS = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True)
class Kept:
    """A line that was put aside."""

    line: int
    reason: str
    raw: bytes
    length: int


@dataclass(frozen=True)
class Held:
    """What a database holds: events by key and user, the line of each, how many others; and what was put aside."""

    events: dict[tuple[str, str], EventFacts]
    lines: dict[tuple[str, str], int]
    rejects: list[Kept]
    others: int = 0

    @property
    def by_line(self) -> dict[int, EventFacts]:
        """The events by the line that they came from."""
        return {line: self.events[identity] for identity, line in self.lines.items()}


@dataclass(frozen=True)
class Bench:
    """An open database: bytes go in the way the program takes them, and what became of them comes out."""

    transactions: Transactions
    rules: LoadedRules

    def ingest(self, *paths: Path) -> IngestReport:
        """Run `mmsg ingest` below its command line; the books must balance and nothing may have failed."""
        service = IngestService(self.transactions, self.rules, IngestOptions(), NeverStop())
        report = service.run(find_inputs([str(path) for path in paths]))
        assert report.error is None
        assert_balanced(json.loads(report.model_dump_json()))
        return report

    def held(self, uninteresting: str = "") -> Held:
        """Read everything back as the program does; events whose key is `LIKE` the uninteresting are counted only."""
        query = select(Event.id, Event.event_key, Event.user_id, Event.line)
        count = select(func.count()).where(Event.event_key.like(uninteresting))
        with self.transactions() as session:
            rows = session.execute(query.where(Event.event_key.not_like(uninteresting))).all()
            facts = EventRepository(session).find_facts([(row.id, row.user_id) for row in rows])
            columns = session.execute(select(Reject.line, Reject.reason, Reject.raw, Reject.raw_length))
            kept = [Kept(*row) for row in columns]
            others = session.scalar(count) or 0
        events = {(row.event_key, row.user_id): facts[row.id] for row in rows}
        return Held(events, {(row.event_key, row.user_id): row.line for row in rows}, kept, others)

    def empty(self) -> None:
        """Forget everything."""
        with self.transactions() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))


@contextmanager
def open_bench(url: str) -> Iterator[Bench]:
    """A bench at this database."""
    with open_database(url, writes=True) as transactions:
        yield Bench(transactions, load_rules())


def is_as_received(facts: EventFacts, raw: bytes) -> bool:
    """Whether an event is what its line says: every key, its place and every value, `1.0` and `1` told apart."""
    event: dict[str, Any] = json.loads(raw)
    known = {"event_id", "user_id", "event_type", "event_timestamp", "properties", "user_traits"}
    if event.get("event_id") is None:
        known |= {next((key for key in ("message_id", "messageId") if event.get(key) is not None), "event_id")}
    stored = facts.user_id, facts.event_type, facts.properties, facts.user_traits, facts.extra
    extra = {key: value for key, value in event.items() if key not in known}
    received = str(event["user_id"]), event["event_type"], event.get("properties"), event.get("user_traits"), extra
    return json.dumps(stored) == json.dumps(received)


def hidden_in(text: str, but: str = "\n") -> set[str]:
    """The characters of a text that cannot be seen, or that a terminal would obey."""
    return {char for char in set(text) - set(but) if unicodedata.category(char) in HIDDEN}


def formulas_in(cells: list[str]) -> list[str]:
    """The cells that a spreadsheet would run."""
    return [cell for cell in cells if cell.startswith(FORMULA_STARTS) or cell.lstrip().startswith(FORMULA_STARTS)]
