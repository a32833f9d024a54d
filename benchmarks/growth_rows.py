"""Whether mmsg stays as fast as a database grows, and as one user's history does."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.audit_rows import audit_row
from benchmarks.measure import Measured
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row
from benchmarks.workspace import Workspace, table_counts


def growth_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """Fill one database part by part, then the floor's over the same rows; audit what has grown."""
    parts = space.parts("growth", [sizes.part] * sizes.parts)
    database = space.database("growth")
    ours, rows = _fill(space, database, parts)
    floors = space.measure_floor(database, *parts, rows=rows)
    for part in parts:
        space.remove(part)
    yield from _rows(ours, floors, sizes)
    yield audit_row(space, database, sizes)
    space.remove(database)


def _fill(space: Workspace, database: Path, parts: Sequence[Path]) -> tuple[list[Measured], Path]:
    """What mmsg took for each part, and a file of how many rows there were after each."""
    took, counts = [], []
    for part in parts:
        took.append(space.ingest(database, part))
        counts.append(table_counts(database))
    rows = space.folder / "rows.json"
    rows.write_text(json.dumps(counts))
    return took, rows


def _rows(took: Sequence[Measured], floor: Mapping[str, Sequence[float]], sizes: Sizes) -> Iterator[Row]:
    size, full = f"{sizes.parts} parts of {sizes.part:,} events", sizes.as_long("part", "parts")
    ours, floors = [one.wall for one in took], floor["files"]
    own, cpu = _growth(ours), _growth([one.cpu for one in took])
    yield Row("growth: last part / first, over the floor's", [own / _growth(floors)], Bar(1.1), size, full)
    yield Row("growth: last part / first", [own], Bar(2.5, 1.5), size, full)
    yield Row("  processor time: last / first, over the floor's", [cpu / _growth(floor["cpu_files"])], size=size)
    yield Row("  processor time: last / first", [cpu], size=size)
    for number in sorted({1, 2, 5, len(ours)} & set(range(1, len(ours) + 1))):
        until = f"up to {number * sizes.part:,} events"
        yield Row(f"  part {number}: seconds", [ours[number - 1]], size=until)
        yield Row(f"  part {number}: floor's seconds", [floors[number - 1]], size=until)


def _growth(parts: Sequence[float]) -> float:
    return parts[-1] / parts[0]


def one_user_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """All events are of one user, as where nobody has signed in."""
    parts = space.parts("one_user", [sizes.user_part] * sizes.user_parts, "--users", "1")
    database = space.database("one_user")
    walls = [space.ingest(database, part).wall for part in parts]
    for path in (*parts, database):
        space.remove(path)
    size, full = f"{sizes.user_parts} parts of {sizes.user_part:,} events", sizes.as_long("user_part", "user_parts")
    yield Row("one user: last part's rate / first's", [walls[0] / walls[-1]], Bar(0.8, at_least=True), size, full)
