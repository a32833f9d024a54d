"""What a command asks of the database, and how the database finds it."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, event, make_url

# Not tables, but what is made within the query; and the one table that has a row per rules file.
_HARMLESS = re.compile(
    r"SCAN (wanted|newest|each_row|json_each|CONSTANT ROW|rules_versions|alembic_version)\b"
    r"|Seq Scan on (rules_versions|alembic_version|pg_\w+)\b"
)

Asked = list[tuple[str, Any]]


@contextmanager
def statements() -> Iterator[Asked]:
    """Collects what is asked of any database, with its parameters."""
    found: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan(url: str, asked: Asked) -> list[str]:
    """How the database would find it, step by step; PostgreSQL as if all tables were large."""
    if make_url(url).get_backend_name() == "sqlite":
        with closing(sqlite3.connect(make_url(url).database or "")) as connection:
            return [
                line[-1] for sql, values in asked for line in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
            ]
    engine = create_engine(url, poolclass=NullPool, paramstyle="format")
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        return [
            _of_the_whole(line[0].strip(" ->"))
            for sql, values in asked
            for line in connection.exec_driver_sql(f"EXPLAIN {sql}", values)
        ]


def _of_the_whole(step: str) -> str:
    """A step with the names of the table and its indexes in place of a partition's."""
    step = re.sub(r"\b(\w+)_p\d\d_(\w+)_idx\b", r"ix_\1_\2", step)
    step = re.sub(r"\b(\w+)_p\d\d_(\w+)_key\b", r"uq_\1_\2", step)
    return re.sub(r"\b(\w+)_p\d\d(_pkey)?\b", r"\1\2", step)


def scans(steps: Sequence[str]) -> list[str]:
    """The steps that read a whole table."""
    return [step for step in steps if re.match(r"SCAN |(Parallel )?Seq Scan ", step) and not _HARMLESS.match(step)]
