"""One behavioural event as a producer sends it, checked and typed."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetPydanticSchema, ValidationError, ValidationInfo, model_validator
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from marketing_cli.domain.events import NO_EXTRA, EventFacts, IncomingEvent, JsonObject
from marketing_cli.domain.lines import RejectReason
from marketing_cli.schemas.content import EventContent, content_hash
from marketing_cli.schemas.json_values import INT_MAX, INT_MIN, first_fault
from marketing_cli.schemas.projections import (
    EventPropertiesIn,
    PropertyColumns,
    TraitColumns,
    UserTraitsIn,
    join_traits,
    project_properties,
    split_traits,
)
from marketing_cli.schemas.timestamps import UTC_FORM, parse_timestamp

__all__ = [
    "EventIn",
    "EventPropertiesIn",
    "PropertyColumns",
    "TraitColumns",
    "UserTraitsIn",
    "faults_of",
    "join_traits",
    "own_id_field",
    "project_properties",
    "read_id",
    "read_user_id",
    "split_traits",
]

MAX_ID = 255
# Where an event keeps it once computed: by the lock of cached_property that would take twice as long.
_CONTENT_HASH = "_content_hash"
# In order of preference.
OWN_ID_FIELDS = ("event_id", "message_id", "messageId")
_FAULTS = {*RejectReason, "missing"}

_ID_RULE = f"must be text of 1 to {MAX_ID} characters, not only spaces or characters that cannot be seen"


def read_id(value: object) -> str:
    """An id or type: text of 1 to 255 characters, at least one of them visible; else PydanticCustomError."""
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and (value[0].isalnum() or not _is_blank(value)):
        return value
    if value is None:
        raise _error(RejectReason.MISSING_FIELD, "is required and must not be null")
    raise _error(RejectReason.BAD_VALUE, _ID_RULE)


def read_user_id(value: object) -> str:
    """A user's id: what `read_id` takes, or a 64-bit integer as its decimal text; else PydanticCustomError."""
    if isinstance(value, str) or value is None:
        return read_id(value)
    if isinstance(value, bool) or not isinstance(value, int) or not INT_MIN <= value <= INT_MAX:
        raise _error(RejectReason.BAD_VALUE, f"{_ID_RULE}; or an integer")
    return str(int(value))


def faults_of(error: ValidationError) -> list[ErrorDetails]:
    """What is wrong with an event that was refused: the type of each is a reject reason, or pydantic's `missing`.

    What the error holds besides only says that a value has not the form that most have. Input and URLs are left out.
    """
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    return [one for one in errors if one["type"] in _FAULTS]


def own_id_field(event: JsonObject) -> str | None:
    """The field that holds the producer's own id of a raw event: the first of the three that is there and not null."""
    return next((name for name in OWN_ID_FIELDS if event.get(name) is not None), None)


def _is_blank(text: str) -> bool:
    return all(c.isspace() or unicodedata.category(c) in {"Zs", "Zl", "Zp", "Cf"} for c in text)


def _read_timestamp(value: object, info: ValidationInfo) -> datetime:
    if value is None:
        raise _error(RejectReason.MISSING_FIELD, "is required and must not be null")
    return parse_timestamp(value, info.context.get("assume_timezone") if info.context else None)


def _read_object(value: object) -> JsonObject | None:
    if value is None or isinstance(value, dict):
        return value
    raise _error(RejectReason.BAD_VALUE, "must be an object or null")


def _error(reason: RejectReason, message: str) -> PydanticCustomError:
    return PydanticCustomError(reason.value, "{message}", {"message": message})


def _first(usual: CoreSchema, other: CoreSchema) -> GetPydanticSchema:
    """What has the usual form is recognised by pydantic alone; all else is left to a function, which also complains."""
    return GetPydanticSchema(lambda _type, _handler: core_schema.union_schema([usual, other], mode="left_to_right"))


_by = core_schema.no_info_plain_validator_function

# A letter or a digit can be seen, whatever else is in the text.
_USUAL_ID = core_schema.str_schema(strict=True, min_length=1, max_length=MAX_ID, pattern=r"[\p{L}\p{N}]")
_USUAL_MOMENT = core_schema.no_info_after_validator_function(
    datetime.fromisoformat, core_schema.str_schema(strict=True, pattern=rf"^(?:{UTC_FORM})$")
)
_USUAL_OBJECT = core_schema.is_instance_schema(dict)


