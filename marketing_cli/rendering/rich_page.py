"""A page as Rich draws it. Loaded for a terminal and for pictures only."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.highlighter import JSONHighlighter
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from marketing_cli.rendering.page import Bullet, Field, Item, JsonBlock, Mark, Page, Paragraph, Section
from marketing_cli.rendering.plain_page import PLAIN_MARKS
from marketing_cli.rendering.rich_output import STYLES
from marketing_cli.rendering.rich_records import listing_drawing
from marketing_cli.rendering.safe_text import safe_lines
from marketing_cli.rendering.tabular import Listing, Tone
from marketing_cli.rendering.values import pretty_json, shown

_SYMBOLS = {Mark.OK: "✓", Mark.NO: "✗", Mark.SKIP: "⊘", Mark.NOTE: "•", Mark.WARN: "!", Mark.WRONG: "✗"}
_MARK_TONES = {
    Mark.OK: Tone.GOOD,
    Mark.NO: Tone.BAD,
    Mark.SKIP: Tone.WARN,
    Mark.NOTE: Tone.DIM,
    Mark.WARN: Tone.WARN,
    Mark.WRONG: Tone.BAD,
}
_INDENT = (0, 0, 0, 2)


def rich_page(page: Page, width: int, *, symbols: bool) -> RenderableType:
    """`page` for Rich, `width` columns wide; without `symbols` the marks are those of plain text.

    A table that would have to break words is drawn row by row.
    """
    drawing = _Drawing(width, symbols=symbols)
    parts: list[RenderableType] = [_text(page.title, "bold underline")]
    for section in page.sections:
        parts += [Text(""), drawing.item(section)]
    return Group(*parts)


class _Drawing:
    """Draws the items of one page, with the marks that the terminal can show."""

    def __init__(self, width: int, *, symbols: bool) -> None:
        self._marks = _SYMBOLS if symbols else {mark: text.rstrip() for mark, text in PLAIN_MARKS.items()}
        self._width = width - _INDENT[-1]
        self._symbols = symbols
        self._draw: dict[type, Callable[[Any], RenderableType]] = {
            Section: self._section,
            Bullet: self._bullet,
            Paragraph: lambda item: _text(item.text, STYLES[item.tone]),
            JsonBlock: lambda item: JSONHighlighter()(_text("\n".join(pretty_json(item.value)))),
            Listing: self._listing,
        }

    def item(self, item: Item) -> RenderableType:
        return self._draw[type(item)](item)

    def _all(self, items: Sequence[Item]) -> Iterator[RenderableType]:
        for are_fields, group in groupby(items, key=lambda item: isinstance(item, Field)):
            if are_fields:
                yield _fields([item for item in group if isinstance(item, Field)])
            else:
                yield from map(self.item, group)

    def _listing(self, item: Listing) -> RenderableType:
        if not item.rows:
            return _text(item.empty, "dim")
        return listing_drawing(item, self._width, symbols=self._symbols)

    def _section(self, item: Section) -> RenderableType:
        body = self._all(item.items) if item.items else [_text(item.empty, "dim")]
        return Group(_text(item.heading, "bold cyan"), Padding(Group(*body), _INDENT, expand=False))

    def _bullet(self, item: Bullet) -> RenderableType:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        mark = Text(self._marks[item.mark], style=STYLES[_MARK_TONES[item.mark]])
        grid.add_row(mark, Group(_text(item.text), *self._all(item.items)))
        return grid


def _fields(fields: list[Field]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for field in fields:
        grid.add_row(_text(f"{field.label}:", "dim"), _text(shown(field.value), STYLES[field.tone]))
    return grid


def _text(text: str, style: str = "") -> Text:
    # Text, because Rich reads a plain string as markup.
    return Text(safe_lines(text), style=style, overflow="fold")
