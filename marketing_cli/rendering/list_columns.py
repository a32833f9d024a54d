"""The columns of each list: what tables show, and what CSV has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketing_cli.rendering.tabular import Align, Column, Tone
from marketing_cli.rendering.values import shown

_EVENT_DATA = ("amount", "attempt_number", "failure_reason", "email", "country", "risk_segment")
_RUN_TONES = {"ok": Tone.GOOD, "partial": Tone.WARN, "running": Tone.WARN}


@dataclass(frozen=True, slots=True)
class _EventData(Column):
    """What is known of the event, in one column: six, mostly empty, would leave none of them room on a terminal."""

    def cell(self, row: Mapping[str, Any]) -> str:
        """What is there, as `name=value`."""
        known = [f"{name}={shown(row[name])}" for name in _EVENT_DATA if row.get(name) is not None]
        return " ".join(known) or shown(None)


def _run_tone(status: str) -> Tone:
    return _RUN_TONES.get(status, Tone.BAD)


def _paths(inputs: Sequence[Mapping[str, Any]]) -> str:
    """The first input, and how many more there are."""
    if not inputs:
        return shown(None)
    rest = f" and {len(inputs) - 1} more" if inputs[1:] else ""
    return f"{inputs[0]['path']}{rest}"


def _second(moment: datetime | None) -> str:
    """The moment without its fraction."""
    return shown(moment and moment.replace(microsecond=0))


def _hidden(*names: str) -> list[Column]:
    """Columns that only CSV has."""
    return [Column(name, name, in_table=False) for name in names]


def _count(name: str, heading: str) -> Column:
    return Column(name, heading, align=Align.RIGHT)


_FIRST = [
    *_hidden("id", "run_id"),
    Column("decided_at", "Decided"),
    Column("user_id", "User"),
    Column("template", "Template"),
    Column("channel", "Channel"),
    *_hidden("rule"),
]
_EVENT = [
    Column("event_id", "Event"),
    Column("event_timestamp", "Event time"),
    *_hidden(*_EVENT_DATA),
    _EventData("", "Event data", in_csv=False),
    Column("reason", "Reason"),
]

SENDS: Sequence[Column] = [*_FIRST, Column("status", "Status"), *_EVENT]
SUPPRESSIONS: Sequence[Column] = [
    *_FIRST,
    Column("reason_code", "Code"),
    *_EVENT,
    *_hidden("blocked_by", "matched_because"),
]
SEND_COUNTS: Sequence[Column] = [
    Column("day", "Day (UTC)"),
    Column("template", "Template"),
    Column("status", "Status"),
    _count("count", "Count"),
]
SUPPRESSION_COUNTS: Sequence[Column] = [
    Column("day", "Day (UTC)"),
    Column("template", "Template"),
    Column("reason_code", "Code"),
    _count("count", "Count"),
]
REJECTS: Sequence[Column] = [
    _count("run_id", "Run"),
    _count("last_run_id", "Last run"),
    _count("count", "Times"),
    Column("path", "Input"),
    _count("line", "Line"),
    Column("reason", "Reason", tone=Tone.BAD),
    Column("detail", "Detail"),
    Column("user_id", "User"),
    Column("event_type", "Type"),
    Column("event_id", "Event"),
    *_hidden("raw", "raw_base64", "raw_length"),
    Column("created_at", "First kept"),
]
RUNS: Sequence[Column] = [
    _count("run_id", "Run"),
    Column("status", "Status", tone=_run_tone),
    _count("exit_code", "Exit"),
    Column("started_at", "Started", text=_second),
    Column("finished_at", "Ended", text=_second),
    Column("backfill", "Backfill"),
    _count("lines", "Lines"),
    _count("new", "New"),
    _count("duplicate", "Duplicate"),
    _count("rejected", "Rejected"),
    *_hidden("blank", "skipped"),
    _count("send_requests", "Requests"),
    _count("suppressions", "Suppressed"),
    *_hidden("rules_sha256"),
    Column("rules_source", "Rules"),
    Column("inputs", "Inputs", text=_paths),
]
RULES_VERSIONS: Sequence[Column] = [
    Column("sha256", "SHA-256"),
    Column("first_used_at", "First used"),
    _count("runs", "Runs"),
    _count("first_run_id", "First run"),
    _count("last_run_id", "Last run"),
    _count("send_requests", "Requests"),
    _count("suppressions", "Suppressed"),
]
