"""How fast `mmsg ingest` is on PostgreSQL: one process beside SQLite, and shards beside one process."""

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.postgres_server import MISSING, new_database, postgres_server
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row, ratios
from benchmarks.workspace import Workspace

_SHARDS = 2


def postgres_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """The same events into SQLite, into PostgreSQL, and into PostgreSQL by two shards at once, round by round."""
    events = space.events("postgres", sizes.events)
    seconds: dict[str, list[float]] = defaultdict(list)
    with postgres_server() as server:
        for _ in range(sizes.rounds if server else 0):
            assert server is not None  # noqa: S101 - else there are no rounds
            seconds["SQLite"].append(_into_sqlite(space, events))
            for name, shards in {"PostgreSQL": 1, "shards": _SHARDS}.items():
                with new_database(server, "mmsg_bench") as url:
                    seconds[name].append(_into_postgres(space, events, url, shards))
    space.remove(events)
    yield from _rows(seconds, sizes)


def _into_sqlite(space: Workspace, events: Path) -> float:
    database = space.database("beside_postgres")
    wall = space.ingest(database, events).wall
    space.remove(database)
    return wall


def _into_postgres(space: Workspace, events: Path, url: str, shards: int) -> float:
    """The wall seconds until the last of so many processes has ended; each reads all and keeps its own users."""
    space.mmsg(url, "migrate", "--quiet")
    started = time.perf_counter()
    with ThreadPoolExecutor(shards) as threads:
        split = [["--shard", f"{index}/{shards}"] if shards > 1 else [] for index in range(shards)]
        for done in [threads.submit(space.ingest, url, events, *options) for options in split]:
            done.result()
    return time.perf_counter() - started


def _rows(seconds: dict[str, list[float]], sizes: Sizes) -> Iterator[Row]:
    size, full = f"{sizes.events:,} events, {sizes.rounds} rounds", sizes.as_long("events", "rounds")

    def speed(what: str, fast: str, slow: str, bar: float) -> Row:
        return Row(what, ratios(seconds[slow], seconds[fast]), Bar(bar, at_least=True), size, full, MISSING)

    yield speed("PostgreSQL, one process: speed over SQLite's", "PostgreSQL", "SQLite", 0.7)
    yield speed("PostgreSQL, two shards: speed over one process's", "shards", "PostgreSQL", 1.5)
    for name in ("SQLite", "PostgreSQL", "shards"):
        rates = [sizes.events / wall for wall in seconds[name]]
        yield Row(f"  {name}: events/s", rates, size=size, missing=MISSING)
