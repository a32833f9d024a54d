"""One history of migrations for both databases: up, down and up again, whole or not at all, and what the models say."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, inspect, make_url, text

from marketing_cli.database import migration
from marketing_cli.database.engine import make_engine, safe_journal_mode
from marketing_cli.database.layouts import spread_of
from marketing_cli.database.migration import REVISIONS, migrate, migration_sql, migrations_folder, require_newest_schema
from marketing_cli.domain.layouts import Spread
from marketing_cli.errors import DatabaseAhead, DatabaseBehind, DatabaseMissing
from marketing_cli.models import Base
from support.databases import only_postgresql, only_sqlite
from support.program import ROOT, Program


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The database's engine for writing."""
    engine = make_engine(url, writes=True)
    try:
        yield engine
    finally:
        engine.dispose()


def schema(url: str) -> dict[str, Any]:
    """Every table with its columns, keys, indexes and constraints, but for the table of versions."""
    with opened(url) as engine:
        found = inspect(engine)
        return {
            table: {
                "columns": [(each["name"], str(each["type"]), each["nullable"]) for each in found.get_columns(table)],
                "names": sorted(names(found, table)),
            }
            for table in sorted(found.get_table_names())
            if table != "alembic_version"
        }


# Tables whose numbers SQLite never uses again; the key is then part of the column and has no name of its own.
SQLITE_NUMBERED = {"pk_events", "pk_send_requests", "pk_suppressions", "pk_rejects"}


def names(found: Any, table: str) -> set[str]:
    """The names of a table's primary key, foreign keys, unique constraints and indexes, as the database has them."""
    unique = {each["name"] for each in found.get_unique_constraints(table)}
    foreign = {each["name"] for each in found.get_foreign_keys(table)}
    indexes = {each["name"] for each in found.get_indexes(table)}
    primary = {found.get_pk_constraint(table)["name"]} - {None}
    return primary | unique | foreign | indexes


def run_alembic(url: str, run: Callable[[Config], None]) -> None:
    """Runs one of Alembic's commands in this process, as `mmsg migrate` does."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with opened(url) as engine, engine.connect() as connection:
        config.attributes["connection"] = connection
        run(config)


def differences(connection: Connection, metadata: MetaData = Base.metadata) -> list[Any]:
    """What would have to be migrated for the database to be what the models say."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def test_up_down_up(empty_database_url: str) -> None:
    """A downgrade leaves nothing behind, and afterwards everything can be made again, the same."""
    assert migrate(empty_database_url) == migration.MigrationResult(None, REVISIONS[-1])
    first = schema(empty_database_url)
    run_alembic(empty_database_url, lambda config: command.downgrade(config, "base"))
    assert schema(empty_database_url) == {}
    assert migrate(empty_database_url) == migration.MigrationResult(None, REVISIONS[-1])
    assert schema(empty_database_url) == first
    assert migrate(empty_database_url) == migration.MigrationResult(REVISIONS[-1], REVISIONS[-1])


def test_the_models_are_what_the_migrations_make(database_url: str) -> None:
    """Tables, columns, types, defaults, indexes, constraints: nothing is left to migrate."""
    with opened(database_url) as engine, engine.connect() as connection:
        assert differences(connection) == []


def test_a_difference_would_be_noticed(database_url: str) -> None:
    """A column more, another type, an index less."""
    changed = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["events"].append_column(Column("new", Integer))
    changed.tables["runs"].c["status"].type = Integer()
    changed.tables["rejects"].indexes.clear()
    with opened(database_url) as engine, engine.connect() as connection:
        found = differences(connection, changed)
    kinds = {each[0] if isinstance(each, tuple) else each[0][0] for each in found}
    assert kinds == {"add_column", "modify_type", "remove_index"}


def test_names_follow_the_convention(database_url: str) -> None:
    """A later migration can name what it changes, on either database."""
    expected = {
        table.name: {str(each.name) for each in table.constraints} | {str(each.name) for each in table.indexes}
        for table in Base.metadata.sorted_tables
    }
    with opened(database_url) as engine:
        found = inspect(engine)
        numbered = {f"pk_{table}" for table in expected if found.get_pk_constraint(table)["name"] is None}
        assert {table: names(found, table) for table in expected} == {
            table: wanted - numbered for table, wanted in expected.items()
        }
    assert numbered == (SQLITE_NUMBERED if found.dialect.name == "sqlite" else set())
    assert all(name.split("_")[0] in {"pk", "fk", "uq", "ix"} for each in expected.values() for name in each)


