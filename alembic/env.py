"""Run migrations: for `mmsg migrate`, which hands in its connection, and for the plain Alembic commands.

Plain Alembic makes an empty PostgreSQL database's tables by user with `alembic -x layout=by-user upgrade head`.
Where nothing is connected to (`--sql`), `-x spread=citus` prints what would be done with the Citus extension.
"""

from contextlib import nullcontext

from alembic import context
from sqlalchemy import Connection

from marketing_cli.database.engine import make_engine, prepare_file
from marketing_cli.database.layouts import parts, refuse_layout, spread_to_make
from marketing_cli.database.migration import lock_for_migration
from marketing_cli.domain.layouts import Layout, Spread
from marketing_cli.models.by_user import metadata_of
from marketing_cli.settings import load_settings


def asked() -> Layout | None:
    """The layout that `mmsg migrate` hands in, or that `-x layout=` names."""
    given = context.config.attributes.get("layout") or context.get_x_argument(as_dictionary=True).get("layout")
    return None if given is None else Layout(given)


def run(connection: Connection) -> None:
    """Migrate on this connection in one transaction, its own if it is in one: killed midway, nothing has happened."""
    with nullcontext() if connection.in_transaction() else connection.begin():
        run_in_transaction(connection)


def run_in_transaction(connection: Connection) -> None:
    """Find out how the tables lie, or are to lie, before anything is made."""
    lock_for_migration(connection)
    spread = spread_to_make(connection, asked())
    context.config.attributes["spread"] = spread.value
    left_out = parts(connection)
    context.configure(
        connection=connection,
        target_metadata=metadata_of(spread),
        include_name=lambda name, kind, _: kind not in {"table", "foreign_key_constraint"} or name not in left_out,
        transactional_ddl=True,  # true of SQLite too, once the driver's own transactions are switched off
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_offline() -> None:
    """Print the SQL instead of running it."""
    url = context.config.get_main_option("sqlalchemy.url") or load_settings().database_url
    refuse_layout(url, asked())
    spread = Spread.PARTITIONS if asked() is Layout.BY_USER else Spread.WHOLE
    spread = Spread(context.get_x_argument(as_dictionary=True).get("spread", spread))
    context.config.attributes["spread"] = spread.value
    context.configure(url=url, target_metadata=metadata_of(spread), literal_binds=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Migrate on the connection handed in, or on one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = load_settings().database_url
    refuse_layout(url, asked())
    prepare_file(url)
    engine = make_engine(url, writes=True)
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
