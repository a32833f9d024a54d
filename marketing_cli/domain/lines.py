"""What reading hands on: a line, or why a line was refused."""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """Why a line was kept aside. A closed list: a token has one meaning and is never used again."""

    BAD_JSON = "bad_json"
    BAD_UTF8 = "bad_utf8"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    NAIVE_TIMESTAMP = "naive_timestamp"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    NUL_IN_TEXT = "nul_in_text"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    NOT_FINITE = "not_finite"
    LINE_TOO_LONG = "line_too_long"
    TOO_DEEP = "too_deep"
    TRUNCATED_TAIL = "truncated_tail"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"


class InputState(StrEnum):
    """How reading an input ended."""

    DONE = "done"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"
    STOPPED = "stopped"
    NOT_READ = "not_read"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason and, for people, what was wrong: the field and what is allowed, never the value."""

    reason: RejectReason
    detail: str


@dataclass(slots=True)
class RawLine:
    """One line or array element as it was read.

    `number` counts physical lines (or array elements) from 1. `raw` has no line end; of a line over the limit it holds
    the first 64 KiB, `length` the true number of bytes and `sha256` the digest of all of them. `refusal` is set when
    the reader already knows that this cannot be an event. `is_tail` marks a last line that has no line end.
    """

    number: int
    raw: bytes
    is_tail: bool = False
    refusal: Refusal | None = None
    length: int | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is kept aside, with the ids that could be read from it."""

    line: RawLine
    reason: RejectReason
    detail: str
    user_id: str | None = None
    event_type: str | None = None
    event_key: str | None = None
