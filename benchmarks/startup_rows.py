"""How long it takes until help or a completion is there."""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import run
from benchmarks.sizes import Sizes
from benchmarks.table import Bar, Row, ratios
from benchmarks.workspace import Workspace

_MMSG = str(Path(sys.executable).with_name("mmsg"))
_IMPORTS = "imports"
_COMMANDS = {
    _IMPORTS: [sys.executable, "-c", "import typer, rich"],
    "mmsg --help": [_MMSG, "--help"],
    "shell completion": [_MMSG],
}
_COMPLETION = {"_MMSG_COMPLETE": "complete_bash", "COMP_WORDS": "mmsg in", "COMP_CWORD": "1"}
_ANSWERS = {_IMPORTS: b"", "mmsg --help": b"ingest", "shell completion": b"ingest"}


def startup_rows(space: Workspace, sizes: Sizes) -> Iterator[Row]:
    """Start each by turns; the first of all is not counted, since it may have to compile."""
    walls: dict[str, list[float]] = {name: [] for name in _COMMANDS}
    for _ in range(sizes.starts + 1):
        for name in _COMMANDS:
            walls[name].append(_start(space, name))
    counted = {name: times[1:] for name, times in walls.items()}
    for name in ("mmsg --help", "shell completion"):
        samples = ratios(counted[name], counted[_IMPORTS])
        yield Row(f"{name} / importing typer and rich", samples, Bar(1.3), f"{sizes.starts} starts")


def _start(space: Workspace, name: str) -> float:
    more = _COMPLETION if name == "shell completion" else {}
    done = run(_COMMANDS[name], {**space.environment, **more}, space.folder)
    if _ANSWERS[name] not in done.output:
        raise SystemExit(f"{name} did not answer")
    return done.wall
