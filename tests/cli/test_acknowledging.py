"""The test switch by which `mmsg ingest` tells the outside world of each stored batch."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import run_here

pytestmark = only_sqlite


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe: to read from, and to write to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def told(pipe: tuple[int, int], url: str, *args: str | Path) -> list[Any]:
    """What a run with the switch writes to the pipe."""
    done = run_here("ingest", *args, "--batch-size", "2", url=url, MMSG_TEST_ACK_FD=str(pipe[1]))
    assert done.exit_code == 0, done.stderr
    assert "MMSG_TEST_ACK_FD" not in done.stderr
    os.write(pipe[1], b"\n")
    return [json.loads(line) for line in os.read(pipe[0], 65536).splitlines() if line]


def test_each_stored_batch_is_told(pipe: tuple[int, int], database_url: str, tmp_path: Path) -> None:
    """By its run, its input, and its first and last line in that."""
    paths = [
        write_events(tmp_path / f"{name}.ndjson", *(make_event(event_id=f"{name}{number}") for number in range(count)))
        for name, count in (("a", 3), ("b", 1))
    ]
    assert told(pipe, database_url, *paths) == [
        {"run_id": 1, "path": str(paths[0]), "first": 1, "last": 2},
        {"run_id": 1, "path": str(paths[0]), "first": 3, "last": 3},
        {"run_id": 1, "path": str(paths[1]), "first": 1, "last": 1},
    ]


def test_a_dry_run_tells_nothing(pipe: tuple[int, int], database_url: str, tmp_path: Path) -> None:
    """It stores nothing."""
    path = write_events(tmp_path / "a.ndjson", make_event())
    assert told(pipe, database_url, path, "--dry-run") == []


@pytest.mark.parametrize("value", ["stdout", "-1", "1.5"])
def test_what_is_no_descriptor_is_refused(database_url: str, value: str) -> None:
    """As any other setting that cannot be used."""
    done = run_here("ingest", "no.ndjson", url=database_url, MMSG_TEST_ACK_FD=value)
    assert (done.exit_code, "unset it" in done.stderr) == (7, True)
