"""`docs/SPEC.md` is true: what it names exists, and no row is without a proof or a reason."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from marketing_cli.models import Event, EventProperties, UserTraits
from support.events import MISSING, make_event
from support.processing import open_store
from support.program import ROOT
from support.source import modules, names, tree

DEVIATION = "**Deviation.**"
NAMED_BY_THE_SPECIFICATION = {"add", "get_by_id"}


@dataclass(frozen=True)
class Row:
    """A row of the page's tables: a sentence, what fulfils it, and the tests."""

    sentence: str
    answer: str
    tests: tuple[str, ...]

    @property
    def symbols(self) -> list[str]:
        """The symbols that the answer names."""
        return re.findall(r"`(marketing_cli[\w.]*|[\w./]+::\w+)`", self.answer)

    @property
    def is_deviation(self) -> bool:
        """Whether it says that things are otherwise here."""
        return self.answer.startswith(DEVIATION)


def rows() -> Iterator[Row]:
    """Every row below a table's head."""
    for line in (ROOT / "docs" / "SPEC.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| the specification says"):
            sentence, answer, tests = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(sentence, answer, tuple(re.findall(r"`(.+?)`", tests)))


ROWS = list(rows())
REFERENCES = sorted({name for row in ROWS for name in (*row.symbols, *row.tests)})


def defined(path: str, name: str) -> bool:
    """Whether a Python file defines a function or class of this name."""
    file = ROOT / path
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return file.is_file() and any(isinstance(n, kinds) and n.name == name for n in ast.walk(tree(file)))


def exists(reference: str) -> bool:
    """Whether a dotted path leads to a symbol that can be imported, or `path::name` to a definition in that file."""
    if "::" in reference:
        return defined(*reference.split("::"))
    parts = reference.split(".")
    depth = len(parts)
    while depth > 1 and not is_module(".".join(parts[:depth])):
        depth -= 1
    found = import_module(".".join(parts[:depth]))
    for part in parts[depth:]:
        fields = getattr(found, "model_fields", {})
        if part not in fields and not hasattr(found, part):
            return False
        found = fields.get(part) or getattr(found, part)
    return True


def is_module(name: str) -> bool:
    """Whether a module of this name can be imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_a_row_names_exists(reference: str) -> None:
    """A symbol that was renamed, or a test that is gone, is noticed here."""
    assert exists(reference)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence[:60])
def test_a_row_has_a_symbol_and_a_test_or_a_reason(row: Row) -> None:
    """Fulfilled and proven, or different for a reason that is given."""
    if row.is_deviation:
        assert len(row.answer.removeprefix(DEVIATION).split()) > 3
    else:
        assert row.symbols
        assert row.tests
        assert all(test.startswith("tests/") for test in row.tests)


def test_no_sentence_is_answered_twice() -> None:
    """Each has one row."""
    sentences = [row.sentence for row in ROWS]
    assert sorted(set(sentences)) == sorted(sentences)
    assert len(sentences) > 60


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("marketing_cli.models.Event", True),
        ("marketing_cli.models.Event.created_at", True),
        ("marketing_cli.schemas.event.EventIn.user_id", True),
        ("marketing_cli.models.Evint", False),
        ("marketing_cli.models.Event.create", False),
        ("marketing_cli.modals.Event", False),
        ("tests/project/test_spec.py::test_what_a_row_names_exists", True),
        ("tests/project/test_spec.py::test_nothing", False),
        ("tests/project/test_spick.py::test_what_a_row_names_exists", False),
    ],
)
def test_a_wrong_name_is_found(reference: str, expected: bool) -> None:
    """A typing error in a module, a class, an attribute, a file or a function."""
    assert exists(reference) is expected


def test_repositories_have_no_method_that_no_service_needs() -> None:
    """They grow when a service asks for it; only what the specification names may be there without a caller."""
    methods = {
        method.name
        for path in modules("repositories")
        for cls in tree(path).body
        if isinstance(cls, ast.ClassDef) and cls.name.endswith("Repository") and not cls.name.startswith("I")
        for method in cls.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
    }
    used = {name for path in modules("services") for name in names(tree(path))}
    assert methods >= NAMED_BY_THE_SPECIFICATION
    assert methods - used - NAMED_BY_THE_SPECIFICATION == set()


@pytest.mark.parametrize("table", [EventProperties, UserTraits])
def test_an_event_has_at_most_one_row_of_properties_and_of_traits(
    database_url: str, table: type[EventProperties | UserTraits]
) -> None:
    """In tables of their own: none for an event that came without, one for one with, and never a second."""
    without = make_event(event_id="without", properties=MISSING, user_traits=MISSING)
    with open_store(database_url) as store:
        store.run().batch(make_event(event_id="with", properties={"amount": 1}), without)
        with store.transactions() as session:
            found = {
                event.event_key: (event.event_properties, event.user_traits) for event in session.scalars(select(Event))
            }
            assert [child is None for child in (*found["with"], *found["without"])] == [False, False, True, True]
        (row,) = store.rows(table)
        again = insert(table).values(event_id=row.event_id, user_id=row.user_id)
        with pytest.raises(IntegrityError), store.transactions() as session:
            session.execute(again)
