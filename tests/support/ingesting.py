"""What tests of `mmsg ingest` share: the program in this process, streams of events, and what a database holds."""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, make_url, select, text
from typer.testing import CliRunner

from marketing_cli.cli.app import app
from marketing_cli.models import Base
from support.program import Outcome

COUNTS = ("lines", "new", "duplicate", "rejected", "blank", "skipped")
PATIENCE_SECONDS = 30.0
SLOTS = 256


def run_here(*args: str | Path, url: str | None = None, stdin: bytes = b"", **env: str) -> Outcome:
    """Runs the program inside this process, far from any `.env`; paths must be absolute."""
    with chdir("/"):
        done = CliRunner().invoke(
            app, [str(arg) for arg in args], input=stdin, env={"DATABASE_URL": url, **env}, prog_name="mmsg"
        )
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Outcome(done.exit_code, done.stdout, done.stderr)


def ingest(url: str, *args: str | Path, stdin: bytes = b"", exit_code: int = 0) -> Any:
    """Runs `mmsg ingest --json` inside this process, expects this exit code and balanced books; gives the report."""
    done = run_here("ingest", "--json", *args, url=url, stdin=stdin)
    assert done.exit_code == exit_code, done.stderr
    report = done.json()
    assert report["exit_code"] == exit_code
    assert_balanced(report)
    return report


def assert_balanced(report: Any) -> None:
    """Every line read is accounted for, in each input and in total."""
    for books in [*report["inputs"], report["totals"]]:
        assert books["lines"] == sum(books[name] for name in COUNTS[1:])
    for name in COUNTS:
        assert report["totals"][name] == sum(books[name] for books in report["inputs"])
    assert report["totals"]["rejected"] == sum(report["rejects_by_reason"].values())


def generated_events(number: int, *, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Events of a few types and users, many of which ask for messages; the same ones for the same arguments."""
    rng = random.Random(seed)  # noqa: S311 - examples, and no secrets
    users = max(1, number // 10)
    start = datetime(2025, 10, 1, tzinfo=UTC)
    types = ["signup_completed", "link_bank_success", "payment_initiated", "payment_failed"]
    for place in range(number):
        reason = rng.choice(["INSUFFICIENT_FUNDS", "NETWORK_ERROR"])
        yield {
            "event_id": f"evt_{seed}_{place}",
            "user_id": f"u_{rng.randrange(users)}",
            "event_type": rng.choice(types),
            "event_timestamp": (start + timedelta(minutes=place + rng.randrange(600))).isoformat(),
            "properties": {"attempt_number": rng.randint(1, 4), "failure_reason": reason},
            "user_traits": {"marketing_opt_in": rng.random() < 0.7},
        }


def generated_file(path: Path, number: int, *, seed: int = 7) -> Path:
    """Writes generated events to a file as NDJSON and returns its path."""
    path.write_text("".join(json.dumps(event) + "\n" for event in generated_events(number, seed=seed)))
    return path


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What a statement finds, in a transaction of its own."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def named(url: str, statement: str) -> list[dict[str, Any]]:
    """What a statement finds, by the names of the columns."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        tables = Base.metadata.tables.items()
        return {name: sorted(map(tuple, connection.execute(select(table))), key=str) for name, table in tables}


def decisions(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What was requested and suppressed for which event, by which rule, without what differs from run to run."""
    own = {"requests": "status FROM send_requests", "suppressions": "reason_code, suppression_reason FROM suppressions"}
    columns = "events.event_key, events.user_id, rule_name, template_name, dedup_window"
    joined = "JOIN events ON events.id = event_id ORDER BY 1, 2, 3"
    return {name: query(url, f"SELECT {columns}, {rest} {joined}") for name, rest in own.items()}


@contextmanager
def everybody_locked(url: str) -> Iterator[None]:
    """Holds what a writer needs, as another run does in the middle of a batch."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        _lock(connection, sqlite=make_url(url).get_backend_name() == "sqlite")
        yield
        connection.rollback()


def _lock(connection: Connection, *, sqlite: bool) -> None:
    if sqlite:
        connection.connection.dbapi_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]
    else:
        connection.execute(
            text("SELECT pg_advisory_xact_lock(n) FROM generate_series(0, :last) n"), {"last": SLOTS - 1}
        )


def wait_until(happened: Callable[[], object]) -> None:
    """Waits until it is true, looking again and again; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def server_warnings(url: str) -> list[str]:
    """What every run says of a server that does not wait for its disk, as those of tests do."""
    if make_url(url).get_backend_name() == "sqlite" or query(url, "SHOW fsync") == [("on",)]:
        return []
    told = "the server runs with fsync=off: a power cut can lose stored batches and damage the database."
    return [f"{told} Set fsync = on in postgresql.conf and reload; ask your provider if it is theirs."]


def stored_lines(url: str) -> int:
    """The number of lines that the newest run has stored; 0 when there is no run."""
    return next((row[0] for row in query(url, "SELECT lines FROM runs ORDER BY id DESC LIMIT 1")), 0)


def has_open(process: subprocess.Popen[bytes], path: Path) -> bool:
    """Whether the process has this file open."""
    folder = Path(f"/proc/{process.pid}/fd")
    try:
        return any(link.readlink() == path for link in folder.iterdir())
    except OSError:
        return False
