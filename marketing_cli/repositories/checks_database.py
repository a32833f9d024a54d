"""What a database says of itself, for checks: engine, settings, constraints, damage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, column, func, inspect, select, table, text, union_all

from marketing_cli.database.layouts import spread_of
from marketing_cli.domain.layouts import Spread
from marketing_cli.models import Base
from marketing_cli.models.by_user import USERS_TABLES, metadata_of

SETTINGS = (
    "server_version",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "data_checksums",
    "server_encoding",
    "TimeZone",
)
_CONSTRAINTS = table(
    "pg_constraint",
    *(column(name) for name in ("conname", "contype", "convalidated", "conrelid", "conparentid")),
)
_INHERITS = table("pg_inherits", column("inhrelid"), column("inhparent"))
_TRIGGERS = table("pg_trigger", column("tgrelid"), column("tgisinternal"), column("tgenabled"))
_CLASSES = table("pg_class", column("oid"), column("relname"), column("relnamespace"))
_NAMESPACES = table("pg_namespace", column("oid"), column("nspname"))
_INDEXES = table("pg_index", column("indexrelid"), column("indrelid"), column("indisvalid"))
_SETTINGS = table("pg_settings", column("name"), column("reset_val"))
_DATABASES = table("pg_stat_database", column("datname"), column("checksum_failures"))


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server as it sees itself: its settings by name, the database's name and bytes, a standby or not."""

    settings: dict[str, str]
    database: str
    size: int
    standby: bool
    checksum_failures: int


def server(connection: Connection) -> Server:
    """Ask the server about itself."""
    # As the server and the database have them, before this session changed any.
    values = select(_SETTINGS.c.name, _SETTINGS.c.reset_val).where(_SETTINGS.c.name.in_(SETTINGS))
    found = {name: value or "" for name, value in connection.execute(values)}
    database = func.current_database()
    facts = connection.execute(select(database, func.pg_database_size(database), func.pg_is_in_recovery())).one()
    failures = select(func.coalesce(_DATABASES.c.checksum_failures, 0)).where(_DATABASES.c.datname == database)
    count = connection.execute(failures).scalar_one_or_none()
    return Server(dict.fromkeys(SETTINGS, "") | found, *facts, count or 0)


def fsync(connection: Connection) -> str | None:
    """Whether a PostgreSQL server waits for the disk, as its setting has it; None for another database."""
    if connection.dialect.name != "postgresql":
        return None
    return str(connection.execute(select(func.current_setting("fsync"))).scalar_one())


def journal_mode(connection: Connection) -> str:
    """How a SQLite file's journal is kept: `wal`, or the name of a rollback journal."""
    return str(connection.execute(text("PRAGMA journal_mode")).scalar_one()).lower()


def quick_check(connection: Connection) -> list[str]:
    """What SQLite finds amiss in the file, the indexes left out; empty when nothing is."""
    return amiss(connection.execute(text("PRAGMA quick_check(10)")).all())


def integrity_check(connection: Connection) -> list[str]:
    """What SQLite finds amiss in the file and between tables and indexes; empty when nothing is."""
    return amiss(connection.execute(text("PRAGMA integrity_check(10)")).all())


def missing_parts(connection: Connection) -> list[str]:
    """The tables, columns and keys that the schema should have, and that are not there."""
    look = inspect(connection)
    tables = set(look.get_table_names())
    spread = spread_of(connection) or Spread.WHOLE
    missing = _missing_partitions(connection) if spread is Spread.PARTITIONS else []
    for wanted in metadata_of(spread).sorted_tables:
        if wanted.name not in tables:
            missing.append(f"table {wanted.name}")
            continue
        columns = {found["name"] for found in look.get_columns(wanted.name)}
        missing += [f"column {wanted.name}.{name}" for name in wanted.columns.keys() if name not in columns]  # noqa: SIM118
        unique = {tuple(found["column_names"]) for found in look.get_unique_constraints(wanted.name)}
        foreign = {tuple(found["constrained_columns"]) for found in look.get_foreign_keys(wanted.name)}
        for constraint in wanted.constraints:
            names = tuple(member.name for member in getattr(constraint, "columns", ()))
            kind = type(constraint).__name__
            if (kind == "UniqueConstraint" and names not in unique) or (
                kind == "ForeignKeyConstraint" and names not in foreign
            ):
                missing.append(f"{'unique' if kind[0] == 'U' else 'foreign'} key {wanted.name} ({', '.join(names)})")
    return missing


