"""Decisions as rows of `send_requests` and `suppressions`."""

from collections.abc import Sequence
from typing import Any

from marketing_cli.domain.batches import RunRef
from marketing_cli.services.engine import Decision


def request_rows(decisions: Sequence[Decision], ids: Sequence[int], run: RunRef) -> list[dict[str, Any]]:
    """The rows of the requests made; gives each request its number, which suppressions then point to."""
    rows = []
    for decision, number in zip(decisions, ids, strict=True):
        decision.used_by.id = number
        rows.append(_row(decision, number, run) | {"status": "historical" if run.backfill else "requested"})
    return rows


def suppression_rows(decisions: Sequence[Decision], ids: Sequence[int], run: RunRef) -> list[dict[str, Any]]:
    """The rows of the suppressions; the requests that blocked them must have their numbers."""
    return [
        _row(decision, number, run)
        | {
            "reason_code": decision.reason_code,
            "suppression_reason": decision.suppression_reason,
            "blocking_request_id": decision.used_by.id,
        }
        for decision, number in zip(decisions, ids, strict=True)
    ]


def _row(decision: Decision, number: int, run: RunRef) -> dict[str, Any]:
    rule, event = decision.rule, decision.event
    return {
        "id": number,
        "event_id": event.id,
        "user_id": event.user_id,
        "event_timestamp": event.timestamp,
        "rule_name": rule.name,
        "template_name": rule.message.template,
        "channel": rule.message.channel.value,
        "dedup_window": decision.window.name,
        "reason": decision.reason,
        "run_id": run.run_id,
        "rules_version_id": run.rules_version_id,
        "caused_by_event_id": decision.cause.id,
    }
