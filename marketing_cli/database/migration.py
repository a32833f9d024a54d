"""Where a database's schema stands, and bringing it to the newest."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session

from marketing_cli.database.engine import (
    DEFAULT_BUSY_TIMEOUT,
    make_engine,
    prepare_file,
    sqlite_path,
    wait_until_free,
)
from marketing_cli.database.half_copied import refuse_half_copied, without_mark
from marketing_cli.database.layouts import refuse_layout, require_layout, spread_of
from marketing_cli.domain.layouts import Layout, Spread
from marketing_cli.errors import DatabaseAhead, DatabaseBehind, DatabaseMissing

if TYPE_CHECKING:
    from alembic.config import Config

REVISIONS = ("0001",)
"""Every revision this program knows, oldest first; kept here so that a check need not load Alembic."""

_LOCK = 0x6D6D7367
"""The advisory lock that makes two `migrate` at once wait for each other; outside the users' slots 0 to 255."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """The revision found, and the one the database has now; None is an empty database. `spread` is of its tables."""

    before: str | None
    after: str | None
    spread: Spread = Spread.WHOLE


def migrate(url: str, busy_timeout: float = DEFAULT_BUSY_TIMEOUT, layout: Layout | None = None) -> MigrationResult:
    """Bring a database to the newest schema, creating a SQLite file where there is none.

    A new database gets the layout; None is the plain one. Raises UsageError where there can be no such layout, or
    tables have another one already, and DatabaseAhead when a newer program has migrated the database.
    """
    from alembic import command  # noqa: PLC0415 - slow to load, and only needed here

    refuse_layout(url, layout)
    prepare_file(url)
    _look(url, busy_timeout)
    engine = make_engine(url, writes=True, busy_timeout=busy_timeout)
    try:
        # One transaction, that of the lock: what was found is what was migrated, by this one of several at once.
        with engine.connect() as connection, connection.begin():
            lock_for_migration(connection)
            before = current_revision(connection)
            _refuse_newer(before)
            config = _config()
            config.attributes |= {"connection": connection, "layout": layout}
            command.upgrade(config, "head")
            return MigrationResult(before, current_revision(connection), spread_of(connection) or Spread.WHOLE)
    finally:
        engine.dispose()


def _look(url: str, busy_timeout: float) -> None:
    """Raise DatabaseAhead for a newer SQLite file, as a reader: a writer sets the journal."""
    if sqlite_path(url) is None:
        return
    engine = make_engine(url, writes=False, busy_timeout=0)

    def look() -> None:
        with engine.connect() as connection, connection.begin():
            _refuse_newer(current_revision(connection))

    try:
        # Waited for here, in steps: a reader's own waiting cannot be interrupted.
        wait_until_free(look, busy_timeout)
    finally:
        engine.dispose()


def migration_sql(url: str, layout: Layout | None = None) -> str:
    """The SQL that makes the newest schema from nothing. Raises UsageError where there can be no such layout."""
    from alembic import command  # noqa: PLC0415 - slow to load, and only needed here

    refuse_layout(url, layout)
    config = _config()
    config.attributes["layout"] = layout
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    config.output_buffer = buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return buffer.getvalue()


def require_newest_schema(engine: Engine, *, to_copy: bool = False) -> None:
    """Raise DatabaseMissing, DatabaseAhead or DatabaseBehind unless the schema is the newest.

    And DatabaseUnavailable for a half-copied database, unless it is opened `to_copy` into.
    """
    with engine.connect() as connection, connection.begin():
        revision = current_revision(connection)
    if to_copy:
        revision = without_mark(revision)
    if revision is None:
        raise DatabaseMissing("the database is empty. Run `mmsg migrate` first.")
    _refuse_newer(revision)
    if revision != REVISIONS[-1]:
        raise DatabaseBehind(
            f"the database is at schema {revision}, this program needs {REVISIONS[-1]}. Run `mmsg migrate`."
        )


def check_layout(engine: Engine, asked: Layout | None) -> None:
    """Raise UsageError unless the users' tables have the layout that was asked for, if any."""
    with engine.connect() as connection, connection.begin():
        require_layout(spread_of(connection) or Spread.WHOLE, asked)


def current_revision(connection: Connection) -> str | None:
    """The schema revision of a database; None when it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def lock_for_migration(connection: Connection) -> None:
    """Let one migration run at a time. On SQLite the transaction's own lock already does."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def require_whole(session: Session) -> None:
    """Raise DatabaseUnavailable for a half-copied database; no copy into it can begin before the transaction ends.

    For a run that enters itself in the ledger, which it may have waited for since it looked at the schema.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _LOCK})
    refuse_half_copied(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none())


def migrations_folder() -> Path:
    """The Alembic scripts: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "alembic"


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - slow to load

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _refuse_newer(revision: str | None) -> None:
    refuse_half_copied(revision)
    if revision is not None and revision not in REVISIONS:
        raise DatabaseAhead(
            f"the database is at schema {revision}, which this program does not know (it knows up to {REVISIONS[-1]})."
            " A newer mmsg has migrated it: use that one, or upgrade this."
        )
