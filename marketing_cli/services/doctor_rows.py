"""Checks of the rows themselves: the books, the limits, and what belongs together."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeAlias
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import Table
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketing_cli.domain.texts import counted
from marketing_cli.domain.windows import Window
from marketing_cli.models import (
    Base,
    Event,
    EventProperties,
    Reject,
    Run,
    RunInput,
    SendRequest,
    Suppression,
    UserTraits,
)
from marketing_cli.repositories import checks, checks_decisions
from marketing_cli.repositories.checks import Counted, Marks
from marketing_cli.services.doctor_findings import Finding, examples, ok, warning, worst, wrong
from marketing_cli.services.reading import Reading
from marketing_cli.services.suppression import day_window

_REPORT_IT = "This is a bug or somebody changed the tables: keep a copy of the database and report it."
_RESTORE = 'Rows were deleted or changed from outside: find out by whom, or restore a backup (README, "Backups").'
_MOST_INPUTS = 500
_DATE = slice(len("day:"), len("day:2025-11-01"))
_ZONE_CHANGES = timedelta(hours=3)

_Ids: TypeAlias = list[int]
_Look: TypeAlias = Callable[[Session, int, int], Sequence[int]]


def foreign_keys(reading: Reading) -> Finding:
    """Whether every row that names another finds it."""
    lost: Counter[str] = Counter()
    for table in Base.metadata.sorted_tables:
        last = reading.once(partial(checks.last_number, table=table))
        for found in reading.slices(last, partial(_orphans, table)):
            lost.update(found)
    if lost:
        shown = ", ".join(f"{name}: {count:,}" for name, count in sorted(lost.items()))
        return wrong(f"rows that name a row which is not there: {shown}", _RESTORE)
    return ok("every row that names another finds it")


def books(reading: Reading, at: Marks | None = None) -> Finding:
    """Whether every line and every decision is accounted for, run by run and in all; as of these marks, or of now."""
    at = at or reading.once(checks.marks)
    found = [
        _unbalanced(reading, at),
        _events(reading, at),
        _belonging(reading, at),
        _decisions(reading, at, SendRequest, "send requests"),
        _decisions(reading, at, Suppression, "suppressions"),
        _rejects(reading),
    ]
    runs = at.last[Run.__tablename__]
    return worst(found, f"they balance, up to event {at.last[Event.__tablename__]:,} and run {runs:,}")


def _unbalanced(reading: Reading, at: Marks) -> Finding:
    runs = _all(reading, at.last[Run.__tablename__], checks.unbalanced_runs)
    runs += _all(reading, at.last[RunInput.__tablename__], checks.unbalanced_inputs)
    return _verdict(sorted(set(runs)), "the lines of run {} do not add up", _REPORT_IT)


def _events(reading: Reading, at: Marks) -> Finding:
    booked = _sum(reading, at.last[RunInput.__tablename__], checks.booked_new)
    return _differing(reading, at, Event.input_id, booked | at.new, "events")


def _belonging(reading: Reading, at: Marks) -> Finding:
    """Whether each event is of its input's run, and what is kept beside it of its user."""
    last = at.last[Event.__tablename__]
    found = [
        _verdict(_all(reading, last, checks.of_other_runs), "events of another run than their input: row {}", _RESTORE)
    ]
    for model in (EventProperties, UserTraits):
        strangers = _all(reading, last, partial(checks.of_other_users, model=model))
        found.append(_verdict(strangers, f"{model.__tablename__} of another user than their event: row {{}}", _RESTORE))
    return worst(found, "")


def _decisions(reading: Reading, at: Marks, model: type[SendRequest | Suppression], name: str) -> Finding:
    return _differing(reading, at, model.run_id, booked_decisions(reading, at, model), name)


def booked_decisions(reading: Reading, at: Marks, model: type[SendRequest | Suppression]) -> Counted:
    """How many send requests or suppressions each run had booked at these marks, by its number."""
    column = Run.send_requests if model is SendRequest else Run.suppressions

    def look(session: Session, after: int, to: int) -> Counted:
        return checks.booked_decisions(session, column, after, to)

    return _sum(reading, at.last[Run.__tablename__], look) | at.decided[model.__tablename__]


def lost_events(reading: Reading, at: Marks) -> Counted:
    """How many events were booked and are not there, by run, as of these marks."""
    booked = _sum(reading, at.last[RunInput.__tablename__], checks.booked_new) | at.new
    stored = _sum(reading, at.last[Event.__tablename__], _stored_events)
    lost: Counter[int] = Counter()
    missing = [key for key, count in booked.items() if stored.get(key, 0) < count]
    for begin in range(0, len(missing), _MOST_INPUTS):
        some = missing[begin : begin + _MOST_INPUTS]
        for key, run in reading.once(partial(checks.run_of_inputs, input_ids=some)).items():
            lost[run] += booked[key] - stored.get(key, 0)
    return dict(lost)


def _differing(reading: Reading, at: Marks, owner: InstrumentedAttribute[int], booked: Counted, name: str) -> Finding:
    """Compare what was booked with the rows that are there."""

    def look(session: Session, after: int, to: int) -> Counted:
        return checks.stored(session, owner, after, to)

    stored = _sum(reading, at.last[owner.class_.__tablename__], look)
    differing = sorted(key for key in booked.keys() | stored.keys() if booked.get(key, 0) != stored.get(key, 0))
    if not differing:
        return ok("")
    runs: Sequence[int] = differing
    if owner.key == Event.input_id.key:
        runs = sorted(reading.once(lambda session: checks.runs_of_inputs(session, differing[:1000])))
    lost = sum(max(0, booked.get(key, 0) - stored.get(key, 0)) for key in differing)
    extra = sum(max(0, stored.get(key, 0) - booked.get(key, 0)) for key in differing)
    return wrong(f"{name}: {lost:,} missing and {extra:,} too many, of run {examples(runs)}", _RESTORE)