class EventIn(BaseModel):
    """An event that can be stored and read back on every database.

    Validate a raw event, as JSON holds it: `EventIn.model_validate({"user_id": …, …})`; `faults_of` reads the error. A
    validation context may hold `assume_timezone`, a ZoneInfo for timestamps without an offset, and `json_checked`, True
    if the values are known to be storable JSON.

    `user_id`, `event_type` and `event_id` have 1 to 255 characters; `event_id` is the producer's own id, from whichever
    field it came, or None. `event_timestamp` is in UTC. `properties` and `user_traits` are as received.
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    # The order in which a line with several faults is judged.
    user_id: Annotated[str, _first(_USUAL_ID, _by(read_user_id))]
    event_type: Annotated[str, _first(_USUAL_ID, _by(read_id))]
    event_timestamp: Annotated[
        datetime, _first(_USUAL_MOMENT, core_schema.with_info_plain_validator_function(_read_timestamp))
    ]
    event_id: Annotated[str | None, _first(_USUAL_ID, _by(read_id))] = None
    properties: Annotated[JsonObject | None, _first(_USUAL_OBJECT, _by(_read_object))] = None
    user_traits: Annotated[JsonObject | None, _first(_USUAL_OBJECT, _by(_read_object))] = None

    @model_validator(mode="before")
    @classmethod
    def _read_raw_event(cls, event: Any, info: ValidationInfo) -> Any:  # noqa: ANN401
        if isinstance(event, EventIn):
            return event
        if not isinstance(event, dict):
            raise _error(RejectReason.NOT_AN_OBJECT, "must be one JSON object")
        context = info.context
        if not (context and context.get("json_checked")):
            _check_values(event)
        return event if event.get("event_id") is not None else _with_own_id(event)

    @property
    def extra(self) -> JsonObject:
        """The top-level keys that are none of the fields, in their order."""
        return self.__pydantic_extra__ or {}

    @property
    def has_own_id(self) -> bool:
        """Whether the producer gave the event an id."""
        return self.event_id is not None

    @property
    def event_key(self) -> str:
        """The producer's own id, or without one the content hash in hexadecimal."""
        own_id: str | None = self.__dict__["event_id"]
        return own_id if own_id is not None else self.content_hash.hex()

    @property
    def content_hash(self) -> bytes:
        """The 32 bytes that tell whether two events say the same; computed once."""
        values = self.__dict__
        digest: bytes | None = values.get(_CONTENT_HASH)
        if digest is None:
            digest = values[_CONTENT_HASH] = content_hash(
                values["user_id"],
                values["event_type"],
                values["event_timestamp"],
                values["properties"],
                values["user_traits"],
            )
        return digest

    @property
    def content(self) -> EventContent:
        """What a second delivery of the event must have in common with it."""
        return EventContent(self.event_type, self.event_timestamp, self.properties, self.user_traits)

    def incoming(self) -> IncomingEvent:
        """The event without what validation keeps beside it."""
        # Not by the attributes: the model looks twice for each.
        values = self.__dict__
        own_id, content_hash = values["event_id"], self.content_hash
        return IncomingEvent(
            content_hash.hex() if own_id is None else own_id,
            own_id is not None,
            values["user_id"],
            values["event_type"],
            values["event_timestamp"],
            values["properties"],
            values["user_traits"],
            self.__pydantic_extra__ or NO_EXTRA,
            content_hash,
        )

    def facts(self, id: int) -> EventFacts:  # noqa: A002
        """The event as the rule engine sees it, under the number `id` of its row."""
        return self.incoming().numbered(id)


def _with_own_id(event: JsonObject) -> JsonObject:
    """The event with its own id in `event_id`, and without the field that it came from."""
    source = own_id_field(event)
    if source is None and "event_id" not in event:
        return event
    others = {key: value for key, value in event.items() if key not in ("event_id", source)}
    return others if source is None else {**others, "event_id": event[source]}


def _check_values(event: JsonObject) -> None:
    # A program may hand over a datetime, which is no JSON.
    moment = event.get("event_timestamp")
    fault = first_fault({**event, "event_timestamp": None} if isinstance(moment, datetime) else event)
    if fault:
        refusal = fault.refusal()
        raise _error(refusal.reason, refusal.detail)
