"""An ingest report for people: what became of the lines, what was decided, what to look at."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from marketing_cli.domain.texts import counted
from marketing_cli.rendering.json_output import render_json
from marketing_cli.rendering.safe_text import safe
from marketing_cli.rendering.streams import Streams
from marketing_cli.rendering.tabular import Output

if TYPE_CHECKING:  # pydantic is slow to load, and `--help` needs none of it
    from marketing_cli.schemas.report import IngestReport, InputReport, Totals

_MOST_INPUTS = 20


def render_report(report: "IngestReport", output: Output, streams: Streams) -> None:
    """Print a report: the summary on standard error and, if asked for, the JSON on standard output."""
    lines = summary_lines(report)  # first: should that fail, no report is followed by another JSON value
    if output is Output.JSON:
        render_json(report.model_dump(mode="python"), streams)
    for line in lines:
        streams.note(line)
    if streams.quiet and report.exit_code:
        streams.err(f"mmsg: {report.error or conclusion(report)}")


def summary_lines(report: "IngestReport") -> list[str]:
    """The summary, the line that matters last."""
    return [*_inputs(report), *_decided(report), *_attention(report), conclusion(report)]


def conclusion(report: "IngestReport") -> str:
    """How the run ended, in one line."""
    name = "dry run, nothing was stored" if report.dry_run else f"run {report.run_id}"
    name = f"{name}, shard {report.shard}" if report.shard else name
    text = f"{name}: {report.status.value}, {_books(report.totals)}"
    return f"{text} (exit code {report.exit_code})" if report.exit_code else text


def _inputs(report: "IngestReport") -> Iterator[str]:
    for entry in report.inputs[:_MOST_INPUTS]:
        kind = f" [{entry.compression}]" if entry.compression not in {None, "none"} else ""
        state = "" if entry.state == "done" else f" ({entry.state.replace('_', ' ')})"
        yield f"{safe(entry.path)}{kind}{state}: {_books(entry)}"
    if len(report.inputs) > _MOST_INPUTS:
        yield f"… and {len(report.inputs) - _MOST_INPUTS} more inputs"


def _books(counts: "InputReport | Totals") -> str:
    parts = [
        f"{getattr(counts, name):,} {name}"
        for name in ("new", "duplicate", "rejected", "blank", "skipped")
        if getattr(counts, name) or name == "new"
    ]
    return f"{counted(counts.lines, 'line')}: {', '.join(parts)}"


def _decided(report: "IngestReport") -> Iterator[str]:
    status = "historical (never handed on)" if report.backfill else "requested"
    yield f"messages {status}: {report.totals.send_requests:,}, suppressed: {report.totals.suppressions:,}"


def _attention(report: "IngestReport") -> Iterator[str]:
    if report.rejects_by_reason:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.rejects_by_reason.items())
        where = "" if report.run_id is None else f"; see `mmsg rejects --run {report.run_id}`"
        yield f"rejected: {reasons}{where}"
    if report.not_comparable:
        yield f"note: values that could not be compared with what a rule expects: {report.not_comparable:,}"
    if report.retried_batches:
        yield f"note: batches that the database refused and that were decided again: {report.retried_batches:,}"
    for warning in report.warnings:
        yield f"warning: {safe(warning)}"
    if report.status.value == "interrupted":
        yield "what was stored stays; the same command, run again, does the rest"
    if report.error is not None:
        yield f"mmsg: {safe(report.error)}"