def _rejects(reading: Reading) -> Finding:
    """Lines are only ever added: what was counted meanwhile lies between what was booked before and after."""
    before = reading.once(checks.rejected_lines)
    last = _last(reading, Reject)
    kept = sum(reading.slices(last, checks.kept_lines))
    after = reading.once(checks.rejected_lines)
    if before <= kept <= after:
        return ok("")
    return wrong(f"rejected lines: {kept:,} are kept and {after:,} were counted", _RESTORE)


def limits(reading: Reading) -> Finding:
    """Whether any user was sent a template more often than the limit of a rule allowed."""
    last = _last(reading, SendRequest)
    over = _all(reading, last, checks_decisions.used_up_before)
    over += _all(reading, last, _over_a_day)
    odd = _all(reading, last, checks_decisions.unknown_windows) + _all(reading, last, _outside_their_day)
    advice = f"See whom with `mmsg sends`, and stop handing on. {_REPORT_IT}"
    found = [
        _verdict(sorted(set(over)), "a limit was exceeded by send request {}", advice),
        _verdict(sorted(set(odd)), "the window does not fit the time of send request {}", advice),
    ]
    return worst(found, f"no limit was exceeded, up to send request {last:,}")


def decisions(reading: Reading) -> Finding:
    """Whether each event and rule has one outcome, and each suppression a request that blocked it."""
    last = _last(reading, Suppression)
    unblocked = _all(reading, last, checks_decisions.not_blocked) + _all(reading, last, _not_blocked_that_day)
    found = [
        _verdict(
            _all(reading, last, checks_decisions.decided_both_ways),
            "requested and suppressed for one event and rule: suppression {}",
            _REPORT_IT,
        ),
        _verdict(sorted(set(unblocked)), "no send request that could have blocked suppression {}", _RESTORE),
    ]
    return worst(found, f"every suppression has the send request that blocked it, up to suppression {last:,}")


def shared_ids(reading: Reading) -> Finding:
    """Whether several users have events of the same id."""
    last = _last(reading, Event)
    shared = sum(reading.slices(last, checks.shared_keys))
    if not shared:
        return ok("no two users have an event of the same id")
    return warning(
        f"{counted(shared, 'event has', 'events have')} an id that another user's event has too",
        "They count as different events, and `mmsg audit EVENT_ID` asks for --user. If their producer means one event,"
        " it sends wrong users.",
    )


def _orphans(table: Table, session: Session, after: int, to: int) -> dict[str, int]:
    return checks.orphans(session, table, after, to)


def _stored_events(session: Session, after: int, to: int) -> Counted:
    return checks.stored(session, Event.input_id, after, to)


def _over_a_day(session: Session, after: int, to: int) -> _Ids:
    near = checks_decisions.near_day_requests(session, after, to)
    return [row.id for row in near if _lies_in(row.window, row.moment)]


def _not_blocked_that_day(session: Session, after: int, to: int) -> _Ids:
    blocked = checks_decisions.blocked_days(session, after, to)
    return [row.id for row in blocked if _lies_in(row.window, row.moment, _ZONE_CHANGES) is False]


def _outside_their_day(session: Session, after: int, to: int) -> _Ids:
    # Governments change their clocks, and what a day was is then told otherwise by newer zone data.
    rows = checks_decisions.day_requests(session, after, to)
    return [row.id for row in rows if _lies_in(row.window, row.moment, _ZONE_CHANGES) is False]


def _lies_in(name: str, moment: datetime, slack: timedelta = timedelta(0)) -> bool | None:
    """Whether a moment is in the day that a window is called by; None where this machine does not know the zone."""
    try:
        window = _named_day(name)
    except ZoneInfoNotFoundError:
        return None
    except ValueError:
        return False
    slack = slack if name.endswith("]") else timedelta(0)
    return any(start - slack <= moment <= end + slack for start, end in window.stretches)


def _named_day(name: str) -> Window:
    """The window of `day:2025-11-01` or `day:2025-11-01[Europe/Lisbon]`. Raises ValueError for another name."""
    zone = name[_DATE.stop :]
    if zone and not (zone.startswith("[") and zone.endswith("]")):
        raise ValueError(name)
    return day_window(zone[1:-1] or "UTC", date.fromisoformat(name[_DATE]))


def _last(reading: Reading, model: type[Base]) -> int:
    return reading.once(partial(checks.last_number, table=Base.metadata.tables[model.__tablename__]))


def _all(reading: Reading, last: int, look: _Look) -> _Ids:
    return [number for found in reading.slices(last, look) for number in found]


def _sum(reading: Reading, last: int, look: Callable[[Session, int, int], Counted]) -> Counted:
    total: Counter[int] = Counter()
    for found in reading.slices(last, look):
        total.update(found)
    return dict(total)


def _verdict(numbers: Sequence[int], sentence: str, advice: str) -> Finding:
    return wrong(sentence.format(examples(numbers)), advice) if numbers else ok("")
