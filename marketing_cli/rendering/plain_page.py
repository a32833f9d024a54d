"""A page as plain text, for pipes and files: one line per fact, never cut, never wrapped."""

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from itertools import groupby

from marketing_cli.rendering.page import Bullet, Field, Item, JsonBlock, Mark, Page, Paragraph, Section
from marketing_cli.rendering.plain_table import table_lines
from marketing_cli.rendering.safe_text import display_width, safe
from marketing_cli.rendering.tabular import Listing
from marketing_cli.rendering.values import pretty_json, shown

PLAIN_MARKS = {
    Mark.OK: "[ok]  ",
    Mark.NO: "[no]  ",
    Mark.SKIP: "[skip]",
    Mark.NOTE: "-",
    Mark.WARN: "[warn]",
    Mark.WRONG: "[BAD] ",
}


def page_lines(page: Page) -> Iterator[str]:
    """The lines of `page`, each with its line feed."""
    yield safe(page.title) + "\n"
    for section in page.sections:
        yield "\n"
        for line in _lines(section):
            yield line.rstrip(" ") + "\n"


@singledispatch
def _lines(item: Item) -> Iterable[str]:
    raise TypeError(f"a page cannot hold {type(item).__name__}")


@_lines.register
def _(item: Section) -> Iterable[str]:
    return [f"{safe(item.heading)}:", *_indented(_all_lines(item.items) if item.items else [safe(item.empty)], 2)]


@_lines.register
def _(item: Paragraph) -> Iterable[str]:
    return [safe(line) for line in item.text.split("\n")]


@_lines.register
def _(item: Bullet) -> Iterable[str]:
    mark = PLAIN_MARKS[item.mark]
    return [f"{mark} {safe(item.text)}", *_indented(_all_lines(item.items), len(mark) + 1)]


@_lines.register
def _(item: JsonBlock) -> Iterable[str]:
    return pretty_json(item.value)


@_lines.register
def _(item: Listing) -> Iterable[str]:
    return [line.removesuffix("\n") for line in table_lines(item)] if item.rows else [safe(item.empty)]


def _all_lines(items: Sequence[Item]) -> Iterator[str]:
    for are_fields, group in groupby(items, key=lambda item: isinstance(item, Field)):
        if are_fields:
            yield from _field_lines([item for item in group if isinstance(item, Field)])
        else:
            for item in group:
                yield from _lines(item)


def _field_lines(fields: list[Field]) -> Iterator[str]:
    labels = [f"{safe(field.label)}:" for field in fields]
    width = max(map(display_width, labels))
    for label, field in zip(labels, fields, strict=True):
        yield f"{label}{' ' * (width - display_width(label))}  {shown(field.value)}"


def _indented(lines: Iterable[str], by: int) -> Iterator[str]:
    return (" " * by + line for line in lines)
