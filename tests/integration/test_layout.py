"""Tables spread by user: their keys, what becomes of rows, and what the program asks of them."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, NullPool, create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from marketing_cli.database.layouts import parts, spread_of
from marketing_cli.database.migration import MigrationResult, migrate, migrations_folder
from marketing_cli.domain.layouts import Layout, Spread
from marketing_cli.models import Event, UserTraits
from marketing_cli.models.by_user import USERS_TABLES, metadata_of
from marketing_cli.schemas.event import EventIn
from support.auditing import link, store
from support.databases import only_by_user, only_postgresql
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here
from support.joins import joined_otherwise
from support.listing import change
from support.plans import plan, scans, statements
from support.processing import open_store
from support.program import Outcome
from support.verifying import past

PARTITIONS = 8
REFERENCE_TABLES = ("rules_versions", "runs", "rejects", "run_inputs")


def engine_of(url: str) -> Engine:
    """The database, without any of the program's own settings."""
    return create_engine(url, poolclass=NullPool)


def keys(url: str) -> dict[str, set[tuple[str, ...]]]:
    """The columns of every primary key, unique constraint and foreign key of the users' tables among each other."""
    found = inspect(engine_of(url))
    return {
        table: {
            tuple(found.get_pk_constraint(table)["constrained_columns"]),
            *(tuple(each["column_names"]) for each in found.get_unique_constraints(table)),
            *(
                tuple(each["constrained_columns"])
                for each in found.get_foreign_keys(table)
                if each["referred_table"] in USERS_TABLES
            ),
        }
        for table in USERS_TABLES
    }


def differences(url: str) -> list[Any]:
    """What would have to be migrated for the database to be what the models say."""
    with engine_of(url).connect() as connection:
        left_out, spread = parts(connection), spread_of(connection)
        assert spread is not None
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, _kind, _of: name not in left_out,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata_of(spread)))


def health(url: str) -> dict[str, tuple[str, str]]:
    """What `mmsg doctor` finds, by check."""
    found = run_here("doctor", "--json", url=url).json()["checks"]
    return {check["check"]: (check["state"], check["detail"]) for check in found}


@only_by_user
def test_every_key_of_the_users_tables_contains_the_user(database_url: str) -> None:
    """Primary, unique and foreign, and each such table is partitioned by it."""
    found = keys(database_url)
    assert {table: {columns for columns in each if "user_id" not in columns} for table, each in found.items()} == {
        table: set() for table in USERS_TABLES
    }
    assert found["send_requests"] == {
        ("id", "user_id"),
        ("event_id", "rule_name", "user_id"),
        ("user_id", "template_name", "dedup_window"),
        ("event_id", "user_id"),
    }
    made = query(
        database_url,
        "SELECT inhparent::regclass::text, count(*), min(pg_get_partkeydef(inhparent)) FROM pg_inherits"
        " JOIN pg_class ON pg_class.oid = inhparent AND relkind = 'p' GROUP BY 1",
    )
    assert sorted(made) == [(table, PARTITIONS, "HASH (user_id)") for table in sorted(USERS_TABLES)]


@only_by_user
def test_the_models_are_what_the_migrations_make(database_url: str) -> None:
    """Nothing is left to migrate, and without the user in the keys much would be."""
    assert differences(database_url) == []
    with engine_of(database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata_of(Spread.WHOLE))


@only_postgresql
def test_up_down_up(empty_database_url: str) -> None:
    """A downgrade takes the partitions too; and then either layout can be made."""
    url = empty_database_url
    assert migrate(url, layout=Layout.BY_USER) == MigrationResult(None, "0001", Spread.PARTITIONS)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with engine_of(url).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(engine_of(url)).get_table_names() == ["alembic_version"]
    assert migrate(url) == MigrationResult(None, "0001", Spread.WHOLE)


def said_of_schema(done: Outcome) -> list[str]:
    """What `migrate` said, apart from its warning of the tests' server, which does not wait for the disk."""
    return [line for line in done.stderr.splitlines() if not line.startswith("warning: the server runs with fsync=off")]


@only_postgresql
def test_migrate_says_which_layout_there_is(empty_database_url: str) -> None:
    """It is asked for once; then every `migrate` finds it, and asked for again there is nothing to do."""
    first = run_here("migrate", "--layout", "by-user", url=empty_database_url)
    said = "layout by-user: the users' tables are partitioned by user"
    assert (first.exit_code, said_of_schema(first)) == (0, ["schema none → 0001", said])
    for args in (["migrate"], ["migrate", "--layout", "by-user"]):
        again = run_here(*args, url=empty_database_url)
        assert (again.exit_code, said_of_schema(again)) == (0, ["schema 0001 → 0001", said])
    for layout, code in (("by-user", 0), ("plain", 2)):
        assert run_here("migrate", "--check", "--layout", layout, url=empty_database_url).exit_code == code
    done = run_here("migrate", "--layout", "plain", url=empty_database_url)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "layout by-user already" in done.stderr


