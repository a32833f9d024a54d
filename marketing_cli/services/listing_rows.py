"""Rows of the database as rows of a list."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from marketing_cli.models import Run, RunInput
from marketing_cli.schemas.listing import (
    KeptLine,
    RejectRow,
    RulesVersionRow,
    RunInputRow,
    RunRow,
    SendRow,
    SuppressionRow,
)


def send_row(row: Row[Any]) -> SendRow:
    """A send request with its event's data."""
    return {
        "id": row.id,
        "run_id": row.run_id,
        "user_id": row.user_id,
        "template": row.template_name,
        "channel": row.channel,
        "rule": row.rule_name,
        "status": row.status,
        "reason": row.reason,
        "event_id": row.event_key,
        "event_timestamp": row.event_timestamp,
        "decided_at": row.decided_at,
        "amount": row.amount,
        "attempt_number": row.attempt_number,
        "failure_reason": row.failure_reason,
        "email": row.email,
        "country": row.country,
        "risk_segment": row.risk_segment,
    }


def suppression_row(row: Row[Any]) -> SuppressionRow:
    """A suppression with its event's data and what blocked it."""
    return {
        "id": row.id,
        "run_id": row.run_id,
        "user_id": row.user_id,
        "template": row.template_name,
        "channel": row.channel,
        "rule": row.rule_name,
        "reason": row.suppression_reason,
        "event_id": row.event_key,
        "event_timestamp": row.event_timestamp,
        "decided_at": row.decided_at,
        "amount": row.amount,
        "attempt_number": row.attempt_number,
        "failure_reason": row.failure_reason,
        "email": row.email,
        "country": row.country,
        "risk_segment": row.risk_segment,
        "reason_code": row.reason_code,
        "blocked_by": {
            "send_request_id": row.blocking_request_id,
            "event_id": row.blocking_event_key,
            "event_timestamp": row.blocking_timestamp,
        },
        "matched_because": row.reason,
    }


def reject_row(row: Row[Any]) -> RejectRow:
    """A kept line, as text or as base64; neither when it was not read."""
    raw, raw_base64 = (None, None) if row.raw is None else _text_or_base64(row.raw)
    return {
        "run_id": row.run_id,
        "last_run_id": row.last_run_id,
        "count": row.times,
        "path": row.path,
        "line": row.line,
        "reason": row.reason,
        "detail": row.detail,
        "user_id": row.user_id,
        "event_type": row.event_type,
        "event_id": row.event_key,
        "raw": raw,
        "raw_base64": raw_base64,
        "raw_length": row.raw_length,
        "created_at": row.created_at,
    }


def kept_line(row: Row[Any]) -> KeptLine:
    """A kept line's bytes, and whether these are all of it."""
    return KeptLine(row.raw, is_whole=row.raw_length == len(row.raw))


def run_row(run: Run, sha256: str, inputs: Iterable[RunInput]) -> RunRow:
    """A run with its inputs."""
    return {
        "run_id": run.id,
        "status": run.status,
        "exit_code": run.exit_code,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "backfill": run.backfill,
        "lines": run.lines,
        "new": run.new,
        "duplicate": run.duplicate,
        "rejected": run.rejected,
        "blank": run.blank,
        "skipped": run.skipped,
        "send_requests": run.send_requests,
        "suppressions": run.suppressions,
        "rules_sha256": sha256,
        "rules_source": run.rules_source,
        "inputs": [_input_row(entry) for entry in inputs],
    }


def rules_version_row(row: Row[Any]) -> RulesVersionRow:
    """A rules version and what was decided by it; PostgreSQL's sums are decimals."""
    return {
        "sha256": row.sha256,
        "first_used_at": row.first_used_at,
        "runs": row.runs or 0,
        "first_run_id": row.first_run_id,
        "last_run_id": row.last_run_id,
        "send_requests": int(row.send_requests or 0),
        "suppressions": int(row.suppressions or 0),
    }


def _input_row(entry: RunInput) -> RunInputRow:
    return {
        "path": entry.path,
        "format": entry.format,
        "compression": entry.compression,
        "state": entry.state,
        "lines": entry.lines,
        "new": entry.new,
        "duplicate": entry.duplicate,
        "rejected": entry.rejected,
        "blank": entry.blank,
        "skipped": entry.skipped,
        "message": entry.message,
    }


def _text_or_base64(raw: bytes) -> tuple[str | None, str | None]:
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        return None, b64encode(raw).decode()