def _missing_partitions(connection: Connection) -> list[str]:
    """The users' tables that have fewer partitions than another has; then some users have no place in them."""
    parts = select(_CLASSES.c.relname, func.count(_INHERITS.c.inhrelid))
    parts = parts.outerjoin(_INHERITS, _INHERITS.c.inhparent == _CLASSES.c.oid).group_by(_CLASSES.c.relname)
    parts = parts.where(_CLASSES.c.oid.in_(_tables(USERS_TABLES)))
    found = {name: count for name, count in connection.execute(parts)}  # noqa: C416 - rows are no pairs to a type checker
    return [f"partition of {name}" for name, count in sorted(found.items()) if count < max(found.values())]


def slack_foreign_keys(connection: Connection) -> tuple[int, list[str]]:
    """How many foreign keys PostgreSQL has here, and those that it does not fully hold up."""
    own = _tables(list(Base.metadata.tables))
    keys = select(_CONSTRAINTS.c.conname, _CONSTRAINTS.c.convalidated)
    # Of tables in parts the keys are there once more for each part that they lead to.
    keys = keys.where(_CONSTRAINTS.c.contype == "f", _CONSTRAINTS.c.conrelid.in_(own), _CONSTRAINTS.c.conparentid == 0)
    keys = keys.order_by(_CONSTRAINTS.c.conname)
    found = connection.execute(keys).all()
    slack = [f"{row.conname} is not validated" for row in found if not row.convalidated]
    triggers = select(_CLASSES.c.relname).join(_TRIGGERS, _TRIGGERS.c.tgrelid == _CLASSES.c.oid).distinct()
    parts = select(_INHERITS.c.inhrelid).where(_INHERITS.c.inhparent.in_(own))
    triggers = triggers.where(
        _CLASSES.c.oid.in_(union_all(own, parts)), _TRIGGERS.c.tgisinternal, _TRIGGERS.c.tgenabled.in_(["D", "R"])
    )
    slack += [f"triggers of {name} are disabled" for name in sorted(connection.scalars(triggers))]
    return len(found), slack


def _tables(names: Sequence[str]) -> "Select[Any]":
    """The numbers that PostgreSQL knows tables by."""
    own = select(_CLASSES.c.oid).join(_NAMESPACES, _NAMESPACES.c.oid == _CLASSES.c.relnamespace)
    return own.where(_NAMESPACES.c.nspname == func.current_schema(), _CLASSES.c.relname.in_(names))


def invalid_indexes(connection: Connection) -> Sequence[str]:
    """The indexes of this schema that PostgreSQL itself calls invalid."""
    query = select(_CLASSES.c.relname).join(_INDEXES, _INDEXES.c.indexrelid == _CLASSES.c.oid)
    query = query.join(_NAMESPACES, _NAMESPACES.c.oid == _CLASSES.c.relnamespace)
    query = query.where(_NAMESPACES.c.nspname == func.current_schema(), _INDEXES.c.indisvalid.is_(False))
    return connection.scalars(query.order_by(_CLASSES.c.relname)).all()


def amiss(rows: Sequence[Row[Any] | tuple[Any, ...]]) -> list[str]:
    """The lines of a check by SQLite; none when it found the file in order."""
    lines = [str(row[0]) for row in rows]
    return [] if lines == ["ok"] else lines