@only_postgresql
def test_a_plain_database_stays_plain(database_url: str) -> None:
    """With rows or without; what to do instead is said, and nothing is changed."""
    store(database_url, link())
    before = keys(database_url)
    for check in ([], ["--check"]):
        done = run_here("migrate", "--layout", "by-user", *check, url=database_url)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "mmsg copy --to" in done.stderr
    assert keys(database_url) == before
    assert query(database_url, "SELECT count(*) FROM events") == [(1,)]


def test_sqlite_has_no_such_layout(tmp_path: Path) -> None:
    """Refused before a file is made."""
    for more in ([], ["--check"], ["--sql"]):
        done = run_here("migrate", "--layout", "by-user", *more, url=f"sqlite:///{tmp_path}/new.db")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "is for PostgreSQL" in done.stderr
    assert not list(tmp_path.iterdir())


@only_postgresql
def test_an_older_server_is_told(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its foreign keys would clear the user with the event."""
    monkeypatch.setattr("marketing_cli.database.layouts.OLDEST_SERVER", 99)
    done = run_here("migrate", "--layout", "by-user", url=empty_database_url)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "needs PostgreSQL 99 or newer" in done.stderr
    assert inspect(engine_of(empty_database_url)).get_table_names() == []


@only_postgresql
def test_the_printed_sql_makes_the_same(empty_database_url: str, migrated_by_user: str) -> None:
    """`mmsg migrate --sql --layout by-user`, run by hand."""
    done = run_here("migrate", "--sql", "--layout", "by-user", url=empty_database_url)
    assert done.exit_code == 0
    with engine_of(empty_database_url).connect() as connection:
        connection.connection.driver_connection.execute(done.stdout)  # type: ignore[union-attr]
        connection.connection.commit()
    assert differences(empty_database_url) == []
    assert keys(empty_database_url) == keys(migrated_by_user)
    assert run_here("migrate", "--check", "--layout", "by-user", url=empty_database_url).exit_code == 0


def citus_statements() -> list[str]:
    """What would be run where the Citus extension is."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("sqlalchemy.url", "postgresql://127.0.0.1:1/nothing")
    config.cmd_opts = type("Options", (), {"x": ["spread=citus"]})()
    config.output_buffer = printed = io.StringIO()
    command.upgrade(config, "head", sql=True)
    sql = "".join(line for line in printed.getvalue().splitlines(keepends=True) if not line.startswith("--"))
    return [" ".join(statement.split()) for statement in sql.split(";")]


def test_in_citus_the_users_tables_are_distributed_and_lie_together() -> None:
    """As its documentation says; this was never run on one. The other tables are on every node."""
    found = citus_statements()
    assert "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'" in found
    spread = [statement for statement in found if "create_distributed_table" in statement]
    beside = dict.fromkeys(USERS_TABLES, "events") | {"events": "none"}
    assert sorted(spread) == sorted(
        f"SELECT create_distributed_table('{table}', 'user_id', colocate_with => '{beside[table]}')"
        for table in USERS_TABLES
    )
    assert spread[0].startswith("SELECT create_distributed_table('events'")
    whole = [statement for statement in found if "create_reference_table" in statement]
    assert whole == [f"SELECT create_reference_table('{table}')" for table in REFERENCE_TABLES]
    assert not [statement for statement in found if "PARTITION" in statement]


def test_in_citus_a_foreign_key_comes_when_both_its_tables_are_spread() -> None:
    """Each leads to a table on every node, or holds the user; none clears a column when an event is deleted."""
    found = citus_statements()
    made = [place for place, statement in enumerate(found) if "FOREIGN KEY" in statement]
    assert len(made) == 12
    for place in made:
        change = re.fullmatch(
            r"ALTER TABLE (\w+) ADD CONSTRAINT \w+ FOREIGN KEY\((.+)\) REFERENCES (\w+) \((.+)\)( ON DELETE CASCADE)?",
            found[place],
        )
        assert change, found[place]
        table, columns, target, targets, _ = change.groups()
        for name in (table, target):
            assert any(re.search(rf"create_\w+_table\('{name}'", statement) for statement in found[:place])
        of_event = (columns, target, targets) == ("event_id, user_id", "events", "id, user_id")
        assert of_event or target in REFERENCE_TABLES


def test_in_citus_every_unique_key_contains_the_user() -> None:
    """As in partitions."""
    for statement in citus_statements():
        made = re.match(r"CREATE TABLE (\w+)", statement)
        if made and made.group(1) in USERS_TABLES:
            found = re.findall(r"(?:PRIMARY KEY|UNIQUE) \((.+?)\)", statement)
            assert found
            assert all("user_id" in columns for columns in found), statement


STAND_IN = """
CREATE TABLE pg_dist_partition (logicalrelid regclass);
CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION create_distributed_table(regclass, text, colocate_with text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO pg_dist_partition VALUES ($1)';
"""
"""What stands in for Citus: its functions, which do nothing but note what is distributed."""


@only_postgresql
def test_the_statements_for_citus_can_be_run(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for it: then the tables have the keys that they should, and doctor looks for lost events."""
    url = empty_database_url
    change(url, STAND_IN)
    monkeypatch.setattr("marketing_cli.database.layouts.has_citus", lambda _: True)
    done = run_here("migrate", "--layout", "by-user", url=url)
    assert said_of_schema(done)[-1].endswith("distributed by user (Citus)")
    assert run_here("migrate", "--check", "--layout", "by-user", url=url).exit_code == 0
    assert [change for change in differences(url) if "pg_dist_partition" not in str(change)] == []
    assert query(url, "SELECT count(*) FROM pg_dist_partition") == [(len(USERS_TABLES),)]
    ingest(url, write_events(tmp_path / "events.ndjson", make_event(user_traits={"marketing_opt_in": True})))
    assert {health(url)[check][0] for check in ("schema", "foreign_keys")} == {"ok"}
    change(url, "DELETE FROM events")
    state, detail = health(url)["foreign_keys"]
    assert (state, "send_requests.event_id -> events: 1" in detail) == ("wrong", True)


@only_by_user
def test_a_deleted_event_leaves_its_decisions(database_url: str, tmp_path: Path) -> None:
    """With their user and without their event; its projections go with it."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", make_event(user_traits={"marketing_opt_in": True})))
    change(database_url, "DELETE FROM events")
    assert query(database_url, "SELECT event_id, user_id FROM send_requests") == [(None, make_event()["user_id"])]
    assert query(database_url, "SELECT count(*) FROM user_traits") == [(0,)]


