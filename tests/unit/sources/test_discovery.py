import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from marketing_cli.errors import NoInput
from marketing_cli.sources.discovery import InputPath, find_inputs, require_inputs


@contextmanager
def inside(path: Path) -> Iterator[None]:
    """Work in a directory for a while."""
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def found(*paths: str) -> list[tuple[str, str]]:
    """Return path and problem of each input, in order."""
    return [(entry.path, entry.problem or "") for entry in find_inputs(paths)]


def test_a_directory_gives_its_event_files_by_name(tmp_path: Path) -> None:
    """All six endings, hidden files too, in name order; nothing else and nothing below."""
    taken = [".h.json", "B.json", "a.json", "a.json.gz", "a.jsonl", "b.jsonl.zst", "c.ndjson", "c.ndjson.gz"]
    for name in [*taken, "a.txt", "a.json.bz2", "json", "a.gz", "a.JSON", "a.json~"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "d.json").touch()

    assert found(str(tmp_path)) == [(f"{tmp_path}/{name}", "") for name in taken]
    assert found(f"{tmp_path}/")[0] == (f"{tmp_path}/.h.json", "")


def test_paths_keep_their_order_and_standard_input_comes_once(tmp_path: Path) -> None:
    """Inputs come in the order they were named; a file may be named twice, `-` counts once."""
    (tmp_path / "b.txt").touch()
    (tmp_path / "a.txt").touch()
    (tmp_path / "-").touch()
    with inside(tmp_path):
        names = ["b.txt", "-", "a.txt", "./-", "-", "b.txt"]
        inputs = find_inputs(names)

    assert [entry.path for entry in inputs] == ["b.txt", "-", "a.txt", "./-", "b.txt"]
    assert [entry.is_stdin for entry in inputs] == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing.json", "no such file or directory"),
        ("", "no such file or directory"),
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("/dev/null", "a device"),
        ("loop", "Too many levels of symbolic links"),
        ("dangling", "no such file or directory"),
        ("file/below", "Not a directory"),
        ("nul\0.json", "not valid"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, name: str, problem: str) -> None:
    """Nothing waits, nothing is raised: the input is listed with its problem."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "file").touch()
    with inside(tmp_path), socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        ((path, text),) = found(name)

    assert path == name
    assert problem in text


def test_links_to_files_and_directories_are_followed(tmp_path: Path) -> None:
    """A link counts as what it points to."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.json").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "b.json").symlink_to("real/a.json")

    assert found(str(tmp_path / "link")) == [(f"{tmp_path}/link/a.json", "")]
    assert found(str(tmp_path)) == [(f"{tmp_path}/b.json", "")]


def test_a_pipe_among_a_directory_s_files_is_listed(tmp_path: Path) -> None:
    """What is named like an event file but is none is not passed over in silence."""
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "b.json").touch()

    (_, problem), good = found(str(tmp_path))
    assert "a named pipe" in problem
    assert good == (f"{tmp_path}/b.json", "")


@pytest.mark.parametrize("name", ["closed.json", "closed"])
def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file or a directory that may not be read says so."""
    (tmp_path / "closed.json").touch()
    (tmp_path / "closed").mkdir()

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Not by its mode: whoever may read everything runs this test, too.
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    (entry,) = find_inputs([str(tmp_path / name)])

    assert "no permission" in (entry.problem or "")
    assert not entry.is_empty_directory


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was started without standard input says so."""
    monkeypatch.setattr(sys, "stdin", None)

    assert "closed" in found("-")[0][1]


def test_a_name_that_is_no_utf8_can_be_shown_and_opened(tmp_path: Path) -> None:
    """The path for people is text that can be stored; the name still opens the file."""
    name = os.fsencode(tmp_path) + b"/caf\xe9.json"
    os.close(os.open(name, os.O_CREAT))
    (entry,) = find_inputs([os.fsdecode(name)])

    assert entry.problem is None
    assert entry.path == f"{tmp_path}/caf\\xe9.json"
    assert os.fsencode(entry.name) == name
    assert find_inputs([str(tmp_path)]) == [entry]


GOOD = InputPath("a.json", "a.json")
MISSING = InputPath("b.json", "b.json", "there is no such file")
EMPTY = InputPath("drop", "drop", "the directory holds no event files", is_empty_directory=True)


@pytest.mark.parametrize(
    ("inputs", "empty_ok", "expected"),
    [
        ([GOOD], False, [GOOD]),
        ([MISSING, GOOD], False, [MISSING, GOOD]),
        ([EMPTY, GOOD], False, [GOOD]),
        ([EMPTY, EMPTY], True, []),
        ([EMPTY, MISSING, GOOD], True, [MISSING, GOOD]),
        ([EMPTY], False, None),
        ([MISSING], False, None),
        ([MISSING], True, None),
        ([EMPTY, MISSING], True, None),
        ([], False, None),
    ],
)
def test_one_input_is_needed(inputs: list[InputPath], empty_ok: bool, expected: list[InputPath] | None) -> None:
    """One that opens is enough; empty directories may be all there is with `empty_ok`, what is missing may not."""
    if expected is None:
        with pytest.raises(NoInput) as caught:
            require_inputs(inputs, empty_ok=empty_ok)
        assert all(f"{entry.path}: {entry.problem}" in str(caught.value) for entry in inputs)
    else:
        assert require_inputs(inputs, empty_ok=empty_ok) == expected


def test_a_long_list_of_problems_is_cut() -> None:
    """Of a thousand missing files five are named, and how many more there are."""
    with pytest.raises(NoInput, match="and 995 more"):
        require_inputs([MISSING] * 1000, empty_ok=False)


def test_an_empty_directory_is_an_input_of_its_own(tmp_path: Path) -> None:
    """A directory without event files says what it was searched for."""
    (tmp_path / "a.txt").touch()
    (entry,) = find_inputs([str(tmp_path)])

    assert entry.is_empty_directory
    assert "*.json" in (entry.problem or "")
