"""Files that are no files, never end, blow up, change, or are written in another way."""

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.hostile.archives import zstd_checked
from faults.hostile.bench import Bench
from faults.sizes import size
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.services.stopping import NeverStop
from marketing_cli.sources.discovery import find_inputs
from marketing_cli.sources.reader import ReadOptions
from support.databases import SqliteDatabases
from support.events import make_event, ndjson
from support.ingesting import run_here
from support.program import Program

MIB = 1024 * 1024
BIG = 200 * MIB
BOMB = size(64, 200) * MIB
USUAL_KILOBYTES = 110 * 1024
"""An ordinary run takes 66 MB."""

MOST_KILOBYTES = 200 * 1024
"""For a batch of lines that are many small values each."""

# What a process says of itself: what the system says of a child counts its parent's memory too.
PROGRAM = """
import atexit, re, sys
from pathlib import Path
from marketing_cli.cli.app import main
peak = lambda: print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[0], file=sys.stderr)
atexit.register(peak)
main()
"""
GOOD = ndjson(make_event()).encode()
OTHER = ndjson(make_event(event_id="evt_2")).encode()


@pytest.fixture
def url(migrated_sqlite: str, tmp_path: Path) -> str:
    """An empty SQLite database."""
    return SqliteDatabases(tmp_path).create(migrated_sqlite)


def measured(url: str, path: Path, exit_code: int, most_kilobytes: int = USUAL_KILOBYTES) -> Any:
    """The report of a process that ingests a file, which may need little memory."""
    program = Program(path.parent, url)
    command = [sys.executable, "-c", PROGRAM, "ingest", "--json", str(path)]
    done = subprocess.run(command, env=program.environment(), check=False, capture_output=True, timeout=240)
    assert done.returncode == exit_code, done.stderr
    peak = re.search(rb"VmHWM:\s+(\d+)", done.stderr)
    assert peak is not None
    assert int(peak[1]) < most_kilobytes
    assert b"Traceback" not in done.stderr
    return json.loads(done.stdout)


def test_a_line_of_200_mb(url: str, tmp_path: Path) -> None:
    """It is one reject; the lines around it are stored."""
    path = tmp_path / "events.ndjson"
    with path.open("wb") as file:
        file.write(GOOD)
        file.truncate(BIG)
        file.seek(BIG)
        file.write(b"\n" + OTHER)
    report = measured(url, path, 3)
    assert report["rejects_by_reason"] == {"line_too_long": 1}
    assert report["totals"]["new"] == 2