@only_by_user
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events SELECT * FROM events",
        "INSERT INTO user_traits SELECT event_id, 'another' FROM user_traits",
        "INSERT INTO send_requests SELECT * FROM send_requests",
        "UPDATE send_requests SET event_id = 99",
        "UPDATE events SET user_id = 'another'",
    ],
)
def test_the_keys_refuse_what_they_should(database_url: str, tmp_path: Path, statement: str) -> None:
    """A row twice, a row of another user's event, and a user that changes under what belongs to it."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", make_event(user_traits={"marketing_opt_in": True})))
    with pytest.raises(IntegrityError), engine_of(database_url).begin() as connection:
        connection.execute(text(statement))


@only_by_user
def test_doctor_knows_the_layout(database_url: str) -> None:
    """It looks for the keys of this layout, and counts each foreign key once, however many partitions it leads to."""
    found = health(database_url)
    assert found["schema"] == ("ok", "0001, the newest; all tables, spread by user, columns and keys are there")
    assert found["foreign_keys"] == ("ok", "the server holds up all 14 of them")


@only_by_user
@pytest.mark.parametrize(
    ("statement", "check", "said"),
    [
        (
            "ALTER TABLE suppressions DROP CONSTRAINT uq_suppressions_event_id_rule_name_user_id",
            "schema",
            "no unique key suppressions (event_id, rule_name, user_id)",
        ),
        (
            "ALTER TABLE user_traits DROP CONSTRAINT fk_user_traits_event_id_user_id_events",
            "schema",
            "no foreign key user_traits (event_id, user_id)",
        ),
        ("DROP TABLE user_traits_p03", "schema", "no partition of user_traits"),
        ("ALTER TABLE events_p02 DISABLE TRIGGER ALL", "foreign_keys", "triggers of events_p02 are disabled"),
    ],
)
def test_doctor_misses_what_is_not_there(database_url: str, statement: str, check: str, said: str) -> None:
    """A key, a partition, and a partition whose foreign keys are switched off."""
    change(database_url, statement)
    state, detail = health(database_url)[check]
    assert state == "wrong"
    assert said in detail


@only_by_user
def test_numbers_are_drawn_for_all_partitions_together(database_url: str) -> None:
    """No two events have the same number, whoever's they are."""
    store(database_url, *(link(event_id=f"e{number}", user_id=f"u_{number}") for number in range(40)))
    used = query(database_url, "SELECT count(*), count(DISTINCT id), count(DISTINCT tableoid) FROM events")
    assert used[0][:2] == (40, 40)
    assert used[0][2] > 1


