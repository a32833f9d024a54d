"""A page of explanations for people: sections of facts, findings, JSON and tables.

Any text in a page may come from the data: it is made safe when the page is printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from marketing_cli.rendering.tabular import Listing, Tone


class Mark(StrEnum):
    """How a finding came out."""

    OK = "ok"
    NO = "no"
    SKIP = "skip"
    NOTE = "note"
    WARN = "warn"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Field:
    """A label and its value, on one line; neighbouring fields are aligned. `value` is shown as in a table."""

    label: str
    value: Any
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Bullet:
    """A finding with its mark; `items` explain it, indented below."""

    mark: Mark
    text: str
    items: Sequence["Item"] = ()


@dataclass(frozen=True, slots=True)
class JsonBlock:
    """A JSON value, indented."""

    value: Any


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with `items` below it; `empty` stands there if it has none."""

    heading: str
    items: Sequence["Item"]
    empty: str = "none"


@dataclass(frozen=True, slots=True)
class Page:
    """What a describing command prints."""

    title: str
    sections: Sequence[Section]


# A Listing inside a page is a table, without its notes; without rows it is its sentence.
Item: TypeAlias = Field | Paragraph | Bullet | JsonBlock | Listing | Section
