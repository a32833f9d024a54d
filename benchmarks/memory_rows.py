"""How much memory a run holds at most, for few events and for many."""

from collections.abc import Iterator

from benchmarks import packing
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row
from benchmarks.workspace import Workspace

_MB = 1_000_000


def memory_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """The peak of a run, its processes added up, on NDJSON and on an array."""
    size, full = f"{sizes.memory:,} events against {sizes.few_memory:,}", sizes.as_long("memory")
    few, many = _peaks(space, sizes.few_memory), _peaks(space, sizes.memory)
    for kind in few:
        yield Row(f"memory, {kind}: MB more for many events", [(many[kind] - few[kind]) / _MB], Bar(40), size, full)
        yield Row(f"memory, {kind}: MB at most", [max(few[kind], many[kind]) / _MB], Bar(200), size, full)


def _peaks(space: Workspace, count: int) -> dict[str, int]:
    """The peak in bytes by kind of file."""
    events = space.events("memory", count)
    peaks = {}
    for kind, path in {"NDJSON": events, "array": packing.array(events)}.items():
        database = space.database("memory")
        peaks[kind] = space.ingest(database, path, watch_memory=True).peak
        space.remove(database)
        space.remove(path)
    return peaks
