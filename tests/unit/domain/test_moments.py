"""Moments as text, one by one and many at once."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing_cli.domain.moments import END_OF_TIME, START_OF_TIME, utc_text, utc_texts

MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 11, 1, 10, tzinfo=UTC), "2025-11-01 10:00:00.000000"),
        (datetime(2025, 11, 1, 10, 0, 0, 1, tzinfo=UTC), "2025-11-01 10:00:00.000001"),
        (START_OF_TIME, "1900-01-01 00:00:00.000000"),
        (END_OF_TIME, "9999-12-31 23:59:59.999999"),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01 00:00:00.000000"),
    ],
)
def test_a_moment_as_text(moment: datetime, text: str) -> None:
    """Always 26 characters, so that texts sort as moments do."""
    assert (utc_text(moment), utc_texts([moment])) == (text, [text])


@given(st.lists(st.none() | MOMENTS))
def test_many_moments_at_once(moments: list[datetime | None]) -> None:
    """Each is written as it is by itself, nothing stays nothing, and none is no moments."""
    assert utc_texts(moments) == [None if moment is None else utc_text(moment) for moment in moments]


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_moments_do(one: datetime, other: datetime) -> None:
    """The database compares the texts."""
    assert (utc_text(one) < utc_text(other)) is (one < other)
