"""How moments, durations and values are written for people."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

_UNITS = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("µs", 1))
_LONGEST_VALUE = 80
_TRUTHS = {True: "true", False: "false"}


def z(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC: `2025-11-01T10:00:00Z`, with as many digits of a second as it has.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is not UTC:
        if moment.utcoffset() is None:
            raise ValueError("a moment needs a time zone")
        moment = moment.astimezone(UTC)
    spec = "seconds" if moment.microsecond == 0 else "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=spec)[: -len("+00:00")] + "Z"


def counted(number: int, one: str, many: str | None = None) -> str:
    """How many there are: `1 event`, `1,200 events`; `many` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def human_duration(length: timedelta) -> str:
    """A length of time in its two largest units: `26 h 10 m` stays below two days, then days are counted.

    What is smaller is cut off, and so is the sign.
    """
    left = abs(length) // timedelta(microseconds=1)
    units = _UNITS if left >= 2 * _UNITS[0][1] else _UNITS[1:]
    parts: list[str] = []
    for name, size in units:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
        if len(parts) == 2 or (parts and name == "s"):  # noqa: PLR2004 - two units read well
            break
    return " ".join(parts) or "0 s"


def escaped(character: str) -> str:
    """A character as JSON escapes it: two escapes above U+FFFF."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


@cache
def _json() -> Callable[[Any], str]:
    import json  # noqa: PLC0415 - only explanations need it, and help, which loads this, should come at once

    return json.JSONEncoder(ensure_ascii=False).encode


def shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A JSON value for a sentence, cut to a readable length."""
    if isinstance(value, bool):
        return _TRUTHS[value]
    text = str(value) if isinstance(value, int) else z(value) if isinstance(value, datetime) else _json()(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
