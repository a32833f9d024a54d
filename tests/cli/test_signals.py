"""SIGINT, SIGTERM and SIGHUP at a running `mmsg ingest`, and the signal that nobody can answer."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.rendering import render_report
from support.databases import only_sqlite
from support.events import make_event, ndjson
from support.ingesting import (
    assert_balanced,
    decisions,
    everybody_locked,
    generated_file,
    has_open,
    ingest,
    query,
    stored_lines,
    wait_until,
)
from support.program import Program

pytestmark = pytest.mark.faults  # slow

LINES = 2000
HEARD = b"Stopping after the batch in hand"


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is killed if the test fails."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def report_of(process: subprocess.Popen[bytes]) -> tuple[Any, str]:
    """What an ended process printed: its report, and standard error."""
    stdout, stderr = process.communicate(timeout=30)
    report = json.loads(stdout)
    assert_balanced(report)
    return report, stderr.decode()


def piped(mmsg: Program, command: list[str]) -> subprocess.Popen[bytes]:
    """Starts a command that leads to the program."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=mmsg.environment(), stdin=pipe, stdout=pipe, stderr=pipe)


def feed(process: subprocess.Popen[bytes], *numbers: int) -> None:
    """Hands the process lines on its standard input, which stays open; long ones, since it looks at the start first."""
    assert process.stdin is not None
    text = ndjson(*(make_event(event_id=f"evt_{number}", user_id=f"u_{number}", pad="x" * 999) for number in numbers))
    process.stdin.write(text.encode())
    process.stdin.flush()


def read_until(process: subprocess.Popen[bytes], words: bytes) -> None:
    """Waits until standard error says this."""
    assert process.stderr is not None
    while words not in process.stderr.readline():
        assert process.poll() is None


EACH = [
    ("sqlite", signal.SIGINT),
    ("sqlite", signal.SIGHUP),
    ("sqlite", signal.SIGTERM),
    ("postgresql", signal.SIGTERM),
]


@pytest.mark.parametrize(("database_kind", "number"), EACH, indirect=["database_kind"])
def test_a_signal_ends_a_run_after_the_batch_in_hand(
    mmsg: Program, database_url: str, make_database: Callable[[], str], tmp_path: Path, number: signal.Signals
) -> None:
    """Whole batches are stored, the report and the ledger say so, and a second run completes the first."""
    path = generated_file(tmp_path / "events.ndjson", LINES)
    with running(mmsg.start("ingest", "--json", "--batch-size", "20", path)) as process:
        wait_until(lambda: stored_lines(database_url))
        process.send_signal(number)
        report, stderr = report_of(process)
    assert process.returncode == report["exit_code"] == 128 + number
    assert report["status"] == "interrupted"
    assert report["inputs"][0]["state"] == "stopped"
    lines = report["totals"]["lines"]
    assert 0 < lines < LINES
    assert lines % 20 == 0
    assert f"run 1: interrupted, {lines:,} lines" in stderr
    assert query(database_url, "SELECT status, exit_code, lines FROM runs") == [("interrupted", 128 + number, lines)]
    assert query(database_url, "SELECT count(*) FROM events") == [(lines,)]
    assert ingest(database_url, path)["totals"]["new"] == LINES - lines
    undisturbed = make_database()
    ingest(undisturbed, path)
    assert decisions(database_url) == decisions(undisturbed)


@pytest.mark.parametrize("compressed", [False, True])
@only_sqlite
def test_a_signal_ends_the_wait_for_standard_input(mmsg: Program, database_url: str, compressed: bool) -> None:
    """Nothing has come yet, or the beginning of an archive that is gathered first: there is no batch to wait for."""
    with running(mmsg.start("ingest", "--json", "-")) as process:
        wait_until(lambda: query(database_url, "SELECT count(*) FROM runs") == [(1,)])
        if compressed and process.stdin:
            process.stdin.write(b"\x1f\x8b\x08\x00")
            process.stdin.flush()
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        report, _stderr = report_of(process)
    assert (process.returncode, report["status"], report["totals"]["lines"]) == (143, "interrupted", 0)
    assert query(database_url, "SELECT status, exit_code FROM runs") == [("interrupted", 143)]


def test_what_was_stored_before_the_wait_is_reported(mmsg: Program, database_url: str) -> None:
    """Lines of a batch that never became full are not stored, and not in the books."""
    with running(mmsg.start("ingest", "--json", "--batch-size", "2", "-")) as process:
        feed(process, 1, 2, 3)
        wait_until(lambda: stored_lines(database_url) == 2)
        process.send_signal(signal.SIGINT)
        report, _stderr = report_of(process)
    assert (process.returncode, report["totals"]["lines"], report["inputs"][0]["state"]) == (130, 2, "stopped")
    assert query(database_url, "SELECT count(*) FROM events") == [(2,)]


def test_the_batch_in_hand_is_finished_even_if_it_has_to_wait(mmsg: Program, database_url: str) -> None:
    """The first signal does not cut a transaction that waits for another run."""
    with running(mmsg.start("ingest", "--json", "--batch-size", "1", "-")) as process:
        feed(process, 1)
        wait_until(lambda: stored_lines(database_url) == 1)
        with everybody_locked(database_url):
            feed(process, 2, 3)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            read_until(process, HEARD)
            assert process.poll() is None
        report, _stderr = report_of(process)
    assert (process.returncode, report["status"], report["totals"]["lines"]) == (143, "interrupted", 2)
    assert query(database_url, "SELECT status, lines FROM runs") == [("interrupted", 2)]


