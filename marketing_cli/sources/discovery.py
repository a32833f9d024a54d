"""Finds the inputs that paths on a command line mean."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketing_cli.errors import NoInput
from marketing_cli.sources.opening import CannotRead, open_regular, open_stdin, problem_of

STDIN = "-"
_SHOWN_PROBLEMS = 5
_SUFFIXES = tuple(suffix + packed for suffix in (".json", ".ndjson", ".jsonl") for packed in ("", ".gz", ".zst"))


@dataclass(frozen=True, slots=True)
class InputPath:
    """One input. `path` is for people and can be stored; `name` opens it; `problem` says why it cannot be opened.

    The two differ only where a name is not UTF-8. A directory that holds no event files is an input too, with
    `is_empty_directory`, so that nobody has to guess what became of it.
    """

    path: str
    name: str
    problem: str | None = None
    is_empty_directory: bool = False

    @property
    def is_stdin(self) -> bool:
        """True for standard input, which `./-` is not."""
        return self.name == STDIN


def find_inputs(paths: Sequence[str]) -> list[InputPath]:
    """Return the inputs that files, directories and `-` (once) name, in order; a directory's files by name.

    Never raises for a path: each file was opened and closed again, and what failed is in `problem`.
    """
    inputs: list[InputPath] = []
    for path in paths:
        if path == STDIN:
            if not any(known.is_stdin for known in inputs):
                inputs.append(_input(STDIN))
        elif os.path.isdir(path):  # noqa: PTH112 -- names stay as they were typed
            inputs.extend(_directory_inputs(path))
        else:
            inputs.append(_input(path))
    return inputs


def require_inputs(inputs: Sequence[InputPath], *, empty_ok: bool) -> list[InputPath]:
    """Return the inputs to read and to report, which empty directories are not.

    Raises NoInput when none can be opened; with `empty_ok` not when all that was named are empty directories.
    """
    named = [entry for entry in inputs if not entry.is_empty_directory]
    if any(entry.problem is None for entry in named) or (empty_ok and not named):
        return named
    problems = [f"{entry.path}: {entry.problem}" for entry in inputs]
    more = len(problems) - _SHOWN_PROBLEMS
    listed = "\n  ".join(problems[:_SHOWN_PROBLEMS])
    raise NoInput(f"no input could be opened: {listed}" + (f"\n  and {more} more" if more > 0 else ""))


def _directory_inputs(path: str) -> Iterator[InputPath]:
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith(_SUFFIXES))  # noqa: PTH208
    except OSError as error:
        yield InputPath(_shown(path), path, problem_of(error))
        return
    files = [name for name in (os.path.join(path, name) for name in names) if not os.path.isdir(name)]  # noqa: PTH112, PTH118
    yield from map(_input, files)
    if not files:
        kinds = "*.json, *.ndjson, *.jsonl, each also with .gz or .zst"
        problem = f"the directory holds no event files ({kinds}), which --empty-ok allows"
        yield InputPath(_shown(path), path, problem, is_empty_directory=True)


def _input(name: str) -> InputPath:
    try:
        (open_stdin() if name == STDIN else open_regular(name)).close()
    except CannotRead as error:
        return InputPath(_shown(name), name, str(error))
    return InputPath(_shown(name), name)


def _shown(name: str) -> str:
    r"""Return a name as text that any database takes: bytes that are not UTF-8 are written as \xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
