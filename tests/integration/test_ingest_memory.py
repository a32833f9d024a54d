"""How much memory a run takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.databases import only_sqlite
from support.program import Program

pytestmark = pytest.mark.faults
"""They take their time."""

KILOBYTES_MORE = 5 * 1024
KILOBYTES_OF_PAGES = 32 * 1024
"""So much of the database SQLite keeps in memory, and no more."""
# What a process says of itself: what the system says of a child counts its parent's memory too.
PROGRAM = """
import atexit, re
from pathlib import Path
from marketing_cli.cli.app import main
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
main()
"""


def peak(mmsg: Program, path: Path) -> int:
    """The most memory that ingesting this file held, in kilobytes."""
    command = [sys.executable, "-c", PROGRAM, "ingest", "--quiet", "--batch-size", "500", str(path)]
    return int(subprocess.run(command, env=mmsg.environment(), check=True, capture_output=True).stdout)


@only_sqlite
def test_memory_does_not_grow_with_the_input(mmsg: Program, database_url: str, tmp_path: Path) -> None:
    """Six times the events take the memory of a batch, not of a file: under 256 bytes for each event more.

    What is kept of the database itself comes on top, as long as that is small.
    """
    sizes = 4_000, 24_000
    database = Path(database_url.removeprefix("sqlite:///"))
    peaks, pages = [], []
    for size in sizes:
        path = tmp_path / f"{size}.ndjson"
        path.write_text("".join(line(size + number) for number in range(size)))
        peaks.append(peak(mmsg, path))
        pages.append(min(database.stat().st_size // 1024, KILOBYTES_OF_PAGES))
    assert peaks[1] - peaks[0] < KILOBYTES_MORE + pages[1] - pages[0]


def line(number: int) -> str:
    """A small event that asks for a message now and then."""
    event_type = "payment_failed" if number % 10 == 0 else "page_viewed"
    event = {"event_id": f"evt_{number}", "user_id": f"u_{number}", "event_type": event_type}
    rest = {"event_timestamp": "2025-11-01T10:00:00Z", "properties": {"attempt_number": 3}}
    return json.dumps(event | rest) + "\n"


@only_sqlite
@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("items", ["[" + "{}," * 340_000 + "1]", "[" + ("[" * 95 + "]" * 95 + ",") * 5_200 + "1]"])
def test_memory_does_not_grow_with_lines_of_many_small_values(mmsg: Program, tmp_path: Path, items: str) -> None:
    """A line may become forty times its bytes in memory: then a batch has fewer of them."""
    crowded = line(0).replace("3}", f"{items}}}")
    peaks = []
    for size in (3, 12):
        path = tmp_path / f"{size}.ndjson"
        path.write_text("".join(crowded.replace("evt_0", f"evt_{number}") for number in range(size)))
        peaks.append(peak(mmsg, path))
    assert peaks[1] - peaks[0] < 16 * KILOBYTES_MORE
