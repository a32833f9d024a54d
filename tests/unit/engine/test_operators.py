"""Every operator against every kind of value, as tables that read like the documentation."""

import json
import re
from typing import Any

import pytest

from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.schemas.rules import OPERATORS
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import evaluate
from support.deciding import facts, field, the_rule
from support.events import MISSING, make_event

CODES = {"yes": None, "no": ReasonCode.CONDITION_FALSE, "?": ReasonCode.VALUE_NOT_COMPARABLE}

# Left: the condition. Above: what the event holds there, `-` for nothing. Inside: whether it holds; `?` is "not
# comparable".
GRID = """
                         3    3.0  2    -0.5  "3"  "3.0"  "x"  ""   true  false  null  -    [3]  {}
equals 3                 yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
equals 3.0               yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
equals "3"               ?    ?    ?    ?     yes  no     no   no   ?     ?      no    no   ?    ?
equals "x"               ?    ?    ?    ?     no   no     yes  no   ?     ?      no    no   ?    ?
equals ""                ?    ?    ?    ?     no   no     no   yes  ?     ?      no    no   ?    ?
equals true              ?    ?    ?    ?     ?    ?      ?    ?    yes   no     no    no   ?    ?
equals false             ?    ?    ?    ?     ?    ?      ?    ?    no    yes    no    no   ?    ?
not_equals 3             no   no   yes  yes   no   no     ?    ?    ?     ?      no    no   ?    ?
not_equals "x"           ?    ?    ?    ?     yes  yes    no   yes  ?     ?      no    no   ?    ?
not_equals true          ?    ?    ?    ?     ?    ?      ?    ?    no    yes    no    no   ?    ?
in [3,4]                 yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
in ["x","3"]             ?    ?    ?    ?     yes  no     yes  no   ?     ?      no    no   ?    ?
in [true,3]              yes  yes  no   no    yes  yes    ?    ?    yes   no     no    no   ?    ?
in ["x",2]               no   no   yes  no    no   no     yes  no   ?     ?      no    no   ?    ?
not_in [3,4]             no   no   yes  yes   no   no     ?    ?    ?     ?      no    no   ?    ?
not_in ["x","3"]         ?    ?    ?    ?     no   yes    no   yes  ?     ?      no    no   ?    ?
not_in [true,3]          no   no   yes  yes   no   no     ?    ?    no    yes    no    no   ?    ?
gt 2                     yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
gt 2.5                   yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
gt "3"                   ?    ?    ?    ?     no   yes    yes  no   ?     ?      no    no   ?    ?
gte 3                    yes  yes  no   no    yes  yes    ?    ?    ?     ?      no    no   ?    ?
gte "3"                  ?    ?    ?    ?     yes  yes    yes  no   ?     ?      no    no   ?    ?
lt 3                     no   no   yes  yes   no   no     ?    ?    ?     ?      no    no   ?    ?
lt "3"                   ?    ?    ?    ?     no   no     no   yes  ?     ?      no    no   ?    ?
lte 2                    no   no   yes  yes   no   no     ?    ?    ?     ?      no    no   ?    ?
lte "3"                  ?    ?    ?    ?     yes  no     no   yes  ?     ?      no    no   ?    ?
exists true              yes  yes  yes  yes   yes  yes    yes  yes  yes   yes    no    no   yes  yes
missing true             no   no   no   no    no   no     no   no   no    no     yes   yes  no   no
"""


def cells() -> list[tuple[str, str, str]]:
    """The grid's cells: condition, found value, answer."""
    head, *rows = [re.split(r"\s{2,}", line.strip()) for line in GRID.strip().splitlines()]
    assert all(len(row) == len(head) + 1 for row in rows)
    return [(condition, found, answer) for condition, *row in rows for found, answer in zip(head, row, strict=True)]


