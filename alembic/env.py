"""Run migrations: for `mmsg migrate`, which hands in its connection, and for the plain Alembic commands."""

from alembic import context
from sqlalchemy import Connection

from marketing_cli.database.engine import make_engine, prepare_file
from marketing_cli.database.migration import lock_for_migration
from marketing_cli.models import Base
from marketing_cli.settings import load_settings


def run(connection: Connection) -> None:
    """Migrate on this connection in one transaction: killed midway, nothing has happened."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,  # true of SQLite too, once the driver's own transactions are switched off
        compare_server_default=True,
    )
    with context.begin_transaction():
        lock_for_migration(connection)
        context.run_migrations()


def run_offline() -> None:
    """Print the SQL instead of running it."""
    url = context.config.get_main_option("sqlalchemy.url") or load_settings().database_url
    context.configure(url=url, target_metadata=Base.metadata, literal_binds=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Migrate on the connection handed in, or on one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = load_settings().database_url
    prepare_file(url)
    engine = make_engine(url, writes=True)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
