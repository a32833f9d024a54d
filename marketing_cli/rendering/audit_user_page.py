"""What is known of a user as a page: the timeline, and the answer for one template."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.texts import z
from marketing_cli.rendering.audit_page import decision_item, place_text, rules_heading, rules_versions
from marketing_cli.rendering.page import Field, Item, Page, Paragraph, Section
from marketing_cli.rendering.tabular import Column, Listing, Tone
from marketing_cli.rendering.values import shown
from marketing_cli.schemas.audit import (
    Ambiguity,
    Answer,
    AuditedReject,
    ConsideredDecision,
    MessageDecision,
    TemplateAnswer,
    UserTimeline,
)

_MOST_CONSIDERED = 20
_LAST = datetime.max.replace(tzinfo=UTC)
_TONES = {
    "requested": Tone.GOOD,
    "historical": Tone.WARN,
    "suppressed": Tone.WARN,
    "rejected": Tone.BAD,
    "event": Tone.STRONG,
}
_TIMELINE = [
    Column("time", "Time"),
    Column("what", "What", tone=lambda what: _TONES[what]),
    Column("about", "About"),
    Column("event_id", "Event"),
]
_CANDIDATES = [
    Column("user_id", "User"),
    Column("event_type", "Type"),
    Column("event_timestamp", "Time"),
    Column("id", "Row"),
    Column("event_id", "Event"),
]
_ANSWER_TONES = {
    Answer.REQUESTED: Tone.GOOD,
    Answer.HISTORICAL: Tone.WARN,
    Answer.NOT_REQUESTED: Tone.BAD,
}


def timeline_page(timeline: UserTimeline) -> Page:
    """A user's timeline: each event, and below it what was decided on it."""
    counts = [
        Field("events", len(timeline.events)),
        Field("decisions", len(timeline.message_decisions)),
        Field("refused lines", len(timeline.rejects)),
    ]
    rows = [row for _, row in sorted(_rows(timeline), key=lambda pair: pair[0])]
    return Page(
        f"User {timeline.user_id}",
        [Section("Shown here", counts), Section("Timeline", [Listing(_TIMELINE, rows)])],
    )


def _rows(timeline: UserTimeline) -> Iterator[tuple[tuple[datetime, int, int], dict[str, Any]]]:
    """The rows, each with its place: by time, then by event, decisions after it; lines without a time at the end."""
    place = {event.event_id: number for number, event in enumerate(timeline.events)}
    for event in timeline.events:
        key = (event.event_timestamp, place[event.event_id], 0)
        yield key, _row(event.event_timestamp, "event", event.event_type, event.event_id)
    for decision in timeline.message_decisions:
        number = place.get(decision.event_id or "", len(place))
        what = "historical" if decision.historical else decision.status.value
        row = _row(decision.event_timestamp, what, _decision_text(decision), decision.event_id)
        yield (decision.event_timestamp, number, 1), row
    for kept in timeline.rejects:
        yield (
            (kept.event_timestamp or _LAST, len(place), 2),
            _row(kept.event_timestamp, "rejected", _reject_text(kept), kept.event_id),
        )


def _row(moment: datetime | None, what: str, about: str, event_id: str | None) -> dict[str, Any]:
    return {"time": moment, "what": what, "about": about, "event_id": event_id}


def _decision_text(decision: MessageDecision) -> str:
    if decision.status is Outcome.SUPPRESSED:
        missed = f"; {decision.near_miss}" if decision.near_miss else ""
        return f"{decision.reason} [{decision.reason_code}]{missed}"
    return f"{decision.template} ({decision.channel}): {decision.reason}"


def _reject_text(kept: AuditedReject) -> str:
    kind = kept.event_type or "a line without a legible type"
    times = "" if kept.count == 1 else f", {kept.count} times"
    return f"{kind}: {kept.reason}: {kept.detail} ({place_text(kept.path, kept.line)}{times})"


def answer_page(answer: TemplateAnswer) -> Page:
    """One answer, then what it rests on: the newest events that could have led to the template."""
    code = f" [{answer.reason_code}]" if answer.reason_code else ""
    items: list[Item] = [Paragraph(f"{answer.reason}{code}", _ANSWER_TONES[answer.answer])]
    items += [Paragraph(note) for note in answer.notes]
    newest = answer.considered[-_MOST_CONSIDERED:]
    versions = rules_versions(newest)
    looked_at: list[Item] = [
        decision_item(considered, _about(considered), with_rules=len(versions) > 1) for considered in newest
    ]
    left = len(answer.considered) - len(newest)
    if left:
        looked_at.append(Paragraph(f"... and {left} before these: --json shows them all.", Tone.DIM))
    return Page(
        f"{answer.template} for user {answer.user_id}",
        [
            Section("Answer", items),
            Section(f"Events that could have led to it{rules_heading(versions, 'rules version')}", looked_at),
        ],
    )


def _about(considered: ConsideredDecision) -> str:
    moment = z(considered.event_timestamp)
    if considered.event_id is None:
        return f"an event of {moment}, no longer stored; "
    return f"{shown(considered.event_type)} {considered.event_id} of {moment}; "


def candidates_listing(ambiguity: Ambiguity) -> Listing:
    """The events that may have been meant."""
    return Listing(_CANDIDATES, [candidate.model_dump() for candidate in ambiguity.candidates])
