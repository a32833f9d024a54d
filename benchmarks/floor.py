"""The least that storing events can take: the rows that mmsg wrote, written again with a parser and sqlite3 alone.

    python benchmarks/floor.py FILLED.db EVENTS.ndjson... --batch LINES [--rows ROWS.json]

FILLED.db is what `mmsg ingest` made of the files, read in this order into an empty database. Its tables, keys and
indexes are made anew beside it; then every line is parsed and every row written, in as many transactions as mmsg's,
with the same journal and synchronous=FULL. Nothing is validated, looked up or decided, and foreign keys are off. Only
this is timed, not how the rows are fetched from FILLED.db. Prints one JSON value: the wall and processor seconds of
all, and of each file.

A file's rows are its share by lines, unless ROWS.json says how many rows each table had once each file was read.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson


@dataclass
class Seconds:
    """What was timed so far."""

    wall: float = 0.0
    cpu: float = 0.0
    files: list[float] = field(default_factory=list)
    cpu_files: list[float] = field(default_factory=list)


class Filled:
    """The database that is to be written again, read table by table, each in its own order and no row twice."""

    def __init__(self, path: Path) -> None:
        """Look at what it holds."""
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        made = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        found = self._connection.execute(f"{made} ORDER BY type = 'table' DESC").fetchall()
        self.schema = [sql for _, _, sql in found]
        self.tables = [name for kind, name, _ in found if kind == "table"]
        self.counts = counts(self._connection, self.tables)
        (mode,) = self._connection.execute("PRAGMA journal_mode").fetchone()
        self.journal = "wal" if mode == "wal" else "truncate"
        self._rows = {name: self._connection.execute(f'SELECT * FROM "{name}"') for name in self.tables}  # noqa: S608
        self._read = dict.fromkeys(self.tables, 0)

    def rows_until(self, wanted: Mapping[str, int]) -> dict[str, list[Any]]:
        """Each table's next rows, until so many of them have been given."""
        part = {name: list(islice(self._rows[name], wanted[name] - self._read[name])) for name in self.tables}
        self._read.update(wanted)
        return part

    def close(self) -> None:
        """Read no more."""
        self._connection.close()


def counts(connection: sqlite3.Connection, tables: Sequence[str]) -> dict[str, int]:
    """How many rows each table has."""
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608


def new_database(path: Path, filled: Filled) -> sqlite3.Connection:
    """An empty database like the filled one."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {filled.journal}")
    connection.execute("PRAGMA synchronous = FULL")
    for statement in filled.schema:
        connection.execute(statement)
    return connection


def parse(lines: Sequence[bytes]) -> None:
    """Parse each line, for the time it takes."""
    for line in lines:
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError:
            continue


def write(target: sqlite3.Connection, rows: Mapping[str, Sequence[Any]]) -> None:
    """Write a batch in one transaction."""
    target.execute("BEGIN IMMEDIATE")
    for name, part in rows.items():
        if part:
            marks = ",".join("?" * len(part[0]))
            target.executemany(f'INSERT INTO "{name}" VALUES ({marks})', part)  # noqa: S608
    target.execute("COMMIT")


def batches(path: Path, size: int) -> Iterator[list[bytes]]:
    """A file's lines, in batches."""
    with path.open("rb") as stream:
        while lines := list(islice(stream, size)):
            yield lines


def shares(filled: Filled, lines: Sequence[int], given: Sequence[Mapping[str, int]] | None) -> list[dict[str, int]]:
    """How many rows each table has before the first file and after each."""
    if given is not None:
        after = [{name: one.get(name, 0) for name in filled.tables} for one in given]
    else:
        read = [sum(lines[: number + 1]) for number in range(len(lines))]
        after = [{name: rows * until // max(1, read[-1]) for name, rows in filled.counts.items()} for until in read]
    return [dict.fromkeys(filled.tables, 0), *after[:-1], filled.counts]


def replay(
    filled: Filled, target: sqlite3.Connection, files: Sequence[Path], size: int, rows: Sequence[Any] | None = None
) -> Seconds:
    """Write all rows of the filled database into the target, timing only the parsing and writing."""
    seconds = Seconds()
    lines = [sum(map(len, batches(path, size))) for path in files]
    bounds = shares(filled, lines, rows)
    for path, count, before, after in zip(files, lines, bounds, bounds[1:], strict=False):
        spent, cpu_spent, parts = seconds.wall, seconds.cpu, -(-count // size)
        for number, batch in enumerate(batches(path, size), 1):
            until = {name: low + (after[name] - low) * number // parts for name, low in before.items()}
            part = filled.rows_until(until)
            wall, cpu = time.perf_counter(), time.process_time()
            parse(batch)
            write(target, part)
            seconds.cpu += time.process_time() - cpu
            seconds.wall += time.perf_counter() - wall
        seconds.files.append(seconds.wall - spent)
        seconds.cpu_files.append(seconds.cpu - cpu_spent)
    return seconds


def main() -> None:
    """Measure once and print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filled", type=Path)
    parser.add_argument("events", type=Path, nargs="+")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--json", action="store_true", help="as always")
    args = parser.parse_args()
    rows = json.loads(args.rows.read_bytes()) if args.rows else None
    with (
        closing(Filled(args.filled)) as filled,
        tempfile.TemporaryDirectory(dir=args.filled.absolute().parent) as folder,
        closing(new_database(Path(folder) / "floor.db", filled)) as target,
    ):
        seconds = replay(filled, target, args.events, args.batch, rows)
    files = {"files": seconds.files, "cpu_files": seconds.cpu_files}
    print(json.dumps({"seconds": seconds.wall, "cpu_seconds": seconds.cpu, **files}))


if __name__ == "__main__":
    main()
