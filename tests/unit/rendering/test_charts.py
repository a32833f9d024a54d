"""Numbers per day as a chart."""

import re
from datetime import date, timedelta

import pytest

from marketing_cli.rendering.charts import day_chart

WEEK = [f"2025-11-{day:02}" for day in range(1, 8)]
TWO = {"before": [3, 4, 0, 9, 1, 2, 3], "after\x1b[31m": [1, 1, 0, 2, 1, 0, 0]}


TITLE = "Requests per {day}"


def days_from(first: str, number: int) -> list[str]:
    """So many days."""
    return [(date.fromisoformat(first) + timedelta(days=day)).isoformat() for day in range(number)]


@pytest.mark.parametrize("symbols", [True, False])
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("of_series", [1, 2, 6])
@pytest.mark.parametrize("number_of_days", [1, 7, 30, 90, 400])
def test_it_is_bars_of_the_width_for_any_number_of_days(
    number_of_days: int, of_series: int, width: int, symbols: bool
) -> None:
    """No line is wider, ends in blanks or has an escape code; a bar for each number, and the first day below."""
    days = days_from("2025-11-03", number_of_days)
    series = {f"\x1b{name}": [5] * number_of_days for name in range(of_series)}
    lines = day_chart(TITLE, days, series, width=width, colour=False, symbols=symbols).split("\n")
    assert lines[0].startswith("Requests per ")
    assert lines[1].split()[1] == "\\u001b0"
    assert max(map(len, lines[2:])) == width
    assert [line for line in lines if "\x1b" in line or line.endswith(" ")] == []
    assert days[0] in lines[-1]
    spans = {"day": 1, "week": 7} | {f"{weeks} weeks": weeks * 7 for weeks in (2, 4, 8, 16)}
    span = spans[lines[0].removeprefix("Requests per ")]
    bars = "█░▓▒#o" if symbols else "#o*+x="
    lowest = lines[-4]
    for bar in bars[:of_series]:
        assert len(re.findall(re.escape(bar) + "+", lowest)) == -(-number_of_days // span)


def test_weeks_are_the_sums_of_their_days() -> None:
    """From the first day on; the last one may be cut short."""
    drawn = day_chart(TITLE, days_from("2025-11-03", 30), {"a": [2] * 30}, width=60, colour=False)
    assert drawn.startswith("Requests per week\n██ a\n")
    assert drawn.count("15┤") == 1
    assert re.findall(r"2025-\d\d-\d\d", drawn) == ["2025-11-03", "2025-11-17", "2025-12-01"]


def test_a_larger_number_is_a_longer_bar() -> None:
    """The highest day alone reaches the top, a day of nothing has no bar, and the axis counts from 0."""
    lines = day_chart(TITLE, WEEK, {"requests": TWO["before"]}, width=70, colour=False).split("\n")[2:]
    body = [line.split("┤" if "┤" in line else "│", 1)[1] for line in lines if "┤" in line or line.count("│") == 2]
    day = [sum("█" in line[at] for line in body) for at in (len(body[0]) * (2 * place + 1) // 14 for place in range(7))]
    assert day[3] == max(day)
    assert day[2] <= 1  # the axis itself
    assert day[0] > day[5] > day[4]
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == ["10", "8", "6", "4", "2", "0"]


def test_where_symbols_cannot_be_shown_it_is_ascii() -> None:
    """Bars and frame."""
    drawn = day_chart(TITLE, WEEK, {"requests": [5] * 7}, width=60, colour=False, symbols=False)
    assert drawn.isascii()
    assert "#" in drawn


def test_colours_are_added_where_they_are_wanted() -> None:
    """They change nothing else."""
    plain, coloured = (day_chart(TITLE, WEEK, TWO, width=70, colour=colour) for colour in (False, True))
    assert "\x1b[" in coloured
    assert "█" in coloured
    assert "\x1b[" not in plain


def test_nothing_is_drawn_of_nothing() -> None:
    """No days or no series; days of nothing but 0 are a chart."""
    assert day_chart(TITLE, [], {"requests": []}, width=70, colour=False) == ""
    assert day_chart(TITLE, WEEK, {}, width=70, colour=False) == ""
    assert WEEK[0] in day_chart(TITLE, WEEK, {"requests": [0] * 7}, width=70, colour=False)