def code_of(condition: dict[str, Any], found: Any) -> ReasonCode | None:
    """Why a rule with this condition on `properties.x` does not match an event that holds `found` there."""
    properties = {} if found is MISSING else {"x": found}
    evaluation = evaluate(the_rule(when=[condition]), facts(make_event(properties=properties)), History())
    (result,) = evaluation.results
    assert evaluation.matched is result.held is (result.code is None)
    assert evaluation.first_failure is (None if result.held else result)
    return result.code


@pytest.mark.parametrize(("condition", "found", "answer"), cells())
def test_an_operator_answers(condition: str, found: str, answer: str) -> None:
    """JSON types must be equal, but for numeric text against a number; what is missing is only `missing`."""
    name, expected = condition.split(" ", 1)
    value = MISSING if found == "-" else json.loads(found)
    assert code_of(field("properties.x", name, json.loads(expected)), value) is CODES[answer]


def test_the_grid_has_every_operator() -> None:
    """An operator without a row is not tested."""
    assert {condition.split(" ")[0] for condition, _, _ in cells()} == set(OPERATORS)


@pytest.mark.parametrize(
    ("text", "is_three"),
    [
        ("3", True),
        ("03", True),
        ("3.00", True),
        ("0" * 500 + "3", True),
        ("-3", False),
        ("3.5", False),
        ("9" * 300, False),
        ("9" * 401, False),
        ("9" * 5000, False),
        ("9" * 401 + ".5", False),
        ("-" + "9" * 5000, False),
        ("3.", None),
        (".3", None),
        ("+3", None),
        (" 3", None),
        ("3 ", None),
        ("3\n", None),
        ("3e0", None),
        ("0x3", None),
        ("3_0", None),
        ("1,5", None),
        ("--3", None),
        ("\u0663", None),
        ("\uff13", None),
        ("Infinity", None),
        ("nan", None),
        ("true", None),
    ],
)
def test_which_text_counts_as_a_number(text: str, is_three: bool | None) -> None:
    """An optional minus, ASCII digits, perhaps a point and more digits, of any length; nothing else."""
    code = {True: None, False: ReasonCode.CONDITION_FALSE, None: ReasonCode.VALUE_NOT_COMPARABLE}[is_three]
    assert code_of(field("properties.x", "equals", 3), text) is code
    unequal = {True: ReasonCode.CONDITION_FALSE, False: None, None: ReasonCode.VALUE_NOT_COMPARABLE}[is_three]
    assert code_of(field("properties.x", "not_equals", 3), text) is unequal


@pytest.mark.parametrize(
    ("operator", "expected", "found", "holds"),
    [
        ("gt", 3, "9" * 5000, True),
        ("lt", 3, "9" * 5000, False),
        ("lt", 3, "-" + "9" * 5000, True),
        ("gt", 9007199254740992, 9007199254740993, True),
        ("gt", 9007199254740992.0, 9007199254740993, True),
        ("equals", 9007199254740992.0, 9007199254740993, False),
        ("equals", 9007199254740993, "9007199254740993", True),
        ("equals", 0, -0.0, True),
        ("equals", 0, "-0", True),
        ("equals", 0.1, "0.1", True),
        ("gte", -9223372036854775808, -9223372036854775808, True),
        ("lte", 9223372036854775807, 1e300, False),
        ("equals", 1e22, 10000000000000000000000.0, True),
        ("gt", "Z", "a", True),
        ("lt", "9", "10", True),
        ("equals", "PT", "pt", False),
        ("equals", "\u00e9", "e\u0301", False),
        ("lt", "\U0001f600", "\uff21", True),
        ("in", [1, 2], 1.0, True),
        ("not_in", [1, 2], "3", True),
        ("not_in", ["a"], "b", True),
    ],
)
def test_a_comparison_goes_by_value(operator: str, expected: Any, found: Any, holds: bool) -> None:
    """Numbers by exact value, text by code point, neither rounded nor folded."""
    assert (code_of(field("properties.x", operator, expected), found) is None) is holds
