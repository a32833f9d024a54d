"""Printing never fails a command, and goes where it belongs."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.rendering import Streams, flush_standard_streams

# A command that prints a list of 3,000 rows, a note and an error, and ends with a code of its own.
PROGRAM = """
import sys
from marketing_cli.rendering import *
streams = Streams.create()
rows = [{"id": number, "name": "Zo\\xeb " + "x" * 100} for number in range(3000)]
render_listing(Listing([Column("id", "Id"), Column("name", "Name")], rows, more=True), Output.%s, streams)
render_json({"after": 1}, streams)
streams.out_bytes(b"raw\\xff")
streams.err("an error")
flush_standard_streams()
sys.exit(3)
"""


def test_color_needs_a_terminal(printed: Any) -> None:
    """Without a terminal there is no colour, with one it can be refused."""
    assert [printed().streams.stdout.color, printed(terminal=True).streams.stdout.color] == [False, True]
    assert printed(terminal=True, no_color=True).streams.stderr.color is False
    assert printed(terminal=True, no_color=True).streams.is_err_terminal is True


def test_each_stream_is_judged_alone() -> None:
    """Standard output in a pipe and standard error on a terminal are two different things."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    streams = Streams(io.StringIO(), terminal)
    assert (streams.is_out_terminal, streams.is_err_terminal) == (False, True)
    assert (streams.stdout.color, streams.stderr.color) == (False, True)


def test_errors_are_made_safe_and_notes_can_be_silenced(printed: Any) -> None:
    """A file name cannot act on the terminal; quiet leaves errors only."""
    loud, quiet = printed(), printed(quiet=True)
    for prints in (loud, quiet):
        prints.streams.note("a note")
        prints.streams.err("cannot open a\x1b[2Jb\udcff\nsecond line")
    assert quiet.err == "cannot open a\\u001b[2Jb\\udcff\nsecond line\n"
    assert loud.err == "a note\n" + quiet.err
    assert loud.out == quiet.out == ""


@pytest.mark.parametrize("output", ["TABLE", "JSON", "NDJSON", "CSV"])
@pytest.mark.parametrize(
    ("redirection", "stderr"),
    [
        (">/dev/full", b"Standard output could not be written to the end: No space left on device.\n"),
        (">&-", b""),
    ],
)
def test_output_that_cannot_be_written(
    output: str, redirection: str, stderr: bytes, run_program: Any, tmp_path: Path
) -> None:
    """The exit code stays, no traceback appears, the other stream still works, and a full device is worth a word."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM % output)
    code = f"import os; os.execv('/bin/sh', ['sh', '-c', {f'exec {sys.executable} {script} {redirection}'!r}])"
    done = run_program(code)
    note = b"There are more than the 3000 shown here: --limit 0 gives all of them.\n"
    assert (done.returncode, done.stderr) == (3, stderr + note + b"an error\n")


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_errors_that_cannot_be_written(redirection: str, run_program: Any, tmp_path: Path) -> None:
    """Nobody to tell is no reason to fail."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM % "TABLE")
    code = f"import os; os.execv('/bin/sh', ['sh', '-c', {f'exec {sys.executable} {script} {redirection}'!r}])"
    assert run_program(code).returncode == 3


@pytest.mark.parametrize("read", [0, 10, 100_000])
def test_a_reader_that_goes_away(read: int, environment: dict[str, str]) -> None:
    """`| head` ends the printing without a word, whenever it leaves."""
    command = [sys.executable, "-c", PROGRAM % "TABLE"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.read(read)) == read
        process.stdout.close()
        stderr = process.stderr.read()
        code = process.wait(timeout=60)
    assert code == 3
    assert stderr == b"There are more than the 3000 shown here: --limit 0 gives all of them.\nan error\n"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "Zoë 🙂".encode()), ("ascii", b"Zo\\xeb \\U0001f642"), ("latin-1", b"Zo\xeb \\U0001f642")],
)
def test_what_the_encoding_lacks_is_escaped(encoding: str, expected: bytes, run_program: Any) -> None:
    """A character that cannot be written is written as its code, never an error."""
    code = "from marketing_cli.rendering import Streams; Streams.create().out('Zo\\xeb \\U0001f642', end='')"
    done = run_program(code, env={"PYTHONIOENCODING": f"{encoding}:strict"})
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")


def test_bytes_pass_unchanged(run_program: Any) -> None:
    """Raw output keeps its place among the text around it."""
    code = "s = Streams.create(); s.out('a'); s.out_bytes(bytes(range(256))); s.out('b')"
    assert (
        run_program(f"from marketing_cli.rendering import Streams; {code}").stdout
        == b"a\n" + bytes(range(256)) + b"b\n"
    )


def test_a_broken_value_is_not_mistaken_for_a_broken_stream(printed: Any) -> None:
    """Errors of the code that makes the text are not swallowed."""
    prints = printed()
    with pytest.raises(ValueError, match="broken"):
        prints.streams.out_all(chunk for chunk in [str(1), *_broken()])


def _broken() -> list[str]:
    raise ValueError("broken")


def test_closed_streams_are_no_error() -> None:
    """A stream that was closed, or never there, takes everything in silence."""
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        streams = Streams(stream, stream)
        streams.out("x")
        streams.out_bytes(b"x")
        streams.err("x")
        assert streams.is_out_terminal is False
        assert streams.stdout.columns == 80
    flush_standard_streams()
