"""How long `mmsg ingest` takes beside the floor, beside a plain import, and for other files of the same events."""

import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks import packing
from benchmarks.measure import Measured, run
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row, ratios
from benchmarks.workspace import Workspace

_PLAIN_IMPORT = "sqlite-utils"
_PACKED = {"array": packing.array, "gz": packing.gz, "zst": packing.zst}

Times = dict[str, list[float]]
"""What was measured → its value in each round."""


def ingest_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """Measure everything once a round, so that whatever else the machine does falls on all alike."""
    plain = space.events("plain", sizes.events)
    files = {"no ids": space.events("no_ids", sizes.events, "--no-ids")}
    files |= {name: pack(plain) for name, pack in _PACKED.items()}
    times: Times = defaultdict(list)
    for _ in range(sizes.rounds):
        for name, value in _beside_the_floor(space, plain).items():
            times[name].append(value)
        for name, path in files.items():
            times[name].append(_ingest_into_new(space, path).wall)
    for path in (plain, *files.values()):
        space.remove(path)
    yield from _rows(times, sizes)


def _beside_the_floor(space: Workspace, events: Path) -> dict[str, float]:
    database = space.database("ingest")
    first = space.ingest(database, events)
    size = sum(path.stat().st_size for path in space.folder.glob("ingest.db*"))
    floor = space.measure_floor(database, events)
    imported = _plain_import(space, events)
    again = space.ingest(database, events)
    space.remove(database)
    return {
        "wall": first.wall,
        "cpu": first.cpu,
        "bytes": size,
        "floor wall": floor["seconds"],
        "floor cpu": floor["cpu_seconds"],
        "again": again.wall,
        **({"import": imported.wall} if imported else {}),
    }


def _ingest_into_new(space: Workspace, events: Path) -> Measured:
    database = space.database("other")
    measured = space.ingest(database, events)
    space.remove(database)
    return measured


def _plain_import(space: Workspace, events: Path) -> Measured | None:
    """Load the file into one table, deciding nothing; None where the tool for it is not installed."""
    program = shutil.which(_PLAIN_IMPORT, path=str(Path(sys.executable).parent))
    if program is None:
        return None
    target = space.folder / "import.db"
    words: list[str | Path] = ["insert", target, "events", events, "--nl", "--pk", "event_id", "--silent"]
    measured = run([program, *words], space.environment, space.folder)
    space.remove(target)
    return measured


def _rows(times: Times, sizes: Sizes) -> Iterator[Row]:
    size, full = f"{sizes.events:,} events, {sizes.rounds} rounds", sizes.as_long("events", "rounds")

    def row(what: str, samples: list[float], bar: Bar | None = None, missing: str = "") -> Row:
        return Row(what, samples, bar, size, full or bar is None, missing)

    def ratio(what: str, over: str, under: str, bar: Bar, missing: str = "") -> Row:
        return row(what, ratios(times[over], times[under]) if times[under] else [], bar, missing)

    absent = f"{_PLAIN_IMPORT} is missing: pip install --group bench"
    yield ratio("ingest: processor time / floor's", "cpu", "floor cpu", Bar(2.3, 1.5))
    yield ratio("ingest: wall time / floor's", "wall", "floor wall", Bar(2.0, 1.3))
    yield row("  floor's processor seconds", times["floor cpu"])
    yield row("  floor's wall seconds", times["floor wall"])
    yield row("  mmsg's events/s", [sizes.events / wall for wall in times["wall"]])
    yield ratio(f"ingest: wall time / {_PLAIN_IMPORT} insert", "wall", "import", Bar(1.2, 0.7), absent)
    yield ratio("same file again / first time", "again", "wall", Bar(0.45, 0.3))
    yield ratio("events without ids / with ids", "no ids", "wall", Bar(1.25))
    yield ratio("JSON array / NDJSON", "array", "wall", Bar(1.6))
    yield ratio(".gz / plain", "gz", "wall", Bar(1.25))
    yield ratio(".zst / plain", "zst", "wall", Bar(1.25))
    yield row("database bytes per event", [size / sizes.events for size in times["bytes"]], Bar(650, 500))
