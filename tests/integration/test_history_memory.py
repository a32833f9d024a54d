"""How much memory it takes to decide a history again: that of the largest user, and not of all."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from integration.test_ingest_memory import PROGRAM
from support.backtesting import SHIPPED
from support.events import make_event, ndjson
from support.ingesting import generated_file, ingest
from support.program import Program

pytestmark = pytest.mark.faults
"""They take their time."""

COMMANDS = {"backtest": ("backtest", "--rules", str(SHIPPED)), "verify": ("verify", "--all")}
KILOBYTES_MORE = 5 * 1024
OF_ONE_USER = 4_000
KILOBYTES_OF_AN_EVENT = 8


def peaks(mmsg: Program) -> dict[str, int]:
    """The most memory that each command held, in kilobytes."""
    found = {}
    for name, command in COMMANDS.items():
        program = [sys.executable, "-c", PROGRAM, *command, "--quiet"]
        done = subprocess.run(program, env=mmsg.environment(), check=True, capture_output=True)
        found[name] = int(done.stdout)
    return found


def test_memory_does_not_grow_with_the_history(database_url: str, mmsg: Program, tmp_path: Path) -> None:
    """Four times the events take the memory of a piece and of a user, not of all: under 180 bytes for each more."""
    measured = []
    for number, size in enumerate((10_000, 30_000)):
        ingest(database_url, generated_file(tmp_path / f"{size}.ndjson", size, seed=number), "--batch-size", "2000")
        measured.append(peaks(mmsg))
    few, many = measured
    assert {name: more for name in few if (more := many[name] - few[name]) > KILOBYTES_MORE} == {}


def test_memory_grows_with_one_user(database_url: str, mmsg: Program, tmp_path: Path) -> None:
    """By the same for each event, however many there are, also where a piece holds only some of them."""
    measured = []
    for part in range(3):
        events = [
            make_event(
                event_id=f"e{number}",
                event_type=("payment_failed", "signup_completed", "link_bank_success")[number % 3],
                event_timestamp=f"2025-11-{number % 28 + 1:02}T{number % 24:02}:00:00Z",
                properties={"failure_reason": "INSUFFICIENT_FUNDS", "attempt_number": number % 5},
            )
            for number in range(part * OF_ONE_USER, (part + 1) * OF_ONE_USER)
        ]
        (tmp_path / "part.ndjson").write_text(ndjson(*events))
        ingest(database_url, tmp_path / "part.ndjson", "--backfill")
        measured.append(peaks(mmsg))
    for before, after in pairwise(measured):
        grown = {name: (after[name] - before[name]) / OF_ONE_USER for name in COMMANDS}
        assert {name: more for name, more in grown.items() if more > KILOBYTES_OF_AN_EVENT} == {}
