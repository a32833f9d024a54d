"""Measures mmsg and prints one table of ratios, each with the bar that it has to meet: `python -m benchmarks`."""

import argparse
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import table
from benchmarks.growth_rows import growth_rows, one_user_rows
from benchmarks.history_rows import history_rows
from benchmarks.ingest_rows import ingest_rows
from benchmarks.memory_rows import memory_rows
from benchmarks.postgres_rows import postgres_rows
from benchmarks.sizes import LONG, SHORT, Sizes
from benchmarks.startup_rows import startup_rows
from benchmarks.workspace import HERE, Workspace

GROUPS: dict[str, Callable[[Workspace, Sizes], Iterator[table.Row]]] = {
    "startup": startup_rows,
    "ingest": ingest_rows,
    "growth": growth_rows,
    "user": one_user_rows,
    "memory": memory_rows,
    "history": history_rows,
    "postgres": postgres_rows,
}
_INTERRUPTED = 130
_FOLDER = HERE.parent / ".bench"
_SIZES = [field.name for field in dataclasses.fields(Sizes)]


def main() -> None:
    """Measure what is asked for; progress goes to standard error, the table to standard output."""
    args = _parser().parse_args()
    given = {name: getattr(args, name) for name in _SIZES if getattr(args, name) is not None}
    sizes = dataclasses.replace(LONG if args.long else SHORT, **given)
    args.folder.mkdir(mode=0o700, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=args.folder.absolute()) as folder:
        space = Workspace(Path(folder), args.generator.absolute(), args.floor.absolute())
        machine = f"batches of {space.batch:,} lines, {os.cpu_count()} processors, Python {sys.version.split()[0]}"
        _measure(space, sizes, args.only or list(GROUPS))
    print(f"{machine}; took {time.monotonic() - started:.0f} s")


def _measure(space: Workspace, sizes: Sizes, groups: Sequence[str]) -> None:
    """Print the table, of as much as there is when it is interrupted."""
    rows: list[table.Row] = []
    try:
        for name in groups:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            rows.extend(GROUPS[name](space, sizes))
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    finally:
        print("\n".join(table.lines(rows)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--long", action="store_true", help="the sizes that the bars are about: over an hour")
    parser.add_argument("--only", action="append", choices=GROUPS, help="one group of rows; may be repeated")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where to work: on the disk that matters")
    parser.add_argument("--generator", type=Path, default=Workspace.generator, help="another script that makes events")
    parser.add_argument("--floor", type=Path, default=Workspace.floor, help="another script that measures the floor")
    for name in _SIZES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=_usual(name))
    return parser


def _usual(name: str) -> str:
    short, long = getattr(SHORT, name), getattr(LONG, name)
    return f"{short:,}" if short == long else f"{short:,}; with --long {long:,}"


if __name__ == "__main__":
    main()
