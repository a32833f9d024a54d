"""A line of JSON text: whether it needs a close look, and what is wrong with it."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from marketing_cli.domain.lines import Refusal, RejectReason
from marketing_cli.schemas.json_values import (
    FLOAT_RANGE,
    INT_MAX,
    INT_MIN,
    INT_RANGE,
    MAX_DEPTH,
    NOT_FINITE,
    TOO_DEEP,
    Fault,
    Members,
    first_fault,
)

_INT_DIGITS = len(str(INT_MAX))

# Only 19 digits in a row can make an integer of more than 64 bits, which the parser would turn into a float.
_ALIKE = bytes.maketrans(b"123456789", b"000000000")
"""Makes all digits alike."""
_LONG_NUMBER = b"0" * _INT_DIGITS
_TEXT_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)

# The start of the decoder's message → what is said to people; the decoder's own words may quote the line.
_COMPLAINTS = {
    "Expecting value": "a value is expected here",
    "Expecting property name": "a key in double quotes is expected here",
    "Illegal trailing comma": "a comma is not allowed here",
    "Expecting ':'": "a colon is expected here",
    "Expecting ','": "a comma or the closing bracket is expected here",
    "Unterminated string": "the text that starts here has no closing quote",
    "Invalid control character": "a control character in text must be written as an escape",
    "Invalid \\escape": "this escape does not exist in JSON",
    "Invalid \\uXXXX": "\\u needs four hexadecimal digits",
    "Extra data": "the JSON value ends before this",
    "Unexpected UTF-8 BOM": "a byte order mark is only allowed at the start of the input",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a close look found. `value` is what could be read, `whole` whether the text is one complete JSON value."""

    refusal: Refusal | None
    value: Any = None
    whole: bool = True


def needs_close_look(raw: bytes) -> bool:
    """Whether text that parses may hold what the parser lets pass: NUL, an integer out of range, deep nesting.

    Never False for text that does hold one of these; seldom True for text that does not.
    """
    brackets = len(raw) - len(raw.replace(b"{", b"").replace(b"[", b""))
    if brackets > MAX_DEPTH or raw.translate(_ALIKE).find(_LONG_NUMBER) >= 0:
        return True
    return raw.find(b"\\") >= 0 and raw.find(b"\\u0000") >= 0


def diagnose(raw: bytes) -> Diagnosis:
    """Say what is wrong with one line: its bytes, its nesting, its grammar, then the first value that cannot be kept.

    Slow and thorough: it also sees a value that a later equal key replaces. The refusal is None if nothing is wrong.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start + 1}: the line must be UTF-8"
        return Diagnosis(Refusal(RejectReason.BAD_UTF8, detail), whole=False)
    if _is_too_deep(text):
        return Diagnosis(TOO_DEEP.refusal(), _read_anyway(text))
    try:
        value = _read(text)
    except json.JSONDecodeError as error:
        return Diagnosis(Refusal(RejectReason.BAD_JSON, _complaint(error)), whole=False)
    fault = first_fault(value)
    return Diagnosis(fault.refusal() if fault else None, value)


def _is_too_deep(text: str) -> bool:
    depth = 0
    for token in _TEXT_OR_BRACKET.finditer(text):
        kind = text[token.start()]
        depth += (kind in "[{") - (kind in "]}")
        if depth > MAX_DEPTH:
            return True
    return False


def _read(text: str) -> Any:  # noqa: ANN401
    return json.loads(
        text,
        object_pairs_hook=Members,
        parse_int=_parse_int,
        parse_float=_parse_float,
        parse_constant=lambda _: NOT_FINITE,
    )


def _read_anyway(text: str) -> Any:  # noqa: ANN401
    """What is too deep may still be read for the ids that it names; if it is far too deep, it is not."""
    try:
        return _read(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _parse_int(digits: str) -> int | Fault:
    # Python refuses to convert thousands of digits.
    if len(digits) > _INT_DIGITS + 1:
        return INT_RANGE
    return value if INT_MIN <= (value := int(digits)) <= INT_MAX else INT_RANGE


def _parse_float(digits: str) -> float | Fault:
    return value if math.isfinite(value := float(digits)) else FLOAT_RANGE


def _complaint(error: json.JSONDecodeError) -> str:
    complaint = next((words for start, words in _COMPLAINTS.items() if error.msg.startswith(start)), "not valid JSON")
    # Only an array element can have several lines.
    row = f"line {error.lineno} of the element, " if "\n" in error.doc else ""
    return f"{row}column {error.colno}: {complaint}"
