"""What tests of `mmsg copy` share: a history with everything in it, and what makes two databases the same."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from marketing_cli.database.engine import make_engine
from marketing_cli.models import Base
from marketing_cli.services.copy_target import Target
from support.events import make_event, ndjson, write_events
from support.ingesting import ingest, query, run_here
from support.listing import change
from support.program import Outcome
from support.verifying import past, tamper

only_sqlite_to_sqlite = pytest.mark.parametrize("direction", [("sqlite", "sqlite")], indirect=True)
"""Mark: from SQLite to SQLite alone."""

across = pytest.mark.parametrize(
    "direction", [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=True, ids="-to-".join
)
"""Mark: from SQLite to PostgreSQL and back."""

ODD = [
    make_event(
        event_id="odd_1",
        user_id="odd \N{GRINNING FACE} \\ \t'\"%s",
        event_type="odd",
        event_timestamp="1970-01-01T00:00:00.000001Z",
        properties={
            "z": -0.0,
            "a": 1e300,
            "amount": -0.0,
            "deep": [[], {}, None, True, 2**63 - 1, 0.1, 1e16, "\\N\t\n"],
        },
        user_traits={"risk_segment": "x", "email": None, "other": {"b": 1, "a": [1.0]}, "country": "PT"},
        more={"z": 1, "a": -(2**63)},
    ),
    make_event(event_id="odd_2", event_timestamp="9999-12-31T23:59:59.999999Z", properties={}, user_traits={}),
    make_event(event_id="odd_3", event_type="payment_failed", properties={"attempt_number": 9, "amount": 5e-324}),
    {"user_id": 7, "event_type": "payment_failed", "event_timestamp": "2025-11-02T00:00:00+14:00"},
]
BROKEN = b'{"event_id": "evt_9", "user_id": "u_9", "event_type": "x"}\n\xff{\n'
GONE = ("late_2", "odd_3")
"""Events that were deleted: of them remain the requests."""


def fill_oddly(url: str, folder: Path) -> None:
    """Everything that verify decides again; odd values, lines refused twice, deleted events, and numbers left out."""
    past(url, folder)
    ingest(url, write_events(folder / "odd.ndjson", *ODD))
    (folder / "broken.ndjson").write_bytes(BROKEN)
    for _ in range(2):
        ingest(url, folder / "broken.ndjson", exit_code=3)
    last = "(SELECT max(id) FROM send_requests)"
    fraction = "2026-01-02 03:04:05.678901" + ("" if url.startswith("sqlite") else "+00")
    change(url, f"UPDATE send_requests SET decided_at = '{fraction}' WHERE id = {last}")  # noqa: S608
    tamper(url, "DELETE FROM suppressions WHERE id = (SELECT max(id) FROM suppressions)")
    for key in GONE:
        delete_event(url, key)


def delete_event(url: str, key: str) -> None:
    """Deletes an event, as somebody does who was asked to forget it."""
    from support.auditing import change as change_with_keys

    change_with_keys(url, "DELETE FROM events WHERE event_key = :key", key=key)


def copy(source: str, target: str, *options: str, exit_code: int = 0) -> Any:
    """Runs `mmsg copy --json` inside this process, expects this exit code; gives the report."""
    done = copy_here(source, target, "--json", *options)
    assert done.exit_code == exit_code, done.stderr
    return done.json()


def copy_here(source: str, target: str, *options: str) -> Outcome:
    """Runs `mmsg copy` inside this process."""
    return run_here("copy", "--to", target, *options, url=source)


class Killed(BaseException):
    """As good as a kill: nothing that is under way is ended."""


def copy_killed(source: str, target: str, *, batches: int) -> bool:
    """Copies until so many transactions are done with the target, and no further; gives whether the copy was done."""
    left = iter(range(batches))
    batch = Target.batch

    @contextmanager
    def mortal(target: Target) -> Iterator[Any]:
        if next(left, None) is None:
            raise Killed
        with batch(target) as session:
            yield session

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(Target, "batch", mortal)
        copy(source, target)
        return True
    return False


def assert_same(source: str, target: str) -> None:
    """Both databases hold the same rows, values of the same kinds, and the same JSON to the byte."""
    assert exactly(source) == exactly(target)
    assert documents(source) == documents(target)


def exactly(url: str) -> dict[str, list[str]]:
    """Every row of every table as a text, which tells 1 from 1.0 and True, and one order of keys from another."""
    engine = make_engine(url, writes=False)
    try:
        with engine.begin() as connection:
            return {
                name: sorted(repr(tuple(row)).replace("-0.0", "0.0") for row in connection.execute(select(table)))
                for name, table in Base.metadata.tables.items()
            }
    finally:
        engine.dispose()


def documents(url: str) -> list[list[tuple[Any, ...]]]:
    """Every JSON text, as it is stored."""
    return [
        query(url, f"SELECT {key}, CAST({column.name} AS TEXT) FROM {table.name} ORDER BY {key}")  # noqa: S608
        for table in Base.metadata.sorted_tables
        for (key,) in [[found.name for found in table.primary_key]]
        for column in table.columns
        if column.name in {"properties", "extra", "key_order", "in_force"}
    ]


def highest(url: str) -> dict[str, int]:
    """The highest number in use, by table."""
    numbered = [table for table in Base.metadata.sorted_tables if "id" in table.c]
    return {table.name: query(url, f"SELECT coalesce(max(id), 0) FROM {table.name}")[0][0] for table in numbered}  # noqa: S608


def revision(url: str) -> str:
    """What stands where every command looks first."""
    ((found,),) = query(url, "SELECT version_num FROM alembic_version")
    return str(found)


def refused(*numbers: int) -> bytes:
    """Lines that are refused, and one that is not."""
    return (
        b"".join(b"broken %d\n" % number for number in numbers)
        + ndjson(make_event(event_id=f"beside_{numbers}")).encode()
    )
