"""Run the program with something about it changed: `python builds.py BUILD... -- ARGUMENTS`.

A build is a name, or `name=value`. The wrong ones are there to show that the tests would notice.
"""

import fcntl
import importlib
import os
import shutil
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

EXT4_SHUTDOWN = 0x8004587D
WITHOUT_FLUSHING = 2
LONGEST_PAUSE_SECONDS = 60


def journal(mode: str) -> None:
    """Another journal than the engine's version asks for: `wal`, or the wrong `delete`."""
    importlib.import_module("marketing_cli.database.engine").safe_journal_mode = lambda: mode  # type: ignore[attr-defined]


def pages(most: str) -> None:
    """A disk with room for so many pages of the database."""
    event.listen(Pool, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count = {int(most)}"))


def apart(_value: str) -> None:
    """Wrong: events are committed before what is decided about them."""

    def commit(_service: Any, session: Any, _decisions: Any) -> None:
        connection = session.connection()
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")

    _before_decisions(commit)


def by_the_clock(_value: str) -> None:
    """Wrong: a limit's window is that of the moment at which it is decided."""
    engine = importlib.import_module("marketing_cli.services.engine")
    window_of = engine.window_of

    def window_now(rule: Any, event: Any) -> Any:
        return window_of(rule, replace(event, timestamp=datetime.now(UTC)))

    engine.window_of = window_now  # type: ignore[attr-defined]


def strike_at_statement(value: str) -> None:
    """`N:kill` or `N:backend`: at the N-th statement the process is killed, or its PostgreSQL backend."""
    number, whom = value.split(":", 1)
    seen = 0

    def strike(connection: Any, *_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == int(number):
            if whom == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            end_backend(connection)

    event.listen(Engine, "before_cursor_execute", strike)


def end_backend(connection: Any) -> None:
    """Somebody ends this connection's PostgreSQL backend."""
    backend = connection.connection.driver_connection
    with importlib.import_module("psycopg").connect(**backend.info.get_parameters()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend.info.backend_pid])


def no_locks(_value: str) -> None:
    """Wrong: a batch does not lock its users."""
    service = importlib.import_module("marketing_cli.services.event_processing")
    service.lock_users = lambda *_: None  # type: ignore[attr-defined]


def pause(value: str) -> None:
    """Inside the first batch's transaction, make this file and wait until it is gone."""

    def wait(_service: Any, session: Any, _decisions: Any) -> None:
        flag = Path(value)
        if not flag.with_suffix(".done").exists():
            flag.with_suffix(".settings").write_text(_time_limits(session))
            flag.touch()
            deadline = time.monotonic() + LONGEST_PAUSE_SECONDS
            while flag.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            flag.with_suffix(".done").touch()

    _before_decisions(wait)


def power_cut(value: str) -> None:
    """`N:FOLDER`: the power of the folder's disk fails right after the N-th batch was acknowledged."""
    number, folder = value.split(":", 1)

    def cut() -> None:
        power_off(Path(folder))
        os.kill(os.getpid(), signal.SIGKILL)

    _after_batch(int(number), cut)


def power_off(root: Path) -> None:
    """From now on nothing reaches this ext4 disk; what was not synchronised is lost."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
    finally:
        os.close(descriptor)


def lose(value: str) -> None:
    """`N:DATABASE`: somebody deletes the database right after the N-th batch was acknowledged."""
    number, database = value.split(":", 1)
    _after_batch(int(number), Path(database).unlink)


def swap(value: str) -> None:
    """`N:DATABASE:OTHER`: somebody puts a copy of another database in its place."""
    number, database, other = value.split(":", 2)

    def replace() -> None:
        shutil.copy(other, f"{database}.new")
        Path(f"{database}.new").rename(database)

    _after_batch(int(number), replace)


def lose_inside(value: str) -> None:
    """Somebody deletes this database while a transaction on it is open."""
    _before_decisions(lambda *_: Path(value).unlink(missing_ok=True))


def _time_limits(session: Any) -> str:
    """What PostgreSQL was told of how long to wait."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return ""
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    return " ".join(f"{name}={connection.exec_driver_sql(f'SHOW {name}').scalar_one()}" for name in names)


def _before_decisions(hook: Callable[[Any, Any, Any], None]) -> None:
    """Calls the hook once a batch's events are inserted, before what is decided about them is."""
    service = importlib.import_module("marketing_cli.services.event_processing").EventProcessingService
    original = service._store_decisions  # noqa: SLF001

    def store(self: Any, session: Any, decisions: Any) -> None:
        hook(self, session, decisions)
        original(self, session, decisions)

    service._store_decisions = store  # noqa: SLF001


def _after_batch(number: int, hook: Callable[[], None]) -> None:
    """Calls the hook right after so many batches were acknowledged."""
    command = importlib.import_module("marketing_cli.cli.ingest")
    original = command.acknowledger
    told = 0

    def acknowledger(descriptor: int | None) -> Callable[..., None]:
        acknowledge = original(descriptor)

        def acknowledge_and_count(*batch: Any) -> None:
            nonlocal told
            acknowledge(*batch)
            told += 1
            if told == number:
                hook()

        return acknowledge_and_count

    command.acknowledger = acknowledger  # type: ignore[attr-defined]


BUILDS: dict[str, Callable[[str], None]] = {
    "journal": journal,
    "pages": pages,
    "apart": apart,
    "by-the-clock": by_the_clock,
    "strike-at-statement": strike_at_statement,
    "no-locks": no_locks,
    "pause": pause,
    "power-cut": power_cut,
    "lose": lose,
    "swap": swap,
    "lose-inside": lose_inside,
}


def main(arguments: Sequence[str]) -> None:
    """Change the program as asked, then run it. Raises SystemExit with its exit code."""
    end = arguments.index("--")
    for build in arguments[:end]:
        name, _, value = build.partition("=")
        BUILDS[name](value)
    sys.argv = ["mmsg", *arguments[end + 1 :]]
    importlib.import_module("marketing_cli.cli.app").main()


if __name__ == "__main__":
    main(sys.argv[1:])
