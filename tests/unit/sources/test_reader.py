import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.lines import InputState
from marketing_cli.sources.discovery import InputPath, find_inputs
from marketing_cli.sources.opening import ByteFile
from marketing_cli.sources.reader import InputReader, ReadOptions
from marketing_cli.sources.sniffing import InputFormat
from unit.sources.reading import read_file, read_stdin

STDIN = InputPath("-", "-")


def test_what_is_known_before_and_after_reading(tmp_path: Path) -> None:
    """The state goes from not read to stopped to done; size and position count the file's bytes."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"a":1}\n' * 20_000)
    with InputReader(InputPath("shown", str(path)), ReadOptions(chunk_bytes=1000)) as reader:
        assert (reader.path, reader.format, reader.compression) == ("shown", "ndjson", "none")
        assert (reader.state, reader.size) == (InputState.NOT_READ, 160_000)
        lines = reader.lines()
        next(lines)
        assert reader.state == "stopped"
        assert 0 < reader.position < 2000
        assert sum(1 for _ in lines) == 19_999
        assert (reader.state, reader.message, reader.position) == (InputState.DONE, None, 160_000)
        assert list(reader.lines()) == []
        assert reader.state is InputState.DONE


@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_empty_file_is_an_input(tmp_path: Path, data: bytes) -> None:
    """A file without events is read like another one; its blank lines are handed out."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(data)
    result = read_file(path)

    assert (result.raws, result.state, result.reader.format) == ([b""] * len(data), InputState.DONE, "ndjson")


@pytest.mark.parametrize("name", ["missing", "pipe", ""])
def test_an_input_that_cannot_be_opened_has_no_lines(tmp_path: Path, name: str) -> None:
    """Whether it was known before or happens at opening: the state is unreadable, with a message."""
    os.mkfifo(tmp_path / "pipe")
    path = str(tmp_path / name)
    for source in (InputPath(path, path), InputPath(path, path, "there is something wrong with it")):
        with InputReader(source) as reader:
            assert list(reader.lines()) == []
            assert reader.state is InputState.UNREADABLE
            assert (source.problem or "") in (reader.message or "")
            assert (reader.size, reader.position) == (None, 0)


@pytest.mark.parametrize("good_reads", [0, 1, 3])
def test_a_read_that_fails_keeps_what_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good_reads: int
) -> None:
    """When the disk fails midway, whole lines handed out stay, half a line is not handed out."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"a":"123456789"}\n' * 600)
    read, calls = ByteFile.read, []

    def failing(file: ByteFile, size: int) -> bytes:
        calls.append(size)
        if len(calls) > good_reads:
            raise OSError(errno.EIO, "Input/output error")
        return read(file, size)

    monkeypatch.setattr(ByteFile, "read", failing)
    result = read_file(path, chunk=1000)

    assert result.raws == [b'{"a":"123456789"}'] * (1000 * good_reads // 18)
    assert result.state is InputState.UNREADABLE
    assert f"Input/output error), after byte {1000 * good_reads}" in result.message


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, OSError])
def test_the_reader_s_user_may_fail(tmp_path: Path, stop: type[BaseException]) -> None:
    """What goes wrong with the lines elsewhere is not taken for a fault of the input."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"{}\n{}\n")
    reader = InputReader(InputPath(str(path), str(path)))

    def use() -> None:
        with reader:
            for _ in reader.lines():
                raise stop

    with pytest.raises(stop):
        use()
    assert (reader.state, reader.message) == (InputState.STOPPED, None)


def test_standard_input_streams() -> None:
    """Lines of a pipe come out while its writer is still at work."""
    receive, send = os.pipe()
    with os.fdopen(receive, "rb") as stdin, os.fdopen(send, "wb", buffering=0) as writer:
        writer.write(b'{"a":1}\n' * 100)
        with InputReader(STDIN, stdin=stdin) as reader:
            lines = reader.lines()
            assert [next(lines).number for _ in range(100)][-1] == 100
            writer.write(b'{"a":2}\n')
            assert next(lines).raw == b'{"a":2}'
            assert (reader.size, reader.position) == (None, 808)
            writer.close()
            assert list(lines) == []
            assert reader.state is InputState.DONE
        assert not stdin.closed


