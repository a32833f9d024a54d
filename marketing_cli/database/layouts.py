"""How the users' tables of a database lie, or are to lie once they are made."""

from typing import Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    String,
    column,
    exists,
    func,
    literal,
    select,
    table,
    union_all,
)
from sqlalchemy.engine import make_url

from marketing_cli.domain.layouts import SPREAD, Layout, Spread
from marketing_cli.errors import UsageError

OLDEST_SERVER: Final = 15
"""The first PostgreSQL whose foreign keys can clear one of their columns and keep the user."""

_CLASSES = table(
    "pg_class", column("oid"), column("relname"), column("relkind", String), column("relispartition", Boolean)
)
_CONSTRAINTS = table("pg_constraint", column("conname"), column("contype"), column("conrelid"), column("conparentid"))
_EXTENSIONS = table("pg_extension", column("extname"))
_DISTRIBUTED = table("pg_dist_partition", column("logicalrelid"))
_PARENT = "events"
_PARTITIONED = "p"


def refuse_layout(url: str, asked: Layout | None) -> None:
    """Raise UsageError where no server is needed to know that there cannot be such a layout."""
    if asked is Layout.BY_USER and make_url(url).get_backend_name() != "postgresql":
        raise UsageError(
            "--layout by-user is for PostgreSQL, and DATABASE_URL names a SQLite file, which one machine holds whole."
            " Set DATABASE_URL=postgresql://…, or leave the option away."
        )


def spread_of(connection: Connection) -> Spread | None:
    """How the users' tables lie; None where there are none yet."""
    if connection.dialect.name != "postgresql":
        return Spread.WHOLE
    kind = connection.execute(select(_CLASSES.c.relkind).where(_CLASSES.c.oid == _events())).scalar_one_or_none()
    if kind is None:
        return None
    if kind == _PARTITIONED:
        return Spread.PARTITIONS
    distributed = select(exists().where(_DISTRIBUTED.c.logicalrelid == _events()))
    in_citus = has_citus(connection) and connection.execute(distributed).scalar_one()
    return Spread.CITUS if in_citus else Spread.WHOLE


def note_spread(engine: Engine) -> None:
    """Tell whoever asks this engine something how the users' tables lie."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            engine.update_execution_options(**{SPREAD: spread_of(connection)})


def parts(connection: Connection) -> frozenset[str]:
    """The names of partitions, and those under which PostgreSQL keeps foreign keys once more for each partition."""
    if connection.dialect.name != "postgresql":
        return frozenset()
    tables = select(_CLASSES.c.relname).where(_CLASSES.c.relispartition)
    keys = select(_CONSTRAINTS.c.conname).join(_CLASSES, _CLASSES.c.oid == _CONSTRAINTS.c.conrelid)
    keys = keys.where(_CONSTRAINTS.c.contype == "f", _CONSTRAINTS.c.conparentid != 0, ~_CLASSES.c.relispartition)
    return frozenset(connection.scalars(union_all(tables, keys)))


def spread_to_make(connection: Connection, asked: Layout | None) -> Spread:
    """How the users' tables are to lie after a migration: as they do, or in a new database as asked.

    Raises UsageError where they lie otherwise, or where the server cannot do it.
    """
    found = spread_of(connection) if connection.dialect.name == "postgresql" else None
    if found is not None:
        require_layout(found, asked)
        return found
    if asked is not Layout.BY_USER:
        return Spread.WHOLE
    version = int((connection.dialect.server_version_info or (0,))[0])
    if version < OLDEST_SERVER:
        raise UsageError(
            f"--layout by-user needs PostgreSQL {OLDEST_SERVER} or newer, and this server is {version}."
            " Use a newer server, or leave the option away."
        )
    return Spread.CITUS if has_citus(connection) else Spread.PARTITIONS


def require_layout(found: Spread, asked: Layout | None) -> None:
    """Raise UsageError unless tables that lie like this are what was asked for."""
    if asked not in {None, found.layout}:
        raise UsageError(
            f"the tables of this database have the layout {found.layout} already, and that cannot be changed in place."
            f" Make an empty database, run `mmsg migrate --layout {asked}` there, and move the history to it with"
            " `mmsg copy --to URL`."
        )


def has_citus(connection: Connection) -> bool:
    """Whether the database has the Citus extension."""
    return bool(connection.execute(select(exists().where(_EXTENSIONS.c.extname == "citus"))).scalar_one())


def _events() -> "ColumnElement[object]":
    """The table, by the search path."""
    return func.to_regclass(literal(_PARENT))