@only_by_user
def test_an_event_is_read_with_its_projections(database_url: str) -> None:
    """As objects, which find each other by user too; deleted as an object, it takes them along."""
    event = EventIn.model_validate(make_event(properties={"amount": 7}, user_traits={"country": "PT"}))
    with open_store(database_url) as opened, statements() as asked:
        stored = opened.run().service.process_event(event)
        assert stored.event_properties is not None
        assert stored.user_traits is not None
        assert (stored.event_properties.amount, stored.user_traits.country) == (7, "PT")
        with opened.transactions() as session:
            found = session.scalars(select(Event)).one()
            assert found.user_traits is not None
            assert found.user_traits.event is found
            session.delete(found)
        assert not opened.rows(Event)
        assert not opened.rows(UserTraits)
    assert [sql for sql, _ in asked if joined_otherwise(sql)] == []


COMMANDS = [
    ["audit", "late_1"],
    ["audit", "--row", "1"],
    ["audit", "--user", "u_1"],
    ["audit", "--user", "u_late"],
    ["audit", "--user", "u_late", "--template", "NUDGE"],
    ["audit", "--user", "u_2", "--template", "INSUFFICIENT_FUNDS_EMAIL"],
    ["audit", "--user", "nobody"],
    ["sends"],
    ["sends", "--user", "u_1", "--template", "WELCOME_EMAIL"],
    ["sends", "--summary", "--by-event-day"],
    ["suppressions"],
    ["suppressions", "--user", "u_1"],
    ["suppressions", "--summary"],
    ["rejects", "--user", "u_9"],
    ["runs"],
    ["rules", "history"],
    ["rules", "lint"],
    ["stats"],
    ["stats", "--by-event-day", "--since", "2025-01-01T00:00:00Z"],
    ["digest"],
    ["doctor"],
    ["verify", "--all"],
    ["verify", "--user", "u_late"],
    ["verify", "late_1"],
    ["backtest", "--rules", "later.yaml"],
    ["backtest", "--rules", "later.yaml", "--since", "2025-11-02T00:00:00Z"],
]


@only_by_user
def test_all_that_is_asked_joins_by_user(database_url: str, tmp_path: Path) -> None:
    """Every statement of every command: two of the users' tables never meet but by user, so that one part is enough."""
    with statements() as asked:
        past(database_url, tmp_path)
        conflict = make_event(event_id="late_1", user_id="u_late", event_type="other")
        ingest(database_url, write_events(tmp_path / "conflict.ndjson", conflict), exit_code=3)
        for args in COMMANDS:
            done = run_here(*(str(tmp_path / arg) if ".yaml" in arg else arg for arg in args), url=database_url)
            assert done.exit_code in {0, 4, 8}, (args, done.stderr)
    joining = {sql for sql, _ in asked if sum(sql.count(f" {table}") for table in USERS_TABLES) > 1}
    assert len(joining) > 40
    assert {sql: wrong for sql in joining if (wrong := joined_otherwise(sql))} == {}
    assert [sql for sql, _ in asked if "FOR UPDATE" in sql or "FOR SHARE" in sql] == []


@only_by_user
def test_a_batch_finds_what_it_needs_by_indexes(database_url: str, tmp_path: Path) -> None:
    """Duplicates, conflicts, prior and waiting events, used windows: no partition is read whole."""
    with statements() as asked:
        past(database_url, tmp_path)
        conflict = make_event(event_id="late_1", user_id="u_late", event_type="other")
        ingest(database_url, write_events(tmp_path / "conflict.ndjson", conflict), exit_code=3)
    of_users = [(sql, values) for sql, values in asked if any(f" {table}" in sql for table in USERS_TABLES)]
    assert len({sql for sql, _ in of_users}) >= 5
    assert scans(plan(database_url, of_users)) == []


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1 FROM events WHERE events.id = %s", set()),
        ("SELECT 1 FROM events JOIN runs ON runs.id = events.run_id", set()),
        ("SELECT 1 FROM events JOIN user_traits ON user_traits.event_id = events.id", {"user_traits"}),
        ("SELECT 1 FROM events LEFT OUTER JOIN user_traits ON user_traits.user_id = events.user_id", set()),
        ("SELECT 1 FROM events AS a, events AS b WHERE a.event_key = b.event_key", {"b"}),
        ("SELECT 1 FROM events AS a, events AS b WHERE a.user_id = %s::VARCHAR AND b.user_id = %s::VARCHAR", set()),
        ("SELECT 1 FROM wanted JOIN events ON events.user_id = wanted.user_id", set()),
        ("SELECT 1 FROM events WHERE NOT EXISTS (SELECT * FROM suppressions WHERE event_id = id)", {"suppressions"}),
    ],
)
def test_a_join_by_anything_else_is_found(sql: str, found: set[str]) -> None:
    """The check above can fail."""
    assert joined_otherwise(sql) == found
