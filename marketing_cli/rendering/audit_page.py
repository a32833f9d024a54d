"""The audit of one event as a page: the event as it came, then what each rule made of it and why."""

from collections.abc import Iterator, Sequence
from typing import Any

from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.texts import z
from marketing_cli.rendering.page import Bullet, Field, Item, JsonBlock, Mark, Page, Paragraph, Section
from marketing_cli.rendering.safe_text import safe
from marketing_cli.rendering.tabular import Tone
from marketing_cli.rendering.values import inline_json
from marketing_cli.schemas.audit import AuditedCondition, AuditedDecision, AuditedReject, AuditResponse, Source

_MARKS = {Outcome.REQUESTED: Mark.OK, Outcome.SUPPRESSED: Mark.SKIP, Outcome.NOT_MATCHED: Mark.NO}
_LONGEST_VALUE = 300
_SHORT_SHA = 12


def event_page(response: AuditResponse) -> Page:
    """The page of one event."""
    event = response.event
    no_rule = f"No rule looked at events of the type {event.event_type} when this one arrived."
    versions = rules_versions(response.decisions)
    rules = [decision_item(decision, with_rules=len(versions) > 1) for decision in response.decisions]
    sections = [
        Section("Event", _event_fields(response)),
        Section("As received", list(_as_received(response)), "no properties, no traits, nothing else"),
        Section(f"Rules{rules_heading(versions)}", rules, no_rule),
    ]
    if response.rejects:
        sections.append(Section("Refused lines with this id", [reject_item(kept) for kept in response.rejects]))
    if response.notes:
        sections.append(Section("Notes", [Paragraph(note, Tone.WARN) for note in response.notes]))
    return Page(f"Event {event.event_id}", sections)


def _event_fields(response: AuditResponse) -> list[Item]:
    event = response.event
    return [
        Field("event id", event.event_id, Tone.STRONG),
        Field("row", event.id),
        Field("user", event.user_id),
        Field("type", event.event_type),
        Field("time", event.event_timestamp),
        Field("stored at", event.created_at),
        Field("from", source_text(response.source)),
    ]


def _as_received(response: AuditResponse) -> Iterator[Item]:
    event = response.event
    for heading, value in (
        ("properties", event.properties),
        ("user_traits", event.user_traits),
        ("other fields", event.extra or None),
    ):
        if value is not None:
            yield Section(heading, [JsonBlock(value)])


def source_text(source: Source) -> str:
    """Where an event came from."""
    return f"{place_text(source.path, source.line, source.format)} (run {source.run_id})"


def place_text(path: str, line: int, form: str | None = None) -> str:
    """An input and a place in it."""
    name = "standard input" if path == "-" else path
    return f"{name}, {'element' if form == 'array' else 'line'} {line}"


def rules_versions(decisions: Sequence[AuditedDecision]) -> list[str]:
    """The rules versions that decided, each once."""
    return list(dict.fromkeys(decision.rules_sha256 for decision in decisions))


def rules_heading(versions: Sequence[str], what: str = "version") -> str:
    """The rules version for a heading, where one decided all."""
    return f" ({what} {versions[0][:_SHORT_SHA]})" if len(versions) == 1 else ""


def decision_item(decision: AuditedDecision, about: str = "", *, with_rules: bool = False) -> Bullet:
    """One rule, marked with its outcome; what explains it stands below. `about` names the event."""
    items: list[Item] = [Paragraph(text) for text in _because(decision)]
    items += [_condition_item(condition) for condition in decision.conditions]
    items += [Paragraph(note, Tone.WARN) for note in decision.notes]
    if decision.near_miss:
        items.append(Paragraph(decision.near_miss, Tone.STRONG))
    if with_rules:
        items.append(Paragraph(f"by rules version {decision.rules_sha256[:_SHORT_SHA]}", Tone.DIM))
    return Bullet(_MARKS[decision.outcome], f"{about}{_outcome_text(decision)}", items)


def _outcome_text(decision: AuditedDecision) -> str:
    message = f"{decision.template} ({decision.channel})"
    if decision.outcome is Outcome.NOT_MATCHED:
        return f"{decision.rule}: not matched, {message} was not requested"
    verb = "historical, never handed on" if decision.historical else decision.outcome.value
    at = f" at {z(decision.decided_at)}" if decision.decided_at else ""
    return f"{decision.rule}: {message} {verb}{at}"


def _because(decision: AuditedDecision) -> Iterator[str]:
    code = f" [{decision.reason_code}]" if decision.reason_code else ""
    yield f"{decision.reason}{code}"
    if decision.outcome is Outcome.SUPPRESSED and decision.matched_because:
        yield decision.matched_because
    blocked = decision.blocked_by
    if blocked and blocked.event_timestamp:
        event = f"event {blocked.event_id}" if blocked.event_id else "an event that is no longer stored"
        yield f"blocked by request {blocked.send_request_id} for {event} of {z(blocked.event_timestamp)}"
    if decision.late:
        cause = f"event {decision.caused_by}" if decision.caused_by else "an event that is no longer stored"
        yield f"decided late, because of the arrival of {cause}"


def _condition_item(condition: AuditedCondition) -> Bullet:
    note = f" ({condition.note})" if condition.note else ""
    text = f"{_wanted(condition)}: {_found(condition)}{note}"
    return Bullet(Mark.OK if condition.held else Mark.NO, text)


def _wanted(condition: AuditedCondition) -> str:
    expected = condition.expected
    if isinstance(expected, dict):
        return f"{condition.condition}, {expected['from']} to {expected['to']}"
    if condition.condition.endswith((" exists", " missing")):
        return condition.condition
    return f"{condition.condition} {_short(expected)}"


def _found(condition: AuditedCondition) -> str:
    is_prior = isinstance(condition.expected, dict)
    if "found" not in condition.model_fields_set:
        return "none is known" if is_prior else "it is not there"
    if is_prior:
        return f"found {condition.found['event_id']} of {condition.found['event_timestamp']}, {condition.found['gap']}"
    return f"found {_short(condition.found)}"


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return safe(inline_json(value), _LONGEST_VALUE)


def reject_item(kept: AuditedReject) -> Bullet:
    """A refused line: where it stood, and why it was refused."""
    times = "" if kept.count == 1 else f", {kept.count} times, last in run {kept.last_run_id}"
    place = f"{place_text(kept.path, kept.line)} (run {kept.run_id}{times})"
    return Bullet(Mark.NOTE, f"{place}: {kept.reason}: {kept.detail}")
