"""Stored rows and looks as the shapes that the audit answers with."""

import base64
from datetime import datetime
from typing import Any

from pydantic_core import PydanticCustomError

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.texts import z
from marketing_cli.repositories.audit_rows import KeptReject, StoredDecision, StoredEvent
from marketing_cli.schemas.audit import (
    AuditedCondition,
    AuditedEvent,
    AuditedReject,
    BlockedBy,
    MessageDecision,
    Source,
    TimelineEvent,
)
from marketing_cli.schemas.json_text import diagnose
from marketing_cli.schemas.json_values import Members
from marketing_cli.schemas.rules import FieldCondition
from marketing_cli.schemas.timestamps import parse_timestamp
from marketing_cli.services.audit_texts import note_text
from marketing_cli.services.engine import gap_text
from marketing_cli.services.rule_evaluation import MISSING, ConditionResult

_LONGEST_READ = 64 * 1024
"""Bytes of a refused line up to which it is searched for its timestamp."""


def event_shape(stored: StoredEvent) -> AuditedEvent:
    """The event as received."""
    return AuditedEvent(**_event_values(stored))


def timeline_event(stored: StoredEvent) -> TimelineEvent:
    """The event as received, with where it came from."""
    return TimelineEvent(**_event_values(stored), source=source_shape(stored))


def source_shape(stored: StoredEvent) -> Source:
    """Where an event came from."""
    return Source(run_id=stored.run_id, path=stored.path, line=stored.line, format=stored.format)


def _event_values(stored: StoredEvent) -> dict[str, Any]:
    facts = stored.facts
    return {
        "event_id": facts.key,
        "id": facts.id,
        "user_id": facts.user_id,
        "event_type": facts.event_type,
        "event_timestamp": facts.timestamp,
        "created_at": stored.created_at,
        "properties": facts.properties,
        "user_traits": facts.user_traits,
        "extra": facts.extra,
    }


def condition_shape(result: ConditionResult, event: EventFacts) -> AuditedCondition:
    """A condition with what was expected and what was found; what was not there is left out."""
    condition = result.condition
    expected: Any
    if isinstance(condition, FieldCondition):
        expected = list(condition.expected) if isinstance(condition.expected, tuple) else condition.expected
    else:
        first = event.timestamp - condition.within
        expected = {"event_type": condition.prior_event, "from": z(first), "to": z(event.timestamp)}
    found = {} if result.found is MISSING else {"found": _found_shape(result.found, event)}
    note = note_text(result, event)
    return AuditedCondition(
        condition=condition.text, expected=expected, held=result.held, code=result.code, note=note, **found
    )


def _found_shape(found: Any, event: EventFacts) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(found, datetime):
        return z(found)
    if isinstance(found, EventRef):
        return {"event_id": found.key, "event_timestamp": z(found.timestamp), "gap": gap_text(found, event)}
    return found


def blocked_by_shape(decision: StoredDecision) -> BlockedBy | None:
    """The request that a suppression names."""
    blocking = decision.blocking
    if blocking is None:
        return None
    return BlockedBy(
        send_request_id=blocking.request_id,
        event_id=blocking.event_key,
        event_timestamp=blocking.event_timestamp,
    )


def message_shape(decision: StoredDecision, near_miss: str | None = None) -> MessageDecision:
    """A request or suppression on a timeline."""
    return MessageDecision(
        template=decision.template,
        channel=decision.channel,
        status=decision.outcome,
        reason_code=decision.reason_code,
        reason=decision.suppression_reason or decision.reason,
        event_id=decision.event_key,
        event_timestamp=decision.event_timestamp,
        decided_at=decision.decided_at,
        rule=decision.rule_name,
        historical=decision.historical,
        caused_by=decision.caused_by_key,
        late=decision.is_late,
        run_id=decision.run_id,
        near_miss=near_miss,
    )


def reject_shape(kept: KeptReject) -> AuditedReject:
    """A refused line, its bytes as text where they are UTF-8."""
    raw = kept.raw or b""
    try:
        text, encoded = raw.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, base64.b64encode(raw).decode()
    return AuditedReject(
        run_id=kept.run_id,
        last_run_id=kept.last_run_id,
        count=kept.count,
        path=kept.path,
        line=kept.line,
        reason=kept.reason,
        detail=kept.detail,
        user_id=kept.user_id,
        event_type=kept.event_type,
        event_id=kept.event_key,
        raw=text,
        raw_base64=encoded,
        raw_length=kept.raw_length,
        created_at=kept.created_at,
        event_timestamp=_legible_time(raw),
    )


def _legible_time(raw: bytes) -> datetime | None:
    if len(raw) > _LONGEST_READ:
        return None
    value = diagnose(raw).value
    event = dict(value) if isinstance(value, dict | Members) else {}
    try:
        return parse_timestamp(event.get("event_timestamp"))
    except PydanticCustomError:
        return None


def reject_text(kept: KeptReject | AuditedReject) -> str:
    """Where a line was refused and why, for a sentence."""
    place = "standard input" if kept.path == "-" else kept.path
    return f"{place}, line {kept.line}: {kept.reason}: {kept.detail}"
