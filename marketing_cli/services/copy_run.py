"""`mmsg copy` from its arguments to its report."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from marketing_cli.database.engine import DEFAULT_BUSY_TIMEOUT, sqlite_path
from marketing_cli.database.failures import failures_explained
from marketing_cli.database.half_copied import is_half_copied
from marketing_cli.database.migration import current_revision
from marketing_cli.database.sessions import Transactions, open_database
from marketing_cli.errors import ExitCode, MmsgError, UsageError
from marketing_cli.repositories.copy_moment import Moment, allow_pauses, last_numbers, moment_of_now, place_of
from marketing_cli.repositories.copy_parts import RUNS
from marketing_cli.schemas.copy import CopiedTable, CopyReport, CopyStatus, Digests
from marketing_cli.services.copy_comparing import Held, held, require_beginning
from marketing_cli.services.copy_naming import FROM, TO, reading_it, told_of
from marketing_cli.services.copy_target import Target
from marketing_cli.services.copying import Copying, CopyProgress
from marketing_cli.services.reading import Reading, reading_of
from marketing_cli.services.stopping import Interrupted, StopRequest

_SAME: Final = "--to names the database that DATABASE_URL names: a copy needs another one."


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """From where to where; URLs as settings normalise them."""

    source: str
    target: str
    busy_timeout: float = DEFAULT_BUSY_TIMEOUT


_AT_WORK: Final = (
    "runs that had not ended when the copy began: {}; they were copied as they stood. If one of them was at work, run"
    " the same command again once it has ended, before anything else is stored in the copy."
)


@dataclass(slots=True)
class _Ending:
    """What was copied, what both databases hold, and whether somebody asked to stop."""

    moment: Moment | None = None
    ours: Held | None = None
    theirs: Held | None = None
    is_complete: bool = False
    interrupted: int | None = None

    @property
    def status(self) -> CopyStatus:
        """A copy that is complete was not interrupted."""
        if self.is_complete:
            return CopyStatus.COPIED
        return CopyStatus.DIFFERS if self.interrupted is None else CopyStatus.INTERRUPTED

    @property
    def exit_code(self) -> ExitCode:
        """The code to exit with."""
        if self.is_complete:
            return ExitCode.OK
        return ExitCode.DIFFERS if self.interrupted is None else ExitCode(self.interrupted)


def run_copy(request: CopyRequest, stop: StopRequest, progress: CopyProgress) -> CopyReport:
    """Copy what is missing, then compare both databases.

    Raises UsageError where both are the same, or where the target holds another history; DatabaseUnavailable,
    DatabaseMissing, DatabaseAhead or DatabaseBehind, which name the database that is meant; and Interrupted when a
    request to stop comes before anything is copied.
    """
    _refuse_same_file(request)
    started_at = datetime.now(UTC)
    with (
        stop.interruptible(),
        told_of(FROM),
        _source(request) as source,
        reading_of(source, within=reading_it) as reading,
    ):
        reading.once(allow_pauses)
        ends = _looked_at(request, reading)
        with (
            told_of(TO),
            open_database(
                request.target,
                writes=True,
                busy_timeout=request.busy_timeout,
                hurried=lambda: stop.exit_code is not None,
                to_copy=True,
            ) as transactions,
        ):
            copying = Copying(reading, Target(transactions), stop, progress)
            with failures_explained(under_way=True):
                ending = _copied(copying, ends, Reading(transactions, pauses=False))
            return _report(request, copying.copied, ending, started_at)


def _source(request: CopyRequest) -> AbstractContextManager[Transactions]:
    return open_database(request.source, busy_timeout=request.busy_timeout)


def _looked_at(request: CopyRequest, source: Reading) -> Mapping[str, int]:
    """Where the target's tables end. Raises UsageError unless it is empty, or holds what the source does.

    Half copied, it is looked at while the copy goes on. As a reader: it may be somebody else's.
    """
    with (
        told_of(TO),
        open_database(request.target, busy_timeout=request.busy_timeout, to_copy=True) as transactions,
        reading_of(transactions) as target,
    ):
        place = target.once(place_of)
        if place is not None and place == source.once(place_of):
            raise UsageError(_SAME)
        if target.once(lambda session: is_half_copied(current_revision(session.connection()))):
            return target.once(last_numbers)
        return require_beginning(source, target, source.once(moment_of_now))


def _copied(copying: Copying, ends: Mapping[str, int], there: Reading) -> _Ending:
    """Copy, compare, and open the target to everybody if it holds what the source does."""
    ending = _Ending()
    try:
        with copying.stop.deferred():
            copying.target.begin(ends)
        ending.moment = copying.all()
        ending.ours = held(copying.reading, ending.moment.last)
        ending.theirs = held(there, there.once(last_numbers))
        if ending.ours == ending.theirs:
            with copying.stop.deferred():
                copying.target.end(ending.moment.highest)
                ending.is_complete = True
    except Interrupted as stopped:
        ending.interrupted = stopped.exit_code
    except MmsgError as failure:
        failure.under_way = True
        raise
    return ending


def _report(request: CopyRequest, copied: Mapping[str, int], ending: _Ending, started_at: datetime) -> CopyReport:
    ours, theirs = ending.ours, ending.theirs
    at_work = len(ending.moment.at_work[RUNS.name]) if ending.moment else 0
    return CopyReport(
        status=ending.status,
        exit_code=ending.exit_code,
        source=shown_url(request.source),
        target=shown_url(request.target),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        tables=[
            CopiedTable(
                table=name,
                copied=count,
                rows=None if ours is None else ours.rows[name],
                rows_there=None if theirs is None else theirs.rows[name],
            )
            for name, count in copied.items()
        ],
        digests=Digests(source=ours and ours.digest, target=theirs and theirs.digest),
        warnings=[_AT_WORK.format(at_work)] if at_work else [],
    )


def shown_url(url: str) -> str:
    """A database URL without its password, and without parameters, which may hold one."""
    return make_url(url).set(query={}).render_as_string(hide_password=True)


def _refuse_same_file(request: CopyRequest) -> None:
    paths = [sqlite_path(url) for url in (request.source, request.target)]
    if request.source == request.target or (None not in paths and _is_same(*map(_real, paths))):
        raise UsageError(_SAME)


def _real(path: Path | None) -> str:
    return os.path.realpath(path or "")


def _is_same(one: str, other: str) -> bool:
    try:
        return one == other or Path(one).samefile(other)
    except OSError:  # one of them is missing, which is told when it is opened
        return False
