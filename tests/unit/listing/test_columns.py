"""Columns and row shapes belong together: no column without its key, no key without its column in CSV."""

import typing
from collections.abc import Sequence

import pytest

from marketing_cli.rendering import Column
from marketing_cli.rendering import list_columns as columns
from marketing_cli.schemas import listing as shapes

PAIRS = [
    (columns.SENDS, shapes.SendRow),
    (columns.SUPPRESSIONS, shapes.SuppressionRow),
    (columns.SEND_COUNTS, shapes.SendCount),
    (columns.SUPPRESSION_COUNTS, shapes.SuppressionCount),
    (columns.REJECTS, shapes.RejectRow),
    (columns.RUNS, shapes.RunRow),
    (columns.RULES_VERSIONS, shapes.RulesVersionRow),
]


@pytest.mark.parametrize(("listed", "shape"), PAIRS)
def test_csv_has_every_key_of_the_row_once(listed: Sequence[Column], shape: type) -> None:
    """What JSON has, CSV has too."""
    names = [column.name for column in listed if column.in_csv]
    assert sorted(names) == sorted(typing.get_type_hints(shape))


@pytest.mark.parametrize(("listed", "shape"), PAIRS)
def test_a_column_for_people_has_a_heading_of_its_own(listed: Sequence[Column], shape: type) -> None:
    """Nobody must guess which of two columns is which."""
    assert shape
    headings = [column.heading for column in listed if column.in_table]
    assert all(headings)
    assert len(set(headings)) == len(headings)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"amount": 12.5, "attempt_number": 0, "email": "a@b.c"}, "amount=12.5 attempt_number=0 email=a@b.c"),
        ({"failure_reason": "[red]\x1b", "country": ""}, 'failure_reason=[red]\\u001b country=""'),
        ({"amount": None}, "-"),
        ({}, "-"),
    ],
)
def test_event_data_shows_what_is_there(row: dict[str, object], shown: str) -> None:
    """Zero and the empty text are there, null is not."""
    (column,) = [column for column in columns.SENDS if not column.in_csv]
    assert column.cell(row) == shown


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [([], "-"), ([{"path": "a"}], "a"), ([{"path": "a\n"}, {"path": "b"}, {"path": "c"}], "a\\u000a and 2 more")],
)
def test_a_runs_inputs_are_told_in_short(inputs: list[dict[str, str]], shown: str) -> None:
    """The first, and how many more."""
    (column,) = [column for column in columns.RUNS if column.name == "inputs"]
    assert column.cell({"inputs": inputs}) == shown