WIDE = b'{"event_id":"e%d","user_id":"u","event_type":"t","event_timestamp":"2025-11-01T10:00:00Z","x":['
BOMBS: dict[str, tuple[Callable[[], bytes], dict[str, int]]] = {
    "a line": (lambda: GOOD + b"x" * BOMB + b"\n" + OTHER, {"new": 2, "rejected": 1}),
    "a line of NUL": (lambda: GOOD + bytes(BOMB) + b"\n" + OTHER, {"new": 2, "rejected": 1}),
    "blank lines": (lambda: GOOD + (b" " * 1023 + b"\n") * (BOMB // 1024) + OTHER, {"new": 2, "blank": BOMB // 1024}),
    "line feeds": (lambda: GOOD + b"\n" * (BOMB // 256) + OTHER, {"new": 2, "blank": BOMB // 256}),
    "one element": (lambda: b"[" + GOOD + b',"' + b"x" * BOMB + b'",' + OTHER + b"]", {"new": 2, "rejected": 1}),
    "an array never closed": (lambda: b"[" + GOOD + b"," + b"[" * BOMB, {"new": 1, "rejected": 1}),
    "one object": (lambda: b'{"a":\n"' + b"x" * BOMB + b'"}\n' + GOOD, {"new": 1, "rejected": 2}),
    "wide lines": (
        lambda: b"".join(WIDE % n + b"[]," * (330 * 1024) + b"0]}\n" for n in range(size(16, 40))),
        {"new": size(16, 40)},
    ),
}


@pytest.mark.parametrize(("bomb", "packer"), [(name, gzip.compress) for name in BOMBS] + [("a line", zstd_checked)])
def test_a_bomb(bomb: str, packer: Callable[[bytes], bytes], url: str, tmp_path: Path) -> None:
    """200 MB that come in 200 kB take little memory, and what is sound around them is stored."""
    make, expected = BOMBS[bomb]
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(packer(make()))
    most = MOST_KILOBYTES if bomb == "wide lines" else USUAL_KILOBYTES
    report = measured(url, path, 3 if "rejected" in expected else 0, most)
    found = {name: count for name, count in report["totals"].items() if name in ("new", "rejected", "blank") and count}
    assert found == expected


def test_what_is_no_file(url: str, tmp_path: Path) -> None:
    """Pipes, devices and folders of folders are named and left alone, at once; files beside them are read."""
    os.mkfifo(tmp_path / "pipe.ndjson")
    (tmp_path / "folder.ndjson").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "zero.ndjson").symlink_to("/dev/zero")
    (tmp_path / "good.txt").write_bytes(GOOD)
    bad = [tmp_path / "pipe.ndjson", Path("/dev/zero"), Path("/dev/null"), tmp_path / "loop", tmp_path / "zero.ndjson"]
    for path in bad:
        assert run_here("ingest", path, url=url).exit_code == 6
    done = run_here("ingest", "--json", *bad, tmp_path / "folder.ndjson", tmp_path / "good.txt", url=url)
    assert done.exit_code == 3
    report = done.json()
    assert [entry["state"] for entry in report["inputs"]] == ["unreadable"] * len(bad) + ["done"]
    assert report["totals"]["new"] == 1


TEXT = (GOOD + OTHER).decode()
BOM = "\ufeff"
FILES: dict[str, tuple[bytes, str, int, list[str]]] = {
    "UTF-16 LE with BOM": ((BOM + TEXT).encode("utf-16-le"), "truncated", 0, ["bad_utf8"]),
    "UTF-16 BE with BOM": ((BOM + TEXT).encode("utf-16-be"), "truncated", 0, ["bad_utf8"]),
    "UTF-16 LE": (TEXT.encode("utf-16-le"), "truncated", 0, ["bad_utf8"]),
    "UTF-16 BE": (TEXT.encode("utf-16-be"), "truncated", 0, ["bad_utf8"]),
    "UTF-32 LE with BOM": ((BOM + TEXT).encode("utf-32-le"), "truncated", 0, ["bad_utf8"]),
    "UTF-32 BE": (TEXT.encode("utf-32-be"), "truncated", 0, ["bad_utf8"]),
    "UTF-8 with BOM": ((BOM + TEXT).encode(), "done", 2, []),
    "UTF-8 with BOM, array": (f"{BOM}[{GOOD.decode()},{OTHER.decode()}]".encode(), "done", 2, []),
    "a BOM alone": (BOM.encode(), "done", 0, []),
    "BOM in mid-file": ((TEXT.replace("\n", "\n" + BOM, 1)).encode(), "done", 1, ["bad_json"]),
    "Windows line ends": (TEXT.replace("\n", "\r\n").encode(), "done", 2, []),
    "old Macintosh line ends": (TEXT.replace("\n", "\r").encode(), "done", 0, ["truncated_tail"]),
    "no line end at the end": (TEXT[:-1].encode(), "done", 2, []),
    "half a last line": (TEXT[:-20].encode(), "done", 1, ["truncated_tail"]),
    "half a letter at the end": (GOOD + b'{"a": "\xe2\x82', "done", 1, ["truncated_tail"]),
    "zeros at the end": (GOOD + OTHER + bytes(4096), "done", 2, ["truncated_tail"]),
    "zeros in mid-file": (GOOD + bytes(4096) + b"\n" + OTHER, "done", 2, ["bad_json"]),
    "an empty file": (b"", "done", 0, []),
    "an array cut off": (b"[" + GOOD + b"," + OTHER[:-20], "truncated", 1, ["bad_json"]),
    "an array with a comma too many": (b"[" + GOOD + b"," + OTHER + b",]", "done", 2, ["bad_json"]),
    "an array with a comma missing": (b"[" + GOOD + OTHER + b"]", "done", 0, ["bad_json"]),
    "two arrays": (b"[" + GOOD + b"][" + OTHER + b"]", "truncated", 1, ["bad_json"]),
    "an array with a quote missing": (
        b"[" + GOOD.replace(b'"u_1"', b'"u_1') + b"," + OTHER + b"]",
        "truncated",
        0,
        ["bad_json"],
    ),
    "an object over lines": (json.dumps(make_event(), indent=2).encode(), "done", 1, []),
    "a zip archive": (b"PK\x03\x04" + bytes(100), "unreadable", 0, []),
    "a bzip2 archive": (b"BZh91AY&SY" + bytes(100), "unreadable", 0, []),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), "unreadable", 0, []),
    "gzip in zstd": (zstd_checked(gzip.compress(GOOD)), "unreadable", 0, []),
    "gzip and garbage": (gzip.compress(GOOD) + b"garbage", "corrupt", 0, []),
    "gzip without content": (gzip.compress(b""), "done", 0, []),
    "two gzip members": (gzip.compress(GOOD) + gzip.compress(OTHER), "done", 2, []),
    "a gzip header": (gzip.compress(GOOD)[:10], "truncated", 0, []),
    "gzip with the wrong checksum": (gzip.compress(GOOD)[:-8] + b"abcdefgh", "corrupt", 0, []),
    "a zstd header": (zstd_checked(GOOD)[:5], "truncated", 0, []),
    "an SQLite database": (b"SQLite format 3\0" + bytes(4080), "done", 0, ["truncated_tail"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file(name: str, bench: Bench, tmp_path: Path) -> None:
    """Its state, what is stored of it, and why the rest is not."""
    data, state, stored, reasons = FILES[name]
    path = tmp_path / "events.dat"
    path.write_bytes(data)
    report = bench.ingest(path)
    assert (report.inputs[0].state, report.totals.new) == (state, stored)
    assert [kept.reason for kept in bench.held().rejects] == reasons


def append(path: Path, data: bytes) -> None:
    """Write at the end of a file."""
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (lambda path: append(path, ndjson(make_event(event_id="late")).encode()), 3001),
        (lambda path: append(path, b'{"half'), 3000),
        (lambda path: path.write_bytes(b""), None),
        (lambda path: path.unlink(), 3000),
        (lambda path: path.with_suffix(".new").rename(path), 3000),
        (lambda path: os.truncate(path, 200_010), None),
    ],
    ids=["grows by a line", "grows by half a line", "is emptied", "is deleted", "is replaced", "shrinks"],
)
def test_a_file_that_changes_while_it_is_read(
    change: Callable[[Path], object], stored: int | None, bench: Bench, tmp_path: Path
) -> None:
    """Every line that is stored was in the file; the same command again takes the rest, and nothing twice."""
    events = [make_event(event_id=f"evt_{n}", event_type="page_viewed") for n in range(3000)]
    path = tmp_path / "events.ndjson"
    path.write_text(ndjson(*events))
    (tmp_path / "events.new").write_text(ndjson(*events))
    changed = threading.Event()

    def after_the_first_batch(_reader: Any, _lines: int) -> None:
        if not changed.is_set():
            changed.set()
            change(path)

    options = IngestOptions(read=ReadOptions(chunk_bytes=4096), batch_size=100)
    service = IngestService(bench.transactions, bench.rules, options, NeverStop())
    report = service.run(find_inputs([str(path)]), after_the_first_batch)
    assert report.error is None
    assert changed.is_set()
    assert stored is None or report.totals.new == stored
    path.write_text(ndjson(*events))
    again = bench.ingest(path)
    assert report.totals.new + again.totals.new == max(3000, stored or 0)
    assert again.totals.rejected == 0
