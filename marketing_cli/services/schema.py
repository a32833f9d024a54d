"""Set-up: the database's schema, for `mmsg migrate`."""

from marketing_cli.database.engine import DEFAULT_BUSY_TIMEOUT, make_engine, sqlite_path
from marketing_cli.database.failures import failures_explained
from marketing_cli.database.migration import MigrationResult, migrate, migration_sql, require_newest_schema
from marketing_cli.services.power_cuts import power_cut_warning

__all__ = ["MigrationResult", "check_schema", "migrate_database", "migration_sql", "server_warning"]


def migrate_database(url: str, busy_timeout: float = DEFAULT_BUSY_TIMEOUT) -> MigrationResult:
    """Bring the database to the newest schema; see `database.migration.migrate`."""
    with failures_explained(connecting=True):
        return migrate(url, busy_timeout)


def check_schema(url: str) -> None:
    """Raise DatabaseMissing, DatabaseBehind, DatabaseAhead or DatabaseUnavailable unless the schema is the newest."""
    engine = make_engine(url, writes=False)
    try:
        with failures_explained(connecting=True):
            require_newest_schema(engine)
    finally:
        engine.dispose()


def server_warning(url: str) -> str | None:
    """What is amiss with a migrated database's server, in a sentence. Raises DatabaseUnavailable."""
    if sqlite_path(url) is not None:
        return None
    engine = make_engine(url, writes=False)
    try:
        with failures_explained(connecting=True), engine.connect() as connection, connection.begin():
            return power_cut_warning(connection)
    finally:
        engine.dispose()
