"""A copy's report for people: what was copied, and whether both databases hold the same."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.safe_text import safe
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.copy import CopiedTable, CopyReport


def render_copy(report: "CopyReport", output: Output, streams: Streams) -> int:
    """Print a report: a summary on standard error and, if asked for, JSON; returns the code to exit with."""
    lines = [*_summary(report), conclusion(report)]
    if output is Output.JSON:
        render_json(report.model_dump(mode="python"), streams)
    for line in lines:
        streams.note(line)
    if streams.quiet and report.exit_code:
        streams.err(f"mmsg: {conclusion(report)}")
    return report.exit_code


def conclusion(report: "CopyReport") -> str:
    """How the copy ended, in one line."""
    done = counted(sum(table.copied for table in report.tables), "row")
    if report.status.value == "copied":
        return f"copied: {done}; both databases have the digest {report.digests.target}"
    if report.status.value == "interrupted":
        return f"interrupted: {done} copied, which stay; the same command goes on (exit code {report.exit_code})"
    return (
        f"differs: {done} copied, but {', '.join(_differences(report))}; the copy stays closed to other commands. If it"
        f" comes to this again, copy into a new database (exit code {report.exit_code})"
    )


def _summary(report: "CopyReport") -> Iterator[str]:
    yield f"from {safe(report.source)} to {safe(report.target)}"
    yield from (_told(table) for table in report.tables if table.copied or table.rows)
    yield from (f"warning: {warning}" for warning in report.warnings)


def _told(table: "CopiedTable") -> str:
    if table.rows is None:
        return f"{table.table}: {counted(table.copied, 'row')} copied"
    before = table.rows - table.copied
    there = f", {before:,} were there" if before > 0 else ""
    return f"{table.table}: {counted(table.rows, 'row')}, {table.copied:,} copied{there}"


def _differences(report: "CopyReport") -> Iterator[str]:
    for table in report.tables:
        if table.rows != table.rows_there:
            yield f"{table.table} has {table.rows:,} rows in the one and {table.rows_there:,} in the other"
    if report.digests.source != report.digests.target:
        yield "the digests differ"
