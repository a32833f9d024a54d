"""Numbers per day as a chart of characters, drawn by plotext."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

from marketing_cli.rendering.safe_text import safe

_HEIGHT = 14
_LONGEST_DAYS = 400
_NARROWEST = 40
_LABEL = len(" 2025-11-01 ")
_MOST_STEPS = 5
_WEEK = 7
_GAP = 2.1
_COLOURS = ("cyan", "orange", "green", "magenta", "blue", "red")
# Told apart without colours, too.
_BARS = ("█", "░", "▓", "▒", "#", "o")
_ASCII = ("#", "o", "*", "+", "x", "=")

Series: TypeAlias = Mapping[str, Sequence[int]]


def day_chart(  # noqa: PLR0913 - each is a matter of its own
    heading: str,
    days: Sequence[str],
    series: Mapping[str, Sequence[int]],
    *,
    width: int,
    colour: bool,
    symbols: bool = True,
) -> str:
    """A chart of numbers per day, `width` columns wide (at least 40), without a line end after its last line.

    `days` are in order, like `2025-11-01`; `series` has for each name a number per day, none below 0. Each day has a
    bar for each series; where there is no room for that, each week has, or each two, four, eight weeks, from the day
    shown below it on, and `heading`, in which `{day}` stands for what a bar is of, says so. Without `colour` there are
    no escape codes: each series has its own character; without `symbols` the characters are ASCII. Nothing to draw
    gives the empty text.
    """
    if not days or not series:
        return ""
    # It takes long to load, and only who asks for a chart needs it.
    import plotext  # type: ignore[import-untyped]  # noqa: PLC0415

    width = max(width, _NARROWEST)
    span, days, series = _with_room(days, series, width)
    plotext.clear_figure()
    plotext.limit_size(False, False)  # noqa: FBT003 - the library's own way: the size is the caller's
    plotext.theme("clear")
    plotext.plot_size(width, _HEIGHT)
    markers = _BARS if symbols else _ASCII
    _draw_bars(plotext, days, series, markers, _room(series, width))
    _set_axes(plotext, days, series, width)
    # Above the chart: plotext's own legend would hide what is drawn below it.
    legend = "  ".join(
        plotext.colorize(markers[place % len(markers)] * 2, _COLOURS[place % len(_COLOURS)]) + f" {safe(name)}"
        for place, name in enumerate(series)
    )
    drawn: str = f"{heading.format(day=_told(span))}\n{legend}\n{plotext.build()}"
    plotext.clear_figure()
    if not colour:
        drawn = plotext.uncolorize(drawn)
    if not symbols:
        drawn = drawn.translate(_TO_ASCII)
    return "\n".join(line.rstrip(" ") for line in drawn.rstrip("\n").split("\n"))


def _with_room(days: Sequence[str], series: Series, width: int) -> tuple[int, Sequence[str], Series]:
    """How many days a bar is of, so that all bars have room, with the first day of each and the sums."""
    span, shown, sums = 1, days, series
    while len(shown) * (len(series) + _GAP) > _room(sums, width) and len(shown) > 1:
        span = span * 2 if span > 1 else _WEEK
        shown, sums = _by(span, days, series)
    return span, shown, sums


def _room(series: Series, width: int) -> int:
    """Columns within the frame."""
    return width - len(f"{_top(series):,}") - 2


def _by(span: int, days: Sequence[str], series: Series) -> tuple[Sequence[str], Series]:
    numbers = [date.fromisoformat(day).toordinal() for day in days]
    places = [(number - numbers[0]) // span for number in numbers]
    firsts = [date.fromordinal(numbers[0] + place * span).isoformat() for place in range(places[-1] + 1)]
    sums = {name: [0] * len(firsts) for name in series}
    for name, counts in series.items():
        for place, count in zip(places, counts, strict=True):
            sums[name][place] += count
    return firsts, sums


def _told(span: int) -> str:
    return {1: "day", _WEEK: "week"}.get(span, f"{span // _WEEK} weeks")


def every_day(days: Sequence[str]) -> list[str]:
    """From the first of these days to the last, as `2025-11-01`; only these where they lie too far apart."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    length = (last - first).days + 1
    if length > _LONGEST_DAYS:
        return sorted(set(days))
    return [(first + timedelta(days=number)).isoformat() for number in range(length)]


_TO_ASCII = str.maketrans({**dict.fromkeys("─┬┴", "-"), **dict.fromkeys("│┤├", "|"), **dict.fromkeys("┌┐└┘┼", "+")})


def _draw_bars(
    plotext: Any,  # noqa: ANN401 - a library without types
    days: Sequence[str],
    series: Series,
    markers: Sequence[str],
    room: int,
) -> None:
    """Each day's bars stand side by side, the day in their middle."""
    # The gap between two days is a column at least, however its ends are rounded.
    share = (1 - _GAP * len(days) / room) / len(series)
    for place, numbers in enumerate(series.values()):
        left = (place - (len(series) - 1) / 2) * share
        plotext.bar(
            [day + left for day in range(len(days))],
            list(numbers),
            width=share,
            minimum=0,
            marker=markers[place % len(markers)],
            color=_COLOURS[place % len(_COLOURS)],
        )


def _set_axes(
    plotext: Any,  # noqa: ANN401 - likewise
    days: Sequence[str],
    series: Series,
    width: int,
) -> None:
    """As many days as have room, and whole numbers from 0 on."""
    every = -(-len(days) // max(1, width // _LABEL - 1))
    shown = range(0, len(days), every)
    plotext.xticks(list(shown), [days[at] for at in shown])
    plotext.xlim(-0.5, len(days) - 0.5)
    step = max(1, -(-_top(series) // _MOST_STEPS))
    top = max(1, -(-_top(series) // step)) * step
    plotext.yticks(list(range(0, top + 1, step)), [f"{number:,}" for number in range(0, top + 1, step)])
    plotext.ylim(0, top)


def _top(series: Series) -> int:
    return max((max(numbers, default=0) for numbers in series.values()), default=0)
