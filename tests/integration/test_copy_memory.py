"""How much memory a copy takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from integration.test_ingest_memory import PROGRAM
from support.copying import across
from support.events import make_event, write_events
from support.ingesting import ingest
from support.program import Program

pytestmark = pytest.mark.faults
"""They take their time."""

KILOBYTES_MORE = 20 * 1024


def peak(mmsg: Program, source: str, target: str) -> int:
    """The most memory that a copy held, in kilobytes."""
    command = [sys.executable, "-c", PROGRAM, "copy", "--quiet", "--to", target]
    done = subprocess.run(command, env=mmsg.environment(source), check=True, capture_output=True)
    return int(done.stdout)


@across
def test_memory_does_not_grow_with_the_history(source_and_target: list[str], mmsg: Program, tmp_path: Path) -> None:
    """Of 80 MB in large events, and of as much again, it holds a batch, which ends after so many bytes."""
    peaks = []
    for start in (0, 800):
        large = [make_event(event_id=f"e{start + n}", properties={"text": "x" * 100_000}) for n in range(800)]
        ingest(source_and_target[0], write_events(tmp_path / "large.ndjson", *large))
        peaks.append(peak(mmsg, *source_and_target))
    assert peaks[1] - peaks[0] < KILOBYTES_MORE
    assert peaks[1] < 300 * 1024
