"""What a list command prints, before a format is chosen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marketing_cli.rendering.safe_text import safe
from marketing_cli.rendering.values import shown


class Output(StrEnum):
    """The formats of a list."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


class Align(StrEnum):
    """On which side of its column a cell stands."""

    LEFT = "left"
    RIGHT = "right"


class Tone(StrEnum):
    """What a text means to its reader; becomes a colour where there are colours."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    DIM = "dim"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list.

    `name` is the key in the rows and the header in CSV, `heading` the header for people. `text` turns a value of the
    rows into what the table shows, and need not care for control characters. `tone` says what a value means. A column
    with `in_table` false is in CSV only, one with `in_csv` false in tables only; JSON always has the whole row.
    """

    name: str
    heading: str
    align: Align = Align.LEFT
    text: Callable[[Any], str] = shown
    tone: Callable[[Any], Tone] | Tone = Tone.PLAIN
    in_table: bool = True
    in_csv: bool = True

    def cell(self, row: Mapping[str, Any]) -> str:
        """What the table shows of `row` in this column: one line without control characters."""
        return safe(self.text(row.get(self.name)))

    def cell_tone(self, row: Mapping[str, Any]) -> Tone:
        """The tone of this column's cell in `row`."""
        return self.tone if isinstance(self.tone, Tone) else self.tone(row.get(self.name))


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows to print: `rows` are the JSON objects exactly as `--output json` gives them.

    They are read once in JSON, NDJSON and CSV, as they are printed, so that a long list need not be in memory; a table
    holds them all. `empty` is the sentence that a table without rows becomes. `more` says that the limit left rows out;
    then `rows` must be a sequence.
    """

    columns: Sequence[Column]
    rows: Iterable[Mapping[str, Any]]
    empty: str = "Nothing found."
    more: bool = False

    @property
    def table_columns(self) -> list[Column]:
        """The columns that people see."""
        return [column for column in self.columns if column.in_table]
