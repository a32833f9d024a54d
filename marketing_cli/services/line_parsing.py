"""From one raw line to an event, or to the reason why it is none."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from marketing_cli.domain.lines import RawLine, Refusal, Reject, RejectReason
from marketing_cli.domain.zones import ZoneInfo
from marketing_cli.schemas.event import EventIn, faults_of, own_id_field, read_id, read_user_id
from marketing_cli.schemas.json_text import diagnose, needs_close_look
from marketing_cli.schemas.json_values import Members, first_fault

_JSON_SPACE = b" \t\r\n"

# What EventIn.model_validate comes down to.
_validate = TypeAdapter(EventIn).validator.validate_python


@dataclass(frozen=True)
class ParseOptions:
    """How lines are read. `assume_timezone` is the zone of timestamps that have no offset; None rejects them."""

    assume_timezone: ZoneInfo | None = None

    @cached_property
    def context(self) -> dict[str, Any]:
        """What validation is told of lines whose JSON was checked."""
        return {"assume_timezone": self.assume_timezone, "json_checked": True}


def parse_line(line: RawLine, options: ParseOptions) -> EventIn | Reject | None:
    """Read one line as an event.

    Returns None for a blank line and a Reject for a line that is no event; never raises for what a line holds. The
    detail of a Reject names a place and what is allowed there, never a value. Of several faults the JSON's come first,
    then those of user_id, event_type, event_timestamp, event_id, properties and user_traits.
    """
    if line.refusal:
        return Reject(line, line.refusal.reason, line.refusal.detail)
    try:
        value = orjson.loads(line.raw)
    except ValueError:
        return _unreadable(line) if line.raw.strip(_JSON_SPACE) else None
    if needs_close_look(line.raw):
        diagnosis = diagnose(line.raw)
        if diagnosis.refusal:
            return _reject(line, diagnosis.refusal, diagnosis.value)
    return validated(line, value, options)


def validated(line: RawLine, value: Any, options: ParseOptions) -> EventIn | Reject:  # noqa: ANN401
    """The event that a line's JSON holds, which has had its close look if it needs one, or why it is none."""
    try:
        event: EventIn = _validate(value, context=options.context)
    except ValidationError as error:
        return _reject(line, _refusal(error, value), value)
    return event


def _refusal(error: ValidationError, value: Any) -> Refusal:  # noqa: ANN401
    """The first fault that was found, in our words."""
    first = faults_of(error)[0]
    if not first["loc"]:
        return Refusal(RejectReason(first["type"]), f"the line {first['msg']}")
    field = str(first["loc"][0])
    if field == "event_id":
        field = own_id_field(value) or field
    if first["type"] == "missing":
        return Refusal(RejectReason.MISSING_FIELD, f"{field}: is required")
    return Refusal(RejectReason(first["type"]), f"{field}: {first['msg']}")


def _unreadable(line: RawLine) -> Reject:
    diagnosis = diagnose(line.raw)
    refusal = diagnosis.refusal or Refusal(RejectReason.BAD_JSON, "not valid JSON")
    if line.is_tail and not diagnosis.whole:
        detail = f"the last line has no line end and is not whole; its writer may not be done ({refusal.detail})"
        refusal = Refusal(RejectReason.TRUNCATED_TAIL, detail)
    return _reject(line, refusal, diagnosis.value)


def _reject(line: RawLine, refusal: Refusal, value: Any) -> Reject:  # noqa: ANN401
    """The line as a reject, with the ids that are legible and valid by themselves."""
    event = dict(value) if isinstance(value, dict | Members) else {}
    own_id = own_id_field(event)
    return Reject(
        line,
        refusal.reason,
        refusal.detail,
        user_id=_legible(read_user_id, event.get("user_id")),
        event_type=_legible(read_id, event.get("event_type")),
        event_key=_legible(read_id, event[own_id]) if own_id else None,
    )


def _legible(read: Callable[[object], str], value: object) -> str | None:
    if first_fault(value):
        return None
    try:
        return read(value)
    except PydanticCustomError:
        return None
