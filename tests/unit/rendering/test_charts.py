"""Numbers per day as a chart."""

import pytest

from marketing_cli.rendering.charts import day_chart

WEEK = [f"2025-11-{day:02}" for day in range(1, 8)]
TWO = {"before": [3, 4, 0, 9, 1, 2, 3], "after\x1b[31m": [1, 1, 0, 2, 1, 0, 0]}


@pytest.mark.parametrize("number_of_days", [7, 200])
@pytest.mark.parametrize("width", [60, 100])
def test_without_colour_it_is_text_of_the_width(number_of_days: int, width: int) -> None:
    """Few days are bars and many are points; no line is wider, ends in blanks or holds what a name smuggles in."""
    days = [f"2025-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(number_of_days)]
    series = {name: [day % 9 for day in range(number_of_days)] for name in TWO}
    lines = day_chart(days, series, width=width, colour=False).split("\n")
    assert lines[0] == ("██ before  ░░ after\\u001b[31m" if number_of_days == 7 else "●● before  ○○ after\\u001b[31m")
    assert max(map(len, lines)) == width
    assert [line for line in lines if "\x1b" in line or line.endswith(" ")] == []
    assert days[0] in lines[-1]


def test_a_larger_number_is_a_longer_bar() -> None:
    """The highest day alone reaches the top, a day of nothing has no bar, and the axis counts from 0."""
    lines = day_chart(WEEK, {"requests": TWO["before"]}, width=70, colour=False).split("\n")[1:]
    body = [line.split("┤" if "┤" in line else "│", 1)[1] for line in lines if "┤" in line or line.count("│") == 2]
    day = [sum("█" in line[at] for line in body) for at in (len(body[0]) * (2 * place + 1) // 14 for place in range(7))]
    assert day[3] == max(day)
    assert day[2] <= 1  # the axis itself
    assert day[0] > day[5] > day[4]
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == ["10", "8", "6", "4", "2", "0"]


def test_where_symbols_cannot_be_shown_it_is_ascii() -> None:
    """Bars, points and frame."""
    for days in (WEEK, [f"day {number}" for number in range(90)]):
        drawn = day_chart(days, {"requests": [5] * len(days)}, width=60, colour=False, symbols=False)
        assert drawn.isascii()
        assert "#" in drawn


def test_colours_are_added_where_they_are_wanted() -> None:
    """They change nothing else."""
    plain, coloured = (day_chart(WEEK, TWO, width=70, colour=colour) for colour in (False, True))
    assert "\x1b[" in coloured
    assert "█" in coloured
    assert "\x1b[" not in plain


def test_nothing_is_drawn_of_nothing() -> None:
    """No days or no series; days of nothing but 0 are a chart."""
    assert day_chart([], {"requests": []}, width=70, colour=False) == ""
    assert day_chart(WEEK, {}, width=70, colour=False) == ""
    assert WEEK[0] in day_chart(WEEK, {"requests": [0] * 7}, width=70, colour=False)
