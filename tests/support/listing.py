"""A small database to list: two runs with requests, suppressions and kept lines, and ways to change its past."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from support.databases import Databases, PostgresDatabases, SqliteDatabases
from support.events import make_event, ndjson, write_events
from support.ingesting import ingest, run_here

TRAITS = {"marketing_opt_in": True, "email": "a@example.com", "country": "PT", "risk_segment": "LOW"}
FAILED = {"amount": 12.5, "attempt_number": 3, "failure_reason": "INSUFFICIENT_FUNDS"}
STORY = [
    make_event(event_id="evt_1", user_id="u_1", user_traits=TRAITS),
    make_event(event_id="evt_2", user_id="u_1", event_timestamp="2025-11-02T10:00:00Z", user_traits=TRAITS),
    make_event(
        event_id="evt_3",
        user_id="u_2",
        event_type="payment_failed",
        event_timestamp="2025-11-01T10:41:00Z",
        properties=FAILED,
        user_traits={},
    ),
    make_event(
        event_id="evt_4",
        user_id="u_2",
        event_type="payment_failed",
        event_timestamp="2025-11-01T23:59:59.999Z",
        properties={"failure_reason": "INSUFFICIENT_FUNDS"},
        user_traits={},
    ),
]
"""Requests 1 WELCOME_EMAIL, 2 INSUFFICIENT_FUNDS_EMAIL, 3 HIGH_RISK_ALERT; suppressions 1 of evt_2, 2 of evt_4."""

ARCHIVE = [make_event(event_id="evt_5", user_id="u_3", user_traits={"marketing_opt_in": True})]
"""Request 4 WELCOME_EMAIL, historical."""

BROKEN = [b'{"event_id": "evt_9", "user_id": "u_9", "event_type": "x"}', b"\xff{", b"not json"]
"""In file order: missing_field, bad_utf8, bad_json; one run a line, so that they are kept in this order."""


def fill(url: str, folder: Path) -> None:
    """Ingests the story (run 1), the archive with --backfill (run 2) and each broken line (runs 3 to 5)."""
    ingest(url, write_events(folder / "story.ndjson", *STORY))
    ingest(url, write_events(folder / "archive.ndjson", *ARCHIVE), "--backfill")
    for number, line in enumerate(BROKEN):
        path = folder / f"broken_{number}.ndjson"
        path.write_bytes(line + b"\n" + ndjson(STORY[0]).encode())
        ingest(url, path, exit_code=3)


@contextmanager
def filled_once(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The story in a database of this kind, for all tests of a module that only read."""
    made: Databases
    made = SqliteDatabases(folder) if kind == "sqlite" else PostgresDatabases(request.getfixturevalue("postgres_url"))
    url = made.create(request.getfixturevalue(f"migrated_{kind}"))
    fill(url, folder)
    yield url
    made.drop_all()


def change(url: str, statement: str, **values: Any) -> None:
    """Runs a statement that changes the database behind the program's back."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def set_times(url: str, table: str, column: str, *moments: str) -> None:
    """Gives the rows 1, 2, 3 … these moments, as the database itself would write them."""
    zone = "" if make_url(url).get_backend_name() == "sqlite" else "+00"
    for number, moment in enumerate(moments, 1):
        statement = f"UPDATE {table} SET {column} = :moment WHERE id = :id"  # noqa: S608 - names from the tests
        change(url, statement, moment=f"{moment}{zone}", id=number)


def listed(url: str, *args: str) -> Any:
    """The rows that a list command prints as JSON."""
    done = run_here(*args, "--json", url=url)
    assert done.exit_code == 0, done.stderr
    return done.json()
