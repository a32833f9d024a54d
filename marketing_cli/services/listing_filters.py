"""The words of the list commands as queries."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic_core import PydanticCustomError

from marketing_cli.domain.lines import RejectReason
from marketing_cli.domain.reasons import ReasonCode
from marketing_cli.errors import UsageError
from marketing_cli.schemas.list_queries import DayOf, DecisionQuery, Period, RejectQuery, RunQuery
from marketing_cli.schemas.rules import Channel
from marketing_cli.schemas.timestamps import parse_timestamp
from marketing_cli.services.rules_problems import did_you_mean, shortened

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 10**9
LARGEST_ID: Final = 2**63 - 1
SUPPRESSED: Final = (
    ReasonCode.DAILY_CAP_REACHED,
    ReasonCode.ALREADY_SENT_ONCE_EVER,
    ReasonCode.ALREADY_SENT_FOR_EVENT,
)
"""The reason codes that a suppression can have."""

_RELATIVE = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FORMS: Final = "2025-11-01T10:00:00Z, or 90s, 15m, 2h, 7d, 2w for so long before now"


def decision_query(  # noqa: PLR0913 - one for each option of the commands
    *,
    user: str | None = None,
    template: str | None = None,
    channel: str | None = None,
    reason_code: str | None = None,
    run: int | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    summary: bool = False,
    by_event_day: bool = False,
    now: datetime | None = None,
) -> DecisionQuery:
    """Read the options of `sends` and `suppressions`. Without a limit a summary is whole, a list has 50 rows.

    Raises UsageError for one that cannot be understood.
    """
    if by_event_day and not summary:
        raise UsageError("--by-event-day says how --summary counts; add --summary.")
    start, end = _span(since, until, now)
    days = DayOf.EVENT if by_event_day else DayOf.DECISION
    return DecisionQuery(
        user=_text("--user", user),
        template=_text("--template", template),
        channel=_one_of("--channel", channel, Channel),
        reason_code=_one_of("--reason-code", reason_code, SUPPRESSED),
        run=_run(run),
        since=start,
        until=end,
        limit=row_limit(limit, is_whole=summary),
        day_of=days if summary else None,
    )


def reject_query(  # noqa: PLR0913 - likewise
    *,
    run: int | None = None,
    reason: str | None = None,
    user: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int | None = None,
    raw: bool = False,
    with_raw: bool = True,
    now: datetime | None = None,
) -> RejectQuery:
    """Read the options of `rejects`. Without a limit `raw` gives all, the oldest first, else the newest 50.

    Raises UsageError for one that cannot be understood.
    """
    start, end = _span(since, until, now)
    return RejectQuery(
        run=_run(run),
        reason=_one_of("--reason", reason, RejectReason),
        user=_text("--user", user),
        since=start,
        until=end,
        limit=row_limit(limit, is_whole=raw),
        with_raw=with_raw,
        oldest_first=raw,
    )


def run_query(
    *, since: str | None = None, until: str | None = None, limit: int | None = None, now: datetime | None = None
) -> RunQuery:
    """Read the options of `runs`. Raises UsageError for one that cannot be understood."""
    start, end = _span(since, until, now)
    return RunQuery(since=start, until=end, limit=row_limit(limit))


def stats_period(
    *, since: str | None = None, until: str | None = None, by_event_day: bool = False, now: datetime | None = None
) -> Period:
    """Read the options of `stats`. Raises UsageError for one that cannot be understood."""
    start, end = _span(since, until, now)
    return Period(start, end, by_event_day)


def row_limit(limit: int | None, *, is_whole: bool = False) -> int:
    """The number of rows, 0 for all; unless asked for, what is whole has them all, and a list has 50.

    Raises UsageError.
    """
    if limit is None:
        return 0 if is_whole else DEFAULT_LIMIT
    if not 0 <= limit <= LARGEST_LIMIT:
        raise UsageError(f"--limit is a number of rows, up to {LARGEST_LIMIT:,}, or 0 for all of them.")
    return limit


def _run(number: int | None) -> int | None:
    if number is None or 1 <= number <= LARGEST_ID:
        return number
    raise UsageError("--run is the number of an ingest run, from 1; `mmsg runs` lists them.")


def _one_of(option: str, word: str | None, allowed: Iterable[str]) -> str | None:
    words = [str(known) for known in allowed]
    if word is None or word in words:
        return word
    raise UsageError(f'{option} takes one of {", ".join(words)}, not "{shortened(word)}"{did_you_mean(word, words)}')


def _text(option: str, text: str | None) -> str | None:
    """The text, which a database must be able to take."""
    if text is not None and any("\ud800" <= char <= "\udfff" for char in text):
        raise UsageError(f"{option}: these bytes are not UTF-8 text, so nothing stored can be meant.")
    return text


def _span(since: str | None, until: str | None, now: datetime | None) -> tuple[datetime | None, datetime | None]:
    now = now or datetime.now(UTC)  # once, so that both ends mean the same "before now"
    start = None if since is None else moment("--since", since, now)
    end = None if until is None else moment("--until", until, now)
    if start is not None and end is not None and start >= end:
        raise UsageError("--since is not before --until, so that nothing lies between them; exchange them.")
    return start, end


def moment(option: str, text: str, now: datetime) -> datetime:
    """The moment that the option's value stands for: RFC 3339 with an offset, or a length of time before `now`.

    Raises UsageError for anything else.
    """
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative:
            return now - timedelta(seconds=int(relative[1]) * _SECONDS[relative[2]])
        return parse_timestamp(text)
    except OverflowError:
        raise UsageError(f"{option}: {text} ago is before the calendar begins.") from None
    except PydanticCustomError as error:
        raise UsageError(_not_a_moment(option, text, RejectReason(error.type))) from None


def _not_a_moment(option: str, text: str, why: RejectReason) -> str:
    if _DAY.fullmatch(text):
        return f"{option} takes a moment, not a day: write {text}T00:00:00Z for the beginning of that day in UTC."
    if why is RejectReason.NAIVE_TIMESTAMP:
        return f"{option}: {shortened(text)} has no time zone; add Z for UTC, or an offset such as +01:00."
    if why is RejectReason.TIMESTAMP_OUT_OF_RANGE:
        return f"{option}: {shortened(text)} must lie within the years 1970 to 9999 in UTC."
    return f'{option} does not understand "{shortened(text)}"; write {_FORMS}.'
