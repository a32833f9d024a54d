"""How long it takes to decide a stored history again, over what it took to store it, and in how much memory."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measured
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row
from benchmarks.workspace import Workspace

_MB = 1_000_000
_RULES = "rules.yaml"


def history_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """`backtest` of the rules in force, and `verify --all`, of many events and of few."""
    size, full = f"{sizes.history:,} events", sizes.as_long("history")
    rules = space.folder / _RULES
    (took, many), (_, few) = (_replayed(space, count, rules) for count in (sizes.history, sizes.few_history))
    for name, bar in {"backtest": Bar(1.0), "verify": None}.items():
        again = many[name]
        yield Row(f"{name}: wall time over ingest's", [again.wall / took.wall], bar, size, full)
        yield Row("  seconds", [again.wall], size=size)
        more = (again.peak - few[name].peak) / _MB
        yield Row(f"  MB more than for {sizes.few_history:,} events", [more], size=size)
        yield Row("  MB at most", [again.peak / _MB], size=size)


def _replayed(space: Workspace, count: int, rules: Path) -> tuple[Measured, dict[str, Measured]]:
    """What it took to store so many events, and what each command took over them."""
    events, database = space.events("history", count), space.database("history")
    took = space.ingest(database, events)
    rules.write_bytes(space.mmsg(database, "rules", "show").output)
    again = {
        "backtest": space.mmsg(database, "backtest", "--rules", rules, "--quiet"),
        "verify": space.mmsg(database, "verify", "--all", "--quiet"),
    }
    for path in (database, events):
        space.remove(path)
    return took, again
