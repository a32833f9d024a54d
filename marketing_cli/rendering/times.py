"""Instants and durations as text."""

from datetime import UTC, datetime, timedelta

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def z(instant: datetime) -> str:
    """`instant` in UTC as `2025-11-01T10:00:00Z`; a fraction has three digits if they say it all, else six.

    Raises ValueError if `instant` has no time zone.
    """
    if instant.utcoffset() is None:
        raise ValueError("an instant needs a time zone")
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec=_precision(utc.microsecond)) + "Z"


def human_duration(duration: timedelta) -> str:
    """`duration` in its two largest units, cut and not rounded: `2 d 3 h`, `26 h 10 m`, `10 m 5 s`, `1.5 s`, `250 ms`.

    Days count from 48 hours on. A second unit of zero is left out.
    """
    if duration < timedelta(0):
        return "-" + human_duration(-duration)
    seconds = duration // timedelta(seconds=1)
    if seconds >= 2 * _DAY:
        return _two_units(seconds, _DAY, "d", _HOUR, "h")
    if seconds >= _HOUR:
        return _two_units(seconds, _HOUR, "h", _MINUTE, "m")
    if seconds >= _MINUTE:
        return _two_units(seconds, _MINUTE, "m", 1, "s")
    return _below_a_minute(seconds, duration.microseconds)


def _precision(microseconds: int) -> str:
    if microseconds == 0:
        return "seconds"
    return "microseconds" if microseconds % 1000 else "milliseconds"


def _two_units(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod(seconds, large)
    rest //= small
    return f"{whole} {large_name} {rest} {small_name}" if rest else f"{whole} {large_name}"


def _below_a_minute(seconds: int, microseconds: int) -> str:
    tenths = microseconds // 100_000
    if seconds:
        return f"{seconds}.{tenths} s" if tenths else f"{seconds} s"
    if microseconds == 0:
        return "0 s"
    milliseconds = microseconds // 1000
    return f"{milliseconds} ms" if milliseconds else "less than 1 ms"
