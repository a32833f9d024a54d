"""What commands print: results as tables, plain text, JSON, NDJSON, CSV and pictures.

Each part is loaded when it is first used, so that `--help` loads none that it does not need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketing_cli.rendering.events_bar import EventsBar
    from marketing_cli.rendering.ingest_summary import render_report
    from marketing_cli.rendering.json_output import render_json
    from marketing_cli.rendering.listings import render_listing
    from marketing_cli.rendering.page import Bullet, Field, Item, JsonBlock, Mark, Page, Paragraph, Section
    from marketing_cli.rendering.pages import render_page
    from marketing_cli.rendering.progress import ProgressBar, human_bytes
    from marketing_cli.rendering.safe_text import safe
    from marketing_cli.rendering.streams import Streams, flush_standard_streams
    from marketing_cli.rendering.svg import export_svg
    from marketing_cli.rendering.tabular import Align, Column, Listing, Output, Tone
    from marketing_cli.rendering.values import inline_json, shown

__all__ = [
    "Align",
    "Bullet",
    "Column",
    "EventsBar",
    "Field",
    "Item",
    "JsonBlock",
    "Listing",
    "Mark",
    "Output",
    "Page",
    "Paragraph",
    "ProgressBar",
    "Section",
    "Streams",
    "Tone",
    "export_svg",
    "flush_standard_streams",
    "human_bytes",
    "inline_json",
    "render_json",
    "render_listing",
    "render_page",
    "render_report",
    "safe",
    "shown",
]

_MODULES = {
    "Align": "tabular",
    "Bullet": "page",
    "Column": "tabular",
    "EventsBar": "events_bar",
    "Field": "page",
    "Item": "page",
    "JsonBlock": "page",
    "Listing": "tabular",
    "Mark": "page",
    "Output": "tabular",
    "Page": "page",
    "Paragraph": "page",
    "ProgressBar": "progress",
    "Section": "page",
    "Streams": "streams",
    "Tone": "tabular",
    "export_svg": "svg",
    "flush_standard_streams": "streams",
    "human_bytes": "progress",
    "inline_json": "values",
    "render_json": "json_output",
    "render_listing": "listings",
    "render_page": "pages",
    "render_report": "ingest_summary",
    "safe": "safe_text",
    "shown": "values",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