@only_sqlite
def test_a_lock_that_is_kept_is_not_waited_for_after_a_signal(mmsg: Program, database_url: str) -> None:
    """Before its transaction has begun nothing of a batch is at stake: the run ends soon, and was interrupted."""
    with running(mmsg.start("ingest", "--json", "--busy-timeout", "20", "--batch-size", "1", "-")) as process:
        feed(process, 1)
        wait_until(lambda: stored_lines(database_url) == 1)
        with everybody_locked(database_url):
            feed(process, 2)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            report, _stderr = report_of(process)
            assert time.monotonic() - started < 6
    assert (process.returncode, report["exit_code"], report["status"]) == (143, 143, "interrupted")
    assert (report["totals"]["lines"], report["inputs"][0]["state"]) == (1, "stopped")
    assert query(database_url, "SELECT count(*) FROM events") == [(1,)]


@only_sqlite
def test_a_signal_while_the_report_is_printed_does_not_cost_it(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came too late to stop anything: the report, and its exit code, are the run's."""

    def render_disturbed(*args: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        render_report(*args)

    monkeypatch.setattr("marketing_cli.rendering.ingest_summary.render_report", render_disturbed)
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("nobody listened"))
    try:
        report = ingest(database_url, generated_file(tmp_path / "events.ndjson", 3))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert report["totals"]["new"] == 3


@pytest.mark.parametrize("quiet", [False, True])
def test_a_second_signal_leaves_at_once(mmsg: Program, database_url: str, quiet: bool) -> None:
    """Also while the batch in hand waits for another run; nothing is printed any more, and the batch is not stored."""
    with running(mmsg.start("ingest", "--json", "--batch-size", "1", "-", *["-q"] * quiet)) as process:
        feed(process, 1)
        wait_until(lambda: stored_lines(database_url) == 1)
        with everybody_locked(database_url):
            feed(process, 2)
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            if quiet:
                time.sleep(0.2)
            else:
                read_until(process, HEARD)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=30)
            assert time.monotonic() - started < 2
    assert (stdout, stderr) == (b"", b"")
    assert process.returncode in {130, 143}  # of two that arrive together, either may be the second
    assert query(database_url, "SELECT status, lines FROM runs") == [("running", 1)]
    assert query(database_url, "SELECT count(*) FROM events") == [(1,)]


@only_sqlite
def test_a_signal_that_is_ignored_stays_ignored(mmsg: Program, database_url: str) -> None:
    """Started by `nohup`, the program outlives the terminal."""
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *mmsg.command("ingest", "--json", "--batch-size", "1", "-")]
    with running(piped(mmsg, command)) as process:
        feed(process, 1)
        wait_until(lambda: stored_lines(database_url) == 1)
        process.send_signal(signal.SIGHUP)
        feed(process, 2)
        report, _stderr = report_of(process)
    assert (process.returncode, report["status"], report["totals"]["lines"]) == (0, "ok", 2)


@only_sqlite
def test_a_signal_before_the_run_has_begun_ends_the_program(mmsg: Program, database_url: str) -> None:
    """While it waits for the database at the start: no run, no report, the exit code of the signal."""
    with everybody_locked(database_url), running(mmsg.start("ingest", "--json", "-")) as process:
        wait_until(lambda: has_open(process, Path(database_url.removeprefix("sqlite:///"))))
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (143, b"")
    assert b"nothing was stored" in stderr
    assert query(database_url, "SELECT count(*) FROM runs") == [(0,)]


@pytest.mark.parametrize("stderr", ["closed", "gone"])
@only_sqlite
def test_a_signal_is_obeyed_where_nothing_can_be_said(mmsg: Program, database_url: str, stderr: str) -> None:
    """Without standard error, or with a pipe that nobody reads: the run still ends as it should."""
    redirection = "2>&-" if stderr == "closed" else ""
    command = [
        "sh",
        "-c",
        f'exec "$@" {redirection}',
        "sh",
        *mmsg.command("ingest", "--json", "--batch-size", "1", "-"),
    ]
    with running(piped(mmsg, command)) as process:
        assert process.stderr is not None
        process.stderr.close()
        feed(process, 1)
        wait_until(lambda: stored_lines(database_url) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        report = json.loads(process.stdout.read())
    assert (process.wait(30), report["status"], report["totals"]["lines"]) == (143, "interrupted", 1)


def test_a_killed_run_stays_running_in_the_ledger(mmsg: Program, database_url: str, tmp_path: Path) -> None:
    """Nothing can be said any more: what was stored stays, with how far it came, and the next run completes it."""
    path = generated_file(tmp_path / "events.ndjson", 1000)
    with running(mmsg.start("ingest", "--json", "--batch-size", "20", path)) as process:
        wait_until(lambda: stored_lines(database_url))
        process.kill()
        assert process.wait() == -signal.SIGKILL
    ((status, exit_code, finished_at, lines),) = query(
        database_url, "SELECT status, exit_code, finished_at, lines FROM runs"
    )
    assert (status, exit_code, finished_at) == ("running", None, None)
    assert 0 < lines < 1000
    assert query(database_url, "SELECT count(*) FROM events") == [(lines,)]
    assert query(database_url, "SELECT state, lines, new FROM run_inputs") == [("stopped", lines, lines)]
    totals = ingest(database_url, path)["totals"]
    assert (totals["lines"], totals["new"], totals["duplicate"]) == (1000, 1000 - lines, lines)
