"""Whether `mmsg audit EVENT_ID` takes as long on many events as on few."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row, ratios
from benchmarks.workspace import Workspace


def audit_row(space: Workspace, grown: Path, sizes: Sizes) -> Row:
    """Audit events from all over both databases, by turns."""
    events = space.events("few", sizes.few_audited)
    small = space.database("few")
    space.ingest(small, events)
    walls: dict[Path, list[float]] = {grown: [], small: []}
    asked = {database: _keys(database, sizes.audits) for database in walls}
    for number in range(sizes.audits):
        for database, keys in asked.items():
            walls[database].append(space.mmsg(database, "audit", keys[number]).wall)
    for path in (events, small):
        space.remove(path)
    many = sizes.part * sizes.parts
    size = f"{many:,} events / {sizes.few_audited:,}, {sizes.audits} audits"
    samples = ratios(walls[grown], walls[small])
    return Row("audit EVENT_ID: many events / few", samples, Bar(1.2), size, sizes.as_long("part", "parts"))


def _keys(database: Path, wanted: int) -> list[str]:
    """Keys of events from the first to the last."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (last,) = connection.execute("SELECT max(id) FROM events").fetchone()
        numbers = [1 + (last - 1) * number // wanted for number in range(wanted)]
        return [_key(connection, number) for number in numbers]


def _key(connection: sqlite3.Connection, number: int) -> str:
    key: str
    (key,) = connection.execute("SELECT event_key FROM events WHERE id >= ? ORDER BY id", (number,)).fetchone()
    return key
