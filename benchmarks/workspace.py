"""Where benchmarks work: a folder with event files and databases, and the programs that are measured there."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.floor import counts
from benchmarks.measure import Measured, run

HERE = Path(__file__).parent
_ROOT = HERE.parent
_OURS = ("DATABASE_URL", "MMSG_", "PYTHON")
_ASK_BATCH = "from marketing_cli.services.batching import DEFAULT_BATCH_SIZE; print(DEFAULT_BATCH_SIZE)"


@dataclass(frozen=True)
class Workspace:
    """A folder to work in; `generator` and `floor` are the scripts that make events and measure the floor."""

    folder: Path
    generator: Path = HERE / "make_events.py"
    floor: Path = HERE / "floor.py"

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the programs see of the environment: no setting of whoever started this."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {**kept, "PYTHONPATH": str(_ROOT)}

    def events(self, name: str, count: int, *options: str) -> Path:
        """A new file of so many events."""
        (path,) = self.parts(name, [count], *options)
        return path

    def parts(self, name: str, counts: Sequence[int], *options: str) -> list[Path]:
        """One stream of events, cut into files of so many."""
        paths = [self.folder / f"{name}_{number}.ndjson" for number in range(1, len(counts) + 1)]
        command = [sys.executable, str(self.generator), str(sum(counts)), *options]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE) as maker:
            assert maker.stdout is not None  # noqa: S101 - asked for above
            for path, count in zip(paths, counts, strict=True):
                with path.open("wb") as stream:
                    stream.writelines(islice(maker.stdout, count))
        if maker.returncode:
            raise SystemExit(f"no events were made: exit code {maker.returncode}")
        return paths

    def database(self, name: str) -> Path:
        """A new database without events."""
        path = self.folder / f"{name}.db"
        self.remove(path)
        shutil.copy(self._migrated, path)
        return path

    def remove(self, path: Path) -> None:
        """Remove a database or any other file, and what SQLite keeps beside it."""
        for beside in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)

    def ingest(self, database: Path | str, *words: str | Path, watch_memory: bool = False) -> Measured:
        """Measure `mmsg ingest` of these files, with these options."""
        return self.mmsg(database, "ingest", *words, "--quiet", "--backfill", watch_memory=watch_memory)

    def mmsg(self, database: Path | str, *words: str | Path, watch_memory: bool = False) -> Measured:
        """Measure any command of mmsg, on a SQLite file or the database of a URL."""
        environment = {**self.environment, "DATABASE_URL": url_of(database)}
        command = [sys.executable, "-m", "marketing_cli", *words]
        return run(command, environment, self.folder, watch_memory=watch_memory)

    def measure_floor(self, database: Path, *paths: Path, rows: Path | None = None) -> Any:  # noqa: ANN401 - JSON
        """The floor's seconds for what is in the database, as it prints them; `rows` needs this project's own floor."""
        floor = HERE / "floor.py" if rows else self.floor
        more: list[str | Path] = ["--rows", rows] if rows else []
        command: list[str | Path] = [
            sys.executable,
            floor,
            database,
            *paths,
            "--batch",
            str(self.batch),
            *more,
            "--json",
        ]
        return json.loads(run(command, self.environment, self.folder).output)

    @cached_property
    def batch(self) -> int:
        """How many lines mmsg stores in one transaction."""
        return int(run([sys.executable, "-c", _ASK_BATCH], self.environment, self.folder).output)

    @cached_property
    def _migrated(self) -> Path:
        path = self.folder / "migrated.db"
        self.mmsg(path, "migrate", "--quiet")
        return path


def url_of(database: Path | str) -> str:
    """The URL of a SQLite file; a URL stays what it is."""
    return database if isinstance(database, str) else f"sqlite:///{database}"


def table_counts(database: Path) -> dict[str, int]:
    """How many rows each table of a database has."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return counts(connection, [name for (name,) in tables])