@pytest.mark.parametrize("tables", [0, 1, 5, 8])
def test_a_migration_that_fails_midway_leaves_nothing(
    empty_database_url: str, tables: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolled back whole, so that the next one can do it all."""
    made: list[str] = []
    create_table = op.create_table

    def fail_in_time(name: str, *args: Any, **options: Any) -> Any:
        if len(made) == tables:
            raise ZeroDivisionError
        made.append(name)
        return create_table(name, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_table", fail_in_time)
        with pytest.raises(ZeroDivisionError):
            migrate(empty_database_url)
    assert len(made) == tables
    with opened(empty_database_url) as engine:
        assert inspect(engine).get_table_names() == []
    migrate(empty_database_url)
    with opened(empty_database_url) as engine:
        require_newest_schema(engine)


def test_three_migrations_at_once(mmsg: Program, empty_database_url: str) -> None:
    """One does the work, the others wait and find it done."""
    processes = [mmsg.start("migrate") for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    with opened(empty_database_url) as engine, engine.connect() as connection:
        require_newest_schema(engine)
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_the_list_of_revisions_is_that_of_the_scripts() -> None:
    """In their order, and in one line of descent."""
    scripts = ScriptDirectory(str(migrations_folder()))
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(REVISIONS))
    assert scripts.get_heads() == [REVISIONS[-1]]


def test_every_migration_has_a_way_back() -> None:
    """And says what each direction does."""
    for script in ScriptDirectory(str(migrations_folder())).walk_revisions():
        assert script.module.upgrade.__doc__
        assert script.module.downgrade.__doc__
        assert script.module.__doc__


def test_the_printed_sql_makes_the_newest_schema(database_url: str, empty_database_url: str) -> None:
    """`mmsg migrate --sql`, run by hand on an empty database, does what `mmsg migrate` does."""
    sql = migration_sql(empty_database_url)
    if empty_database_url.startswith("sqlite"):
        Path(make_url(empty_database_url).database or "").touch()
    with opened(empty_database_url) as engine:
        raw = engine.raw_connection()
        if engine.dialect.name == "sqlite":
            raw.driver_connection.executescript(sql)  # type: ignore[union-attr]
        else:
            raw.driver_connection.execute(sql)  # type: ignore[union-attr]
        raw.close()
        require_newest_schema(engine)
        with engine.connect() as connection:
            assert differences(connection) == []
    assert schema(empty_database_url) == schema(database_url)


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        ([], DatabaseMissing),
        (["CREATE TABLE somebody_elses (id INTEGER)"], DatabaseMissing),
        (["CREATE TABLE alembic_version (version_num VARCHAR(32))"], DatabaseMissing),
        (
            ["CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('9999')"],
            DatabaseAhead,
        ),
    ],
)
def test_a_database_that_is_not_ours_to_use(
    empty_database_url: str, statements: list[str], error: type[Exception]
) -> None:
    """Never migrated, or migrated by a newer program."""
    if empty_database_url.startswith("sqlite"):
        Path(make_url(empty_database_url).database or "").touch()
    with opened(empty_database_url) as engine:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        with pytest.raises(error):
            require_newest_schema(engine)


def test_a_newer_database_is_left_alone(database_url: str) -> None:
    """`migrate` says so instead of failing somewhere inside Alembic, and changes nothing."""
    with opened(database_url) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema(database_url)
    with pytest.raises(DatabaseAhead, match="9999"):
        migrate(database_url)
    assert schema(database_url) == before


@only_sqlite
def test_the_journal_of_a_newer_database_is_left_alone(database_url: str) -> None:
    """It is the newer program's to choose, and part of the file."""
    path = Path(make_url(database_url).database or "")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        other = {"wal": "delete"}.get(safe_journal_mode(), "wal")
        assert connection.execute(f"PRAGMA journal_mode = {other}").fetchone() == (other,)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(DatabaseAhead, match="9999"):
        migrate(database_url)
    assert path.read_bytes() == before


def test_an_older_database_is_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a program that knows one migration more."""
    monkeypatch.setattr(migration, "REVISIONS", (*REVISIONS, "9999"))
    with opened(database_url) as engine, pytest.raises(DatabaseBehind, match=f"{REVISIONS[-1]}.*9999"):
        require_newest_schema(engine)


@only_sqlite
def test_looking_for_a_database_does_not_make_one(empty_database_url: str) -> None:
    """Only `migrate` creates a file."""
    for writes in (True, False):
        with pytest.raises(DatabaseMissing):
            make_engine(empty_database_url, writes=writes)
    assert not Path(make_url(empty_database_url).database or "").exists()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what Alembic's own commands need of a checkout; a new migration would be written into it."""
    copy = tmp_path / "check out"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("alembic", "marketing_cli"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    shutil.copy(ROOT / "alembic.ini", copy)
    return copy


def alembic(checkout: Path, *args: str, url: str | None = None) -> str:
    """Runs one of Alembic's own commands there, and expects it to work."""
    environment = {"PATH": os.environ["PATH"], **({"DATABASE_URL": url} if url else {})}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *args],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.faults
def test_alembics_own_commands_work_from_a_checkout(checkout: Path, empty_database_url: str) -> None:
    """On the settings of the program: upgrade, see where it stands, write a migration, go there and back."""
    before = sorted(path.name for path in (ROOT / "alembic" / "versions").iterdir())
    url = empty_database_url
    alembic(checkout, "upgrade", "head", url=url)
    with opened(url) as engine:
        require_newest_schema(engine)
    assert REVISIONS[-1] in alembic(checkout, "current", url=url)
    assert "No new upgrade operations" in alembic(checkout, "check", url=url)
    alembic(checkout, "revision", "-m", "add a thing", url=url)
    (script,) = (checkout / "alembic" / "versions").glob("*_add_a_thing.py")
    assert f"down_revision = '{REVISIONS[-1]}'" in script.read_text()
    alembic(checkout, "upgrade", "head", url=url)
    with opened(url) as engine, pytest.raises(DatabaseAhead):
        require_newest_schema(engine)
    alembic(checkout, "downgrade", "base", url=url)
    assert schema(url) == {}
    assert sorted(path.name for path in (ROOT / "alembic" / "versions").iterdir()) == before


@pytest.mark.faults
@only_postgresql
def test_alembics_own_commands_spread_the_tables_by_user(checkout: Path, empty_database_url: str) -> None:
    """Asked for it once; afterwards they see it for themselves."""
    url = empty_database_url
    alembic(checkout, "-x", "layout=by-user", "upgrade", "head", url=url)
    with opened(url) as engine, engine.connect() as connection:
        assert spread_of(connection) is Spread.PARTITIONS
    assert "No new upgrade operations" in alembic(checkout, "check", url=url)
    alembic(checkout, "upgrade", "head", url=url)
    alembic(checkout, "downgrade", "base", url=url)
    assert schema(url) == {}


def test_alembics_own_commands_read_env_files(checkout: Path) -> None:
    """As the program does: the database of `.env`, and messaging.db without one."""
    alembic(checkout, "upgrade", "head")
    (checkout / ".env").write_text("DATABASE_URL=sqlite:///other.db\n")
    alembic(checkout, "upgrade", "head")
    for name in ("messaging.db", "other.db"):
        assert stat.S_IMODE((checkout / name).stat().st_mode) == 0o600
        with opened(f"sqlite:///{checkout / name}") as engine:
            require_newest_schema(engine)


@only_postgresql
def test_migrations_are_not_in_the_way_of_batches(database_url: str) -> None:
    """The lock of `migrate` is none of the users' slots."""
    assert not 0 <= migration._LOCK < 256  # noqa: SLF001
    with opened(database_url) as engine, engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(n) FROM generate_series(0, 255) n"))
        assert migrate(database_url).after == REVISIONS[-1]
