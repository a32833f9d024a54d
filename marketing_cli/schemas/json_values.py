"""What a JSON value may hold so that every database can store it and give it back."""

import math
from dataclasses import dataclass, replace
from typing import Any

from marketing_cli.domain.lines import Refusal, RejectReason
from marketing_cli.domain.texts import escaped

MAX_DEPTH = 100
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_MAX_NAME = 80


class Members(list[tuple[str, Any]]):
    """The members of an object as they were written, equal keys included."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a value cannot be kept, and its place: the keys and list positions that lead to it."""

    reason: RejectReason
    rule: str
    path: tuple[str | int, ...] = ()

    def refusal(self) -> Refusal:
        """The fault as it is reported: the field and what is allowed."""
        name = field_name(self.path)
        return Refusal(self.reason, f"{name}: {self.rule}" if name else self.rule)


SURROGATE = Fault(RejectReason.BAD_JSON, "text must not contain half of a surrogate pair (\\ud800 to \\udfff)")
NUL = Fault(RejectReason.NUL_IN_TEXT, "text must not contain the character NUL (\\u0000)")
INT_RANGE = Fault(RejectReason.NUMBER_OUT_OF_RANGE, f"an integer must be from {INT_MIN} to {INT_MAX}")
FLOAT_RANGE = Fault(RejectReason.NUMBER_OUT_OF_RANGE, "a number must be smaller than 1.8e308")
NOT_FINITE = Fault(RejectReason.NOT_FINITE, "NaN and Infinity are not JSON; a number must be finite")
TOO_DEEP = Fault(RejectReason.TOO_DEEP, f"objects and arrays may be nested {MAX_DEPTH} deep, the event itself included")
NOT_JSON = Fault(RejectReason.BAD_VALUE, "must be a JSON value")
BAD_KEY = Fault(RejectReason.BAD_VALUE, "the keys of an object must be text")


def first_fault(value: Any, depth: int = 1) -> Fault | None:  # noqa: ANN401
    """The first thing in `value`, in the order written, that cannot be kept; None if all of it can.

    Takes what a JSON parser returns; a `Fault` stands for a value that the parser could not represent, `Members` for
    an object. `depth` is the depth of `value` if that is an object or an array.
    """
    if isinstance(value, dict | list) and depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Members):
        return _fault_in_members(value, depth)
    if isinstance(value, dict):
        return _fault_in_members(value.items(), depth)
    if isinstance(value, list):
        return _fault_in_list(value, depth)
    return _fault_in_scalar(value)


def _fault_in_members(members: Any, depth: int) -> Fault | None:  # noqa: ANN401
    for key, value in members:
        fault = _fault_in_text(key) if isinstance(key, str) else BAD_KEY
        fault = fault or first_fault(value, depth + 1)
        if fault:
            return replace(fault, path=(str(key), *fault.path))
    return None


def _fault_in_list(values: list[Any], depth: int) -> Fault | None:
    for position, value in enumerate(values):
        fault = first_fault(value, depth + 1)
        if fault:
            return replace(fault, path=(position, *fault.path))
    return None


def _fault_in_scalar(value: object) -> Fault | None:
    if isinstance(value, str):
        return _fault_in_text(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if INT_MIN <= value <= INT_MAX else INT_RANGE
    if isinstance(value, float):
        return None if math.isfinite(value) else NOT_FINITE
    return value if isinstance(value, Fault) else NOT_JSON


def _fault_in_text(text: str) -> Fault | None:
    if "\0" in text:
        return NUL
    try:
        text.encode()
    except UnicodeEncodeError:
        return SURROGATE
    return None


def field_name(path: tuple[str | int, ...]) -> str:
    """A path for people: `properties.items[3]`, printable ASCII only, at most 80 characters."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part[:_MAX_NAME]}" for part in path)
    return printable("".join(parts).removeprefix("."))


def printable(name: str) -> str:
    """A name as printable ASCII of at most 80 characters; anything else is shown as its escape."""
    text = "".join(c if " " <= c <= "~" else escaped(c) for c in name[:_MAX_NAME])
    return text if len(text) <= _MAX_NAME and len(name) <= _MAX_NAME else text[: _MAX_NAME - 3] + "..."
