"""Typed projections: what fits, what is left out, and that traits are put together again exactly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.schemas.event import EventPropertiesIn, TraitColumns, UserTraitsIn, join_traits, split_traits

NOT_NUMBERS: list[Any] = [
    *(
        "",
        " ",
        " 1",
        "1 ",
        "1\n",
        "+1",
        "1.",
        ".5",
        "--1",
        "1e5",
        "1E5",
        "0x10",
        "1_000",
        "1,5",
        "\u0661",
        "NaN",
        "inf",
    ),
    *(None, True, False, [], [1], {}, {"amount": 1}, float("nan"), float("inf")),
]
NOT_TEXTS: list[Any] = [None, 1, 1.0, True, [], {}, ["a"]]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        *((0, 0.0), (12.5, 12.5), (-3, -3.0), (1e300, 1e300), (2**63 - 1, 9.223372036854775807e18)),
        *(("0", 0.0), ("12.50", 12.5), ("-3", -3.0), ("007.10", 7.1), ("9" * 300, 1e300)),
        *(("9" * 309, None), ("9" * 1_000_000, None), ("0." + "0" * 1_000_000, None), (10**400, None)),
        *((value, None) for value in NOT_NUMBERS),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_amount(value: Any, amount: float | None) -> None:
    """A finite number, or text that is one written plainly, is an amount."""
    found = EventPropertiesIn.project({"amount": value}).amount
    assert found == amount
    assert type(found) is (type(None) if amount is None else float)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((3, 3), (3.0, 3), ("3", 3), ("3.0", 3), ("3.000", 3), ("-3", -3), ("-0.0", 0), (-0.0, 0), ("0003", 3)),
        *((3.5, None), ("3.5", None), ("3.0000000000000000001", None), (1e18, 10**18), (1e19, None), (1e300, None)),
        *((2**63 - 1, 2**63 - 1), (2**63, None), (-(2**63), -(2**63)), (-(2**63) - 1, None)),
        *((str(2**63 - 1), 2**63 - 1), (f"{2**63 - 1}.0", 2**63 - 1), (str(2**63), None), (str(2**53 + 1), 2**53 + 1)),
        *(("9" * 1_000_000, None), ("0" * 1_000_000, None), (10**5000, None)),
        *((value, None) for value in NOT_NUMBERS),
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) or abs(value) < 10**20 else "huge",
)
def test_attempt_number(value: Any, number: int | None) -> None:
    """A whole number of 64 bits, written as integer, float or text, is an attempt number, to the last digit."""
    found = EventPropertiesIn.project({"attempt_number": value}).attempt_number
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(("", ""), ("INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"), ("x" * 255, "x" * 255), ("x" * 256, None)),
        *(("\U0001f600" * 255, "\U0001f600" * 255), (" ", " ")),
        *((value, None) for value in NOT_TEXTS),
    ],
)
def test_texts(value: Any, text: str | None) -> None:
    """Only text of at most 255 characters is projected as text."""
    assert EventPropertiesIn.project({"failure_reason": value}).failure_reason == text
    for name in ("email", "country", "risk_segment"):
        assert getattr(UserTraitsIn.project({name: value}), name) == text


@pytest.mark.parametrize("value", [True, False, None, 1, 0, 1.0, "true", "True", "yes", [True], {}])
def test_only_true_is_consent(value: Any) -> None:
    """A JSON boolean is taken as it is and nothing else is taken for one."""
    found = UserTraitsIn.project({"marketing_opt_in": value}).marketing_opt_in
    assert found is (value if isinstance(value, bool) else None)


@pytest.mark.parametrize("values", [None, {}, {"other": 1, "": 2, "model_config": 3, "project": 4}])
def test_nothing_to_project(values: dict[str, Any] | None) -> None:
    """Without a known key all is null; other keys do no harm."""
    assert set(EventPropertiesIn.project(values).model_dump().values()) == {None}
    assert set(UserTraitsIn.project(values).model_dump().values()) == {None}
    assert UserTraitsIn.rest(values) == (values or {})


@pytest.mark.parametrize(
    ("traits", "columns"),
    [
        (None, TraitColumns()),
        ({}, TraitColumns()),
        ({"email": "a@b", "country": "PT"}, TraitColumns(email="a@b", country="PT")),
        ({"country": "PT", "email": "a@b"}, TraitColumns(email="a@b", country="PT", key_order=["country", "email"])),
        ({"email": None}, TraitColumns(extra={"email": None})),
        (
            {"email": None, "country": "PT"},
            TraitColumns(country="PT", extra={"email": None}, key_order=["email", "country"]),
        ),
        (
            {"marketing_opt_in": False, "plan": 1, "a": {}},
            TraitColumns(marketing_opt_in=False, extra={"plan": 1, "a": {}}),
        ),
        ({"marketing_opt_in": "yes"}, TraitColumns(extra={"marketing_opt_in": "yes"})),
        ({"extra": 1, "key_order": []}, TraitColumns(extra={"extra": 1, "key_order": []})),
    ],
)
def test_split_traits(traits: dict[str, Any] | None, columns: TraitColumns) -> None:
    """What fits a column goes there, the rest to `extra`; the order is only kept where it cannot be guessed."""
    assert split_traits(traits) == columns
    assert UserTraitsIn.rest(traits) == (columns.extra or {})


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
)
NAMES = st.one_of(st.sampled_from([*UserTraitsIn.model_fields, "extra", "key_order", "__class__", "rest"]), st.text())


@given(traits=st.dictionaries(NAMES, SCALARS | st.lists(SCALARS) | st.dictionaries(NAMES, SCALARS)))
def test_traits_are_put_together_exactly(traits: dict[str, Any]) -> None:
    """Keys, order, values and their types come back, also when the parts were stored as JSON."""
    columns = split_traits(traits)
    stored = [json.loads(json.dumps(part)) for part in (columns.extra, columns.key_order)]
    rebuilt = TraitColumns(columns.email, columns.country, columns.marketing_opt_in, columns.risk_segment, *stored)
    # repr tells 1 from True and 1.0, and -0.0 from 0.0; equality does not.
    assert repr(join_traits(columns)) == repr(join_traits(rebuilt)) == repr(traits)
