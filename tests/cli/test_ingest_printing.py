"""What `mmsg ingest` prints, where, and that printing never decides how it ends."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.databases import only_sqlite
from support.events import make_event, ndjson, write_events
from support.ingesting import generated_file, run_here
from support.program import Program

GOOD = ndjson(make_event()).encode()
ENDINGS: dict[str, tuple[bytes, list[str], int]] = {
    "all stored": (GOOD, [], 0),
    "rejects": (GOOD + b"broken\n", [], 3),
    "too many rejects": (GOOD + b"broken\n", ["--strict"], 5),
    "no input": (b"", ["/nowhere", "/neither"], 6),
    "bad rules": (GOOD, ["--rules", "/nowhere.yaml"], 7),
    "wrong option": (GOOD, ["--format", "csv"], 2),
}


@only_sqlite
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_quiet_is_silent_on_success_and_one_line_otherwise(
    database_url: str, tmp_path: Path, ending: str, place: str
) -> None:
    """For cron: a mail only when there is something to read. Before the command's name or after it."""
    content, options, exit_code = ENDINGS[ending]
    path = tmp_path / "events.ndjson"
    path.write_bytes(content)
    args = [*options] if ending == "no input" else [str(path), *options]
    done = run_here(*(["-q", "ingest"] if place == "before" else ["ingest", "--quiet"]), *args, url=database_url)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert done.stderr.count("\n") == (1 if exit_code else 0)
    assert all(option in done.stderr for option in options if option.startswith("/"))


def test_quiet_says_one_line_of_rules_with_many_faults(database_url: str, tmp_path: Path) -> None:
    """Each fault with its place, all on the one line."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules:\n  - nme: a\n  - nam: b\n")
    path = write_events(tmp_path / "events.ndjson", make_event())
    loud, quiet = (run_here("ingest", path, "--rules", rules, *flag, url=database_url) for flag in ([], ["-q"]))
    assert (loud.exit_code, quiet.exit_code) == (7, 7)
    assert loud.stderr.count("\n") > 1
    assert quiet.stderr.count("\n") == 1
    assert quiet.stderr.count("rules.yaml:") == loud.stderr.count("rules.yaml:")


def test_quiet_still_prints_the_report_that_was_asked_for(database_url: str, tmp_path: Path) -> None:
    """Standard output is never quiet."""
    done = run_here("ingest", write_events(tmp_path / "e.json", make_event()), "-q", "--json", url=database_url)
    assert (done.json()["status"], done.stderr) == ("ok", "")


def test_the_summary_says_what_became_of_the_lines(database_url: str, tmp_path: Path) -> None:
    """Each input, what was decided, what to look at and how, and the line that matters last."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(GOOD + GOOD + b"\nbroken\n")
    done = run_here("ingest", path, url=database_url)
    assert done.exit_code == 3
    lines = done.stderr.splitlines()
    books = "4 lines: 1 new, 1 duplicate, 1 rejected, 1 blank"
    assert lines[0] == f"{path}: {books}"
    assert "messages requested: 1, suppressed: 0" in lines
    assert "rejected: bad_json 1; see `mmsg rejects --run 1`" in lines
    assert lines[-1] == f"run 1: partial, {books} (exit code 3)"


@contextmanager
def closed_pipe() -> Iterator[int]:
    """The writing end of a pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def full_device() -> Iterator[int]:
    """A device that takes nothing."""
    full = os.open("/dev/full", os.O_WRONLY)
    yield full
    os.close(full)


OUTLETS = {"closed pipe": closed_pipe, "full device": full_device}
COMMANDS: dict[str, tuple[list[str], int]] = {
    "ingest": (["ingest", "--json", "GOOD"], 0),
    "ingest with rejects": (["ingest", "--json", "BAD"], 3),
    "no input": (["ingest", "/nowhere"], 6),
    "usage": (["ingest", "--batch-size", "x"], 2),
    "version": (["--version"], 0),
    "help": (["ingest", "--help"], 0),
    "migrate": (["migrate"], 0),
    "sql": (["migrate", "--sql"], 0),
}


SPOILED = [
    *(("stdout", outlet, command) for command in ("ingest", "help") for outlet in OUTLETS),
    *(("stderr", outlet, command) for command in ("ingest with rejects", "usage") for outlet in OUTLETS),
    ("stdout", "full device", "version"),
    ("stdout", "closed pipe", "sql"),
    ("stderr", "full device", "no input"),
    ("stderr", "closed pipe", "migrate"),
]


@only_sqlite
@pytest.mark.parametrize(("stream", "outlet", "command"), SPOILED)
@pytest.mark.usefixtures("database_url")
def test_printing_does_not_decide_the_exit_code(
    mmsg: Program, tmp_path: Path, command: str, outlet: str, stream: str
) -> None:
    """Whatever standard output and standard error are connected to; nor is there a traceback in the other one."""
    args, exit_code = COMMANDS[command]
    files = {"GOOD": tmp_path / "good.ndjson", "BAD": tmp_path / "bad.ndjson"}
    files["GOOD"].write_bytes(GOOD)
    files["BAD"].write_bytes(GOOD + b"broken\n")
    with OUTLETS[outlet]() as descriptor:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: descriptor}
        line = mmsg.command(*(str(files.get(arg, arg)) for arg in args))
        done = subprocess.run(line, env=mmsg.environment(), check=False, timeout=60, **streams)  # type: ignore[call-overload]
    assert done.returncode == exit_code
    assert b"Traceback" not in (done.stdout or b"") + (done.stderr or b"")


@only_sqlite
@pytest.mark.parametrize("closed", ["2", "0,1,2"])
def test_streams_may_be_closed_from_the_start(mmsg: Program, database_url: str, tmp_path: Path, closed: str) -> None:
    """A program started without them stores all the same, and writes into no file that took their place."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    before = path.read_bytes()
    redirections = " ".join(f"{number}>&-" for number in closed.split(","))
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", *mmsg.command("ingest", path, path)]
    done = subprocess.run(command, env=mmsg.environment(), check=False, timeout=60, capture_output=True)
    assert done.returncode == 0
    assert run_here("ingest", path, "--json", url=database_url).json()["totals"]["duplicate"] == 1
    assert path.read_bytes() == before


@only_sqlite
@pytest.mark.usefixtures("database_url")
def test_progress_is_drawn_on_a_terminal_alone(mmsg: Program, tmp_path: Path) -> None:
    """A share of the bytes, on one line that is taken away at the end; nothing of it in a pipe."""
    path = generated_file(tmp_path / "events.ndjson", 2000)
    arguments = "ingest", "--batch-size", "100", str(path)
    terminal, command_side = pty.openpty()
    process = subprocess.Popen(
        mmsg.command(*arguments), env=mmsg.environment(), stdout=command_side, stderr=command_side
    )
    os.close(command_side)
    shown = b"".join(iter(lambda: read_or_end(terminal), b""))
    os.close(terminal)
    assert process.wait(30) == 0
    assert b"%" in shown
    assert b"lines/s" in shown
    assert shown.count(b"\r\n") == shown.count(b"\n")
    piped = mmsg(*arguments)
    assert (piped.exit_code, "%" in piped.stderr, "\r" in piped.stderr) == (0, False, False)


def read_or_end(descriptor: int) -> bytes:
    """What a terminal shows next; nothing once the program has gone."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
