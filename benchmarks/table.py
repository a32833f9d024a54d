"""The table of results: each row measured, with the bar it has to meet beside it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

_HEADINGS = ("What", "Measured", "Spread", "Bar", "Aim", "", "Size")
_WHOLE_FROM = 300


@dataclass(frozen=True)
class Bar:
    """What a value must not exceed, and what it should reach; `at_least` turns both around."""

    limit: float
    aim: float | None = None
    at_least: bool = False

    def verdict(self, value: float) -> str:
        """Whether the value meets it."""
        if self.at_least:
            return "met" if value >= self.limit else "NOT MET"
        return "met" if value <= self.limit else "NOT MET"

    def text(self, number: float | None) -> str:
        """A limit or an aim as it is shown."""
        return "" if number is None else f"{'≥' if self.at_least else '≤'} {number:g}"


@dataclass(frozen=True)
class Row:
    """One thing that was measured some times; without a bar it is only told. `size` is what it was measured on.

    `full` is false where that is smaller than what the bar is about: the verdict is then only a hint.
    """

    what: str
    samples: Sequence[float]
    bar: Bar | None = None
    size: str = ""
    full: bool = True
    missing: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row as it is printed."""
        if not self.samples:
            return (self.what, "-", "", *self._bar(), "not measured", self.missing)
        value = median(self.samples)
        spread = f"{_number(min(self.samples))} - {_number(max(self.samples))}" if len(self.samples) > 1 else ""
        verdict = self.bar.verdict(value) + ("" if self.full else "*") if self.bar else ""
        return (self.what, _number(value), spread, *self._bar(), verdict, self.size)

    def _bar(self) -> tuple[str, str]:
        return (self.bar.text(self.bar.limit), self.bar.text(self.bar.aim)) if self.bar else ("", "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE_FROM else f"{value:.2f}"


def ratios(over: Iterable[float], under: Iterable[float]) -> list[float]:
    """Each first by its second, round by round."""
    return [one / other for one, other in zip(over, under, strict=True)]


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table, line by line."""
    cells = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    if not all(row.full for row in rows if row.samples):
        yield "* measured on less than the bar is about: benchmarks/README.md has the long form"