def test_a_non_blocking_pipe_is_waited_for() -> None:
    """Nothing to read yet is not the end, even where another program made the pipe non-blocking."""
    receive, send = os.pipe()
    os.set_blocking(receive, False)

    def write() -> None:
        os.write(send, b"{}\n")
        os.close(send)

    writer = threading.Timer(0.05, write)
    with os.fdopen(receive, "rb") as stdin:
        writer.start()
        with InputReader(STDIN, stdin=stdin) as reader:
            raws = [line.raw for line in reader.lines()]
        writer.join()

    assert (raws, reader.state) == ([b"{}"], InputState.DONE)


def test_real_standard_input() -> None:
    """Without a stream in its place, the process's own standard input is read."""
    script = (
        "from marketing_cli.sources.discovery import find_inputs\n"
        "from marketing_cli.sources.reader import InputReader\n"
        "with InputReader(*find_inputs(['-'])) as reader:\n"
        "    print([line.raw for line in reader.lines()], reader.path, reader.state)\n"
    )
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", script], input=b"1\n2", capture_output=True, cwd=root, check=True)

    assert run.stdout == b"[b'1', b'2'] - done\n"


def test_the_sizes_of_a_stream_are_unknown() -> None:
    """Standard input has a position, but no size."""
    result = read_stdin(b'[{"a":1}]')

    assert (result.reader.format, result.reader.size, result.reader.position) == ("array", None, 9)


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_file_may_change_between_finding_and_reading(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """A file that is gone or empty by the time it is read is unreadable or empty, never an error."""
    path = tmp_path / "a.json"
    path.write_bytes(b"{}\n")
    (source,) = find_inputs([str(tmp_path)])
    change(path)
    with InputReader(source) as reader:
        assert list(reader.lines()) == []
    assert reader.state in (InputState.UNREADABLE, InputState.DONE)
    assert bool(reader.message) is not path.exists()


signatures = st.sampled_from(
    [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\xff\xfe", b"[", b"{\n"]
)


@given(signature=signatures, data=st.binary(max_size=60), wanted=st.sampled_from(InputFormat))
def test_no_bytes_are_an_error(signature: bytes, data: bytes, wanted: InputFormat) -> None:
    """Whatever the bytes and the format asked for: lines and a state come out, and no exception."""
    with InputReader(STDIN, ReadOptions(wanted, 20), io.BytesIO(signature + data)) as reader:
        lines = list(reader.lines())

    assert reader.state not in (InputState.NOT_READ, InputState.STOPPED)
    assert (reader.message is None) is (reader.state is InputState.DONE)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert not lines or reader.state in (InputState.DONE, InputState.TRUNCATED)


def test_a_closed_stream_is_unreadable() -> None:
    """A standard input that was closed before says so."""
    stdin = io.BytesIO(b"{}\n")
    stdin.close()
    with InputReader(STDIN, stdin=stdin) as reader:
        assert list(reader.lines()) == []
    assert reader.state is InputState.UNREADABLE


@pytest.mark.parametrize("text", [b"[1,,,2]", b"[1,,", b"["])
def test_refusals_without_bytes_are_told_apart(tmp_path: Path, text: bytes) -> None:
    """What is missing from an array is kept for each place and each file, and the same again when read again."""
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    for path in paths:
        path.write_bytes(text)
    first, second, again = ([line for line in read_file(path).lines if line.refusal] for path in (*paths, paths[0]))

    digests = [line.sha256 for line in (*first, *second)]
    assert None not in digests
    assert len(set(digests)) == len(digests) == 2 * len(first) > 0
    assert [line.sha256 for line in again] == digests[: len(first)]
