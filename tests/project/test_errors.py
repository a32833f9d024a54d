"""The errors, their exit codes, and what the README says of them."""

import ast
import re
from collections.abc import Iterator

from marketing_cli import errors
from marketing_cli.errors import ExitCode, MmsgError
from support.program import ROOT
from support.source import modules, tree

OUTCOMES = {0: "ok", 3: "partial", 8: "differs", 129: "interrupted", 130: "interrupted", 143: "interrupted"}
"""Exit codes that no error class has, with their names."""


def subclasses(cls: type[MmsgError]) -> Iterator[type[MmsgError]]:
    """A class and everything derived from it, in the order in which it was written."""
    yield cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from subclasses(child)


ERRORS = list(subclasses(MmsgError))
ENDINGS = [error for error in ERRORS if "exit_code" in vars(error)]
"""The errors that have an exit code of their own; the others end a command as their parent does, if they ever do."""


def drawn(cls: type[MmsgError], before: str = "") -> str:
    """The tree of a class, as the docstring of the module draws it."""
    lines = [f"{cls.__name__} ({int(cls.exit_code)} {cls.code})"]
    children = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    for child in children:
        is_last = child is children[-1]
        lines.append(f"{before}{'└── ' if is_last else '├── '}{drawn(child, before + ('    ' if is_last else '│   '))}")
    return "\n".join(lines)


def test_no_two_errors_share_a_code_or_an_exit_code() -> None:
    """A script can tell every failure from every other."""
    assert [len({error.code for error in ERRORS}), len({error.exit_code for error in ENDINGS})] == [
        len(ERRORS),
        len(ENDINGS),
    ]


def test_every_exit_code_is_that_of_an_error_or_of_an_outcome() -> None:
    """No exit code is without a meaning, and none has two."""
    assert sorted([*(int(error.exit_code) for error in ENDINGS), *OUTCOMES]) == sorted(ExitCode)


def test_the_tree_in_the_docstring_is_true() -> None:
    """Whoever reads the module sees the classes as they are."""
    assert drawn(MmsgError) in (errors.__doc__ or "")


def test_errors_are_defined_in_one_place() -> None:
    """An exception that ends a command stands in the tree; others are not derived from it."""
    known = {error.__name__ for error in ERRORS}
    found = {
        f"{path.name}: {node.name}"
        for path in modules()
        if path.name != "errors.py"
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & known
    }
    assert found == set()


def table_rows(text: str) -> list[tuple[set[int], str]]:
    """The rows of a Markdown text's tables that begin with whole numbers: the numbers, and the second cell."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if line.strip().startswith("|") and len(cells) > 1 and re.fullmatch(r"\d+(\D{1,5}\d+)*", cells[0]):
            rows.append(({int(number) for number in re.findall(r"\d+", cells[0])}, cells[1]))
    return rows


def test_the_readme_lists_every_exit_code_once_by_its_name() -> None:
    """The table that people write their scripts by is complete and true."""
    expected = OUTCOMES | {int(error.exit_code): error.code for error in ENDINGS}
    rows = table_rows((ROOT / "README.md").read_text(encoding="utf-8"))
    listed = [(number, name) for numbers, name in rows for number in numbers]
    assert sorted(listed) == sorted(expected.items())
