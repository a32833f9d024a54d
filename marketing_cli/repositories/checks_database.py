"""What a database says of itself, for checks: engine, settings, constraints, damage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, column, func, inspect, select, table, text

from marketing_cli.models import Base

SETTINGS = (
    "server_version",
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "data_checksums",
    "server_encoding",
    "TimeZone",
)
_CONSTRAINTS = table("pg_constraint", column("conname"), column("contype"), column("convalidated"), column("conrelid"))
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
    missing = []
    for wanted in Base.metadata.sorted_tables:
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


def slack_foreign_keys(connection: Connection) -> tuple[int, list[str]]:
    """How many foreign keys PostgreSQL has here, and those that it does not fully hold up."""
    own = select(_CLASSES.c.oid).join(_NAMESPACES, _NAMESPACES.c.oid == _CLASSES.c.relnamespace)
    own = own.where(_NAMESPACES.c.nspname == func.current_schema(), _CLASSES.c.relname.in_(list(Base.metadata.tables)))
    keys = select(_CONSTRAINTS.c.conname, _CONSTRAINTS.c.convalidated)
    keys = keys.where(_CONSTRAINTS.c.contype == "f", _CONSTRAINTS.c.conrelid.in_(own)).order_by(_CONSTRAINTS.c.conname)
    found = connection.execute(keys).all()
    slack = [f"{row.conname} is not validated" for row in found if not row.convalidated]
    triggers = select(_CLASSES.c.relname).join(_TRIGGERS, _TRIGGERS.c.tgrelid == _CLASSES.c.oid).distinct()
    triggers = triggers.where(_CLASSES.c.oid.in_(own), _TRIGGERS.c.tgisinternal, _TRIGGERS.c.tgenabled.in_(["D", "R"]))
    slack += [f"triggers of {name} are disabled" for name in sorted(connection.scalars(triggers))]
    return len(found), slack


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
