"""What `mmsg digest` prints: the three parts with their counts, and the digest over them."""

from typing import TYPE_CHECKING

from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.listings import render_listing
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Align, Column, Listing, Output

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.digest import DigestReport

_COLUMNS = [
    Column("part", "Part"),
    Column("count", "Count", align=Align.RIGHT, text=lambda count: "" if count is None else f"{count:,}"),
    Column("sum", "Digest"),
]


def render_digest(report: "DigestReport", output: Output, streams: Streams) -> None:
    """Print the digest; quiet, nothing but JSON."""
    if output is Output.JSON:
        render_json(report.model_dump(mode="json"), streams)
    elif not streams.quiet:
        parts = {"events": report.events, "matches": report.matches, "requests": report.requests}
        rows = [{"part": name, "count": part.count, "sum": part.sum} for name, part in parts.items()]
        render_listing(Listing(_COLUMNS, [*rows, {"part": "all", "sum": report.digest}]), output, streams)
    if report.without_event:
        streams.note(f"Decisions left out, since their events are no longer stored: {report.without_event:,}.")
