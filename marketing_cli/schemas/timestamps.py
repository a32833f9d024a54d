"""RFC 3339 timestamps, read strictly and turned into UTC."""

import re
from datetime import UTC, datetime

from pydantic_core import PydanticCustomError

from marketing_cli.domain.lines import RejectReason
from marketing_cli.domain.zones import ZoneInfo

FIRST_YEAR = 1970

_RFC3339 = re.compile(
    r"(?P<year>[0-9]{4})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt ]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?P<second>[0-5][0-9]|60)(?P<fraction>\.[0-9]+)?"
    r"(?P<offset>[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
UTC_FORM = (
    "(?:19[7-9]|[2-9][0-9]{2})[0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?Z"
)
"""What nearly all timestamps look like, as a regular expression: all of it is read alike by the standard library."""

_SECONDS_END = len("2025-11-01T10:00:00")
_MICROSECONDS = len(".123456")

_EXPECTED = "must be RFC 3339 text with a time zone, such as 2025-11-01T10:00:00Z"
_LEAP_SECOND = "second 60 (a leap second) is not supported; use second 59"
_NO_SUCH_DAY = "this date is not in the calendar"
_NO_SUCH_TIME = "this local time does not exist in the assumed time zone: clocks were put forward over it"
_NAIVE = "has no time zone: add Z or an offset such as +01:00, or use --assume-timezone"
_RANGE = "must lie within the years 1970 to 9999 in UTC"


def parse_timestamp(value: object, zone: ZoneInfo | None = None) -> datetime:
    """Read RFC 3339 text, cut to microseconds, as an aware UTC datetime.

    Without an offset it is local time in `zone`: of two instants with that local time it is the earlier. Programs may
    give a datetime instead. Raises PydanticCustomError with a reject reason as its type: `bad_value`,
    `naive_timestamp` (no offset and no zone) or `timestamp_out_of_range`.
    """
    if isinstance(value, datetime):
        return to_utc(value, zone)
    if not isinstance(value, str) or not (match := _RFC3339.fullmatch(value)):
        raise _error(RejectReason.BAD_VALUE, _EXPECTED)
    year, second, fraction, offset = match.groups()
    if second == "60":
        raise _error(RejectReason.BAD_VALUE, _LEAP_SECOND)
    if year == "0000":
        raise _error(RejectReason.TIMESTAMP_OUT_OF_RANGE, _RANGE)
    parts = value[:_SECONDS_END], (fraction or "")[:_MICROSECONDS], (offset or "").upper()
    return to_utc(_moment("".join(parts)), zone)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _error(RejectReason.BAD_VALUE, _NO_SUCH_DAY) from None


def to_utc(moment: datetime, zone: ZoneInfo | None = None) -> datetime:
    """The same instant in UTC; a naive `moment` is local time in `zone`. Raises what `parse_timestamp` raises."""
    try:
        if moment.tzinfo is None:
            moment = _localized(moment, zone)
        moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        raise _error(RejectReason.TIMESTAMP_OUT_OF_RANGE, _RANGE) from None
    if moment.year < FIRST_YEAR:
        raise _error(RejectReason.TIMESTAMP_OUT_OF_RANGE, _RANGE)
    return moment


def _localized(moment: datetime, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        raise _error(RejectReason.NAIVE_TIMESTAMP, _NAIVE)
    instant = moment.replace(tzinfo=zone, fold=0).astimezone(UTC)
    # A local time that was skipped comes back as another one.
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) != moment.replace(fold=0):
        raise _error(RejectReason.BAD_VALUE, _NO_SUCH_TIME)
    return instant


def _error(reason: RejectReason, message: str) -> PydanticCustomError:
    return PydanticCustomError(reason.value, "{message}", {"message": message})
