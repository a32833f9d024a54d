"""Decisions as rows of `send_requests` and `suppressions`."""

from collections.abc import Sequence
from typing import Any

from marketing_cli.domain.batches import RunRef
from marketing_cli.services.engine import Decision


def request_rows(decisions: Sequence[Decision], ids: Sequence[int], run: RunRef) -> list[tuple[Any, ...]]:
    """The rows of the requests made, in the order of REQUEST_COLUMNS.

    Gives each request its number, which suppressions then point to.
    """
    status = ("historical" if run.backfill else "requested",)
    rows = []
    for decision, number in zip(decisions, ids, strict=True):
        decision.used_by.id = number
        rows.append(_row(decision, number, run) + status)
    return rows


def suppression_rows(decisions: Sequence[Decision], ids: Sequence[int], run: RunRef) -> list[tuple[Any, ...]]:
    """The rows of the suppressions, in the order of SUPPRESSION_COLUMNS; what blocked them must have its number."""
    return [
        (*_row(decision, number, run), decision.reason_code, decision.suppression_reason, decision.used_by.id)
        for decision, number in zip(decisions, ids, strict=True)
    ]


def _row(decision: Decision, number: int, run: RunRef) -> tuple[Any, ...]:
    rule, event = decision.evaluation.rule, decision.evaluation.event
    message = rule.message
    return (
        number,
        event.id,
        event.user_id,
        event.timestamp,
        rule.name,
        message.template,
        message.channel.value,
        decision.window.name,
        decision.reason,
        run.run_id,
        run.rules_version_id,
        decision.cause.id,
    )
