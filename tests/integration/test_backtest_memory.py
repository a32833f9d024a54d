"""How much memory a backtest takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from integration.test_ingest_memory import PROGRAM
from support.backtesting import SHIPPED
from support.databases import only_sqlite
from support.ingesting import generated_file, ingest
from support.program import Program

pytestmark = pytest.mark.faults
"""They take their time."""

KILOBYTES_MORE = 5 * 1024


def peak(mmsg: Program) -> int:
    """The most memory that a backtest held, in kilobytes."""
    command = [sys.executable, "-c", PROGRAM, "backtest", "--quiet", "--rules", str(SHIPPED)]
    return int(subprocess.run(command, env=mmsg.environment(), check=True, capture_output=True).stdout)


@only_sqlite
def test_memory_does_not_grow_with_the_history(database_url: str, mmsg: Program, tmp_path: Path) -> None:
    """Four times the events take the memory of a piece and of a user, not of all: under 180 bytes for each more."""
    peaks = []
    for number, size in enumerate((10_000, 30_000)):
        ingest(database_url, generated_file(tmp_path / f"{size}.ndjson", size, seed=number), "--batch-size", "2000")
        peaks.append(peak(mmsg))
    assert peaks[1] - peaks[0] < KILOBYTES_MORE
