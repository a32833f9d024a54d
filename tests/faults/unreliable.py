"""Runs of `ingest` inside this process, which die or are let down by their database at a chosen step.

A step is a statement that is about to be executed, a COMMIT that is about to be done, or one that was just done.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import sessionmaker

from marketing_cli.database.engine import make_engine
from marketing_cli.database.failures import DATABASE_ERRORS
from marketing_cli.schemas.report import IngestReport, RunStatus
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.sources.discovery import find_inputs
from property.reference import Json
from support.deciding import loaded

DIES = "dies"
FAILS_ONCE = "fails once"
FAILS_FOR_GOOD = "fails for good"
REFUSED = "a row is refused"
KINDS = (DIES, FAILS_ONCE, FAILS_FOR_GOOD, REFUSED)
PATIENCE_SECONDS = 60.0


class Died(BaseException):
    """The process is no more: nothing of the program may handle this, and nothing it does afterwards has an effect."""


@dataclass
class Fault:
    """What happens at the k-th step of a run, and from then on if it is for good."""

    kind: str
    at: int
    steps: int = 0
    struck: bool = False

    def step(self, *, committed: bool = False) -> None:
        """One step further. Raises what the fault is, when it is due."""
        self.steps += 1
        if self.kind == REFUSED and committed:
            return  # No database takes a row back that it has committed.
        due = self.steps >= self.at and (not self.struck or self.kind in {DIES, FAILS_FOR_GOOD})
        if not due:
            return
        self.struck = True
        if self.kind == DIES:
            raise Died
        kind = IntegrityError if self.kind == REFUSED else OperationalError
        raise kind("a statement", {}, Exception("let down"))


@dataclass
class Attempt:
    """One run over one file, and what it acknowledged: first and last lines of batches."""

    path: Path
    batch_size: int
    rules: Sequence[Json]
    fault: Fault | None = None
    acked: list[tuple[int, int]] = field(default_factory=list)
    report: IngestReport | None = None

    @property
    def was_disturbed(self) -> bool:
        """Whether its fault did strike."""
        return self.fault is not None and self.fault.struck


class Unreliable:
    """A migrated database that runs write to. What is read outside of a run is never disturbed."""

    def __init__(self, url: str) -> None:
        """Open it."""
        self.engine = make_engine(url, writes=True, busy_timeout=PATIENCE_SECONDS)
        self.transactions = sessionmaker(self.engine, expire_on_commit=False).begin
        self._of_thread = threading.local()
        if self.engine.dialect.name == "sqlite":
            # What a power cut would do is tried elsewhere.
            event.listen(self.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        event.listen(self.engine, "before_cursor_execute", lambda *_: self._step())
        # What listens to all engines is told before this engine's own listener, which commits.
        event.listen(Engine, "commit", self._committing)
        event.listen(self.engine, "commit", self._committed)

    def close(self) -> None:
        """Close it."""
        event.remove(Engine, "commit", self._committing)
        self.engine.dispose()

    def _step(self, *, committed: bool = False) -> None:
        fault = getattr(self._of_thread, "fault", None)
        if fault is not None:
            fault.step(committed=committed)

    def _committing(self, connection: Connection) -> None:
        if connection.engine is self.engine:
            self._step()

    def _committed(self, connection: Connection) -> None:
        """COMMIT is done here, whatever its answer will be. On SQLite the engine has just done it itself."""
        if self.engine.dialect.name != "sqlite":
            connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]
        self._step(committed=True)

    def ingest(self, attempt: Attempt, told: Callable[[], object] = lambda: None) -> None:
        """One run; `told` is called once a batch was acknowledged. An undisturbed run must end well."""

        def acknowledge(_run_id: int | None, _path: str, first: int, last: int) -> None:
            attempt.acked.append((first, last))
            told()

        options = IngestOptions(batch_size=attempt.batch_size, rejects_ok=True)
        service = IngestService(self.transactions, loaded(*attempt.rules), options, acknowledge=acknowledge)
        with self._disturbed(attempt):
            attempt.report = service.run(find_inputs([str(attempt.path)]))

    @contextmanager
    def _disturbed(self, attempt: Attempt) -> Iterator[None]:
        self._of_thread.fault = attempt.fault
        try:
            yield
        except (Died, *DATABASE_ERRORS):
            assert attempt.was_disturbed
        finally:
            self._of_thread.fault = None
        ended_well = attempt.report is not None and attempt.report.status == RunStatus.OK
        assert ended_well or attempt.was_disturbed, attempt.report

    def overlap(self, attempts: Sequence[Attempt], turns: Sequence[int]) -> None:
        """Runs that overlap; between batches it is the turn of the one that `turns`, over and over, names."""
        runners = [_Runner(self, attempt) for attempt in attempts]
        for place in cycle([*turns, *range(len(runners))]):
            if all(runner.is_over for runner in runners):
                break
            runners[place].go_on()
        for runner in runners:
            runner.end()


class _Runner:
    """A run in a thread of its own, which stands still after each batch until it is told to go on."""

    def __init__(self, database: Unreliable, attempt: Attempt) -> None:
        self._database = database
        self._attempt = attempt
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.is_over = False

    def go_on(self) -> None:
        """Run up to the end of the next batch, or to the end."""
        if not self.is_over:
            self._go.release()
            assert self._stands.acquire(timeout=PATIENCE_SECONDS), "a run waits for another, which stands still"

    def end(self) -> None:
        """Raise what the run raised, once it is over."""
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._database.ingest(self._attempt, self._stand)
        except BaseException as problem:  # noqa: BLE001 - raised again by `end`
            self._problem = problem
        self.is_over = True
        self._stands.release()

    def _stand(self) -> None:
        self._stands.release()
        self._go.acquire()


def clock_reading(now: Callable[[], Any], real: type) -> type:
    """A stand-in for `datetime` whose clock can be set."""
    return type("Clock", (real,), {"now": staticmethod(lambda _zone: now())})
