"""Databases for tests: each test gets its own, made as a copy of one that was migrated once."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from support import postgres_server

only_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""Mark: the test's `database_url`, `empty_database_url` and `make_database` are SQLite's alone."""

only_postgresql = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
"""Mark: likewise PostgreSQL's alone."""

BY_USER_TOO = {
    "test_audit_contract",
    "test_audit_late",
    "test_audit_queries",
    "test_audit_timeline",
    "test_batches",
    "test_batches_late_facts",
    "test_batches_statements",
    "test_digest",
    "test_doctor_rows",
    "test_lists_plans",
    "test_samples",
    "test_verify",
    "test_writers",
}
"""Modules whose tests run once more where the tables are spread by user: among the faults, since it takes its time."""

BY_USER_AT_ONCE = {
    "test_all_stories_together_come_out_as_told",
    "test_no_question_reads_a_whole_table",
    "test_no_list_reads_a_whole_table",
}
"""Tests of these modules that run there each time."""

not_by_user = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
"""Mark: the test is not for tables spread by user."""

any_postgresql = pytest.mark.parametrize(
    "database_kind", ["postgresql", pytest.param("by_user", marks=pytest.mark.faults)], indirect=True
)
"""Mark: likewise PostgreSQL's, however the tables lie."""

only_by_user = pytest.mark.parametrize("database_kind", ["by_user"], indirect=True)
"""Mark: likewise those of a PostgreSQL database whose tables are spread by user."""


DIRECTIONS: dict[tuple[str, str], tuple[pytest.MarkDecorator, ...]] = {
    ("sqlite", "postgresql"): (),
    ("postgresql", "sqlite"): (),
    ("sqlite", "sqlite"): (pytest.mark.faults,),
    ("postgresql", "postgresql"): (pytest.mark.faults,),
    ("sqlite", "by_user"): (pytest.mark.faults,),
    ("by_user", "postgresql"): (pytest.mark.faults,),
}
"""From which kind of database to which a history is copied, and when that is tried."""


class CannotStart(Exception):
    """There is no PostgreSQL server here; the message says why."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server that lives as long as the block. Raises CannotStart."""
    with subprocess.Popen(
        [sys.executable, postgres_server.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests; the server ends with its standard input.
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        if not url:
            raise CannotStart(server.communicate()[1].strip().rpartition("\n")[2] or "the server said nothing")
        yield url
        server.communicate()


@dataclass(frozen=True)
class SqliteDatabases:
    """Databases that are files in one folder."""

    folder: Path

    def create(self, template: str | None = None) -> str:
        """The URL of a new database: one that does not exist yet, or a copy of the template, which is not in use."""
        path = self.folder / f"messaging_{uuid.uuid4().hex[:8]}.db"
        if template is not None:
            source = Path(make_url(template).database or "")
            assert not source.with_name(f"{source.name}-wal").exists(), "the template is still open somewhere"
            shutil.copy(source, path)
        return f"sqlite:///{path}"

    def drop_all(self) -> None:
        """Nothing to do: pytest removes the folder."""


@dataclass(frozen=True)
class PostgresDatabases:
    """Databases on one server, reached through the database that `url` names."""

    url: str
    names: list[str] = field(default_factory=list)

    def create(self, template: str | None = None) -> str:
        """The URL of a new database: an empty one, or a copy of the template, which is not in use."""
        name = f"mmsg_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        source = f' TEMPLATE "{make_url(template).database}"' if template else ""
        self._execute(f'CREATE DATABASE "{name}"{source}')
        self.names.append(name)
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_all(self) -> None:
        """Drops what was created, whoever is still connected to it."""
        while self.names:
            self._execute(f'DROP DATABASE "{self.names.pop()}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(statement))


Databases = SqliteDatabases | PostgresDatabases


def migrated(databases: Databases, layout: str = "plain") -> str:
    """The URL of a new database with the newest schema, as the program's own migrations make it."""
    from marketing_cli.database.migration import migrate
    from marketing_cli.domain.layouts import Layout

    url = databases.create()
    migrate(url, layout=Layout(layout))
    return url
