"""`mmsg doctor` on what the rows stand on: schema, constraints, damage, journal, encoding."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from marketing_cli.database import damage
from marketing_cli.schemas.doctor import Check, CheckState, DoctorReport
from marketing_cli.services import doctor_damage, doctor_setup
from marketing_cli.services.doctor import CHECKS, run_doctor
from support.databases import Databases, only_postgresql, only_sqlite
from support.ingesting import everybody_locked, generated_file, ingest
from support.listing import change

PAGE = 4096


def check_of(report: DoctorReport, name: str) -> Check:
    """One check of a report."""
    return next(check for check in report.checks if check.check == name)


def looked_at(url: str, name: str, *, full: bool = False) -> tuple[str, str]:
    """What a check finds: its state and detail."""
    check = check_of(run_doctor(url, None, full=full), name)
    return check.state.value, check.detail


def file_of(url: str) -> Path:
    """The file of a SQLite database."""
    return Path(make_url(url).database or "")


def zero_last_page(url: str) -> None:
    """Damage a page that no check but that for damage reads."""
    path = file_of(url)
    path.write_bytes(path.read_bytes()[:-PAGE] + bytes(PAGE))


def without_an_index_entry(url: str) -> None:
    """Damage that only a comparison of table and index shows: the index says otherwise than its table."""
    with closing(sqlite3.connect(file_of(url))) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name ="
            " 'ix_suppressions_decided_at') WHERE name = 'ix_suppressions_user_id'"
        )
        connection.commit()


def test_the_checks_are_made_in_this_order(database_url: str, database_kind: str) -> None:
    """All of them, each once; an empty database that was migrated gives no row check a reason to complain."""
    report = run_doctor(database_url, None)
    assert tuple(check.check for check in report.checks) == CHECKS[database_kind]
    rows = {"books", "limits", "decisions", "last_run", "unended_runs", "shared_ids", "foreign_keys", "schema"}
    assert {check.state for check in report.checks if check.check in rows} == {CheckState.OK}


@pytest.mark.parametrize(
    ("statement", "exit_code", "words"),
    [
        ("UPDATE alembic_version SET version_num = '0000'", 13, "0000, which this program does not know"),
        ("DELETE FROM alembic_version", 10, "empty"),
        ("DROP TABLE alembic_version", 10, "empty"),
    ],
)
def test_another_schema_has_the_code_of_other_commands(
    database_url: str, statement: str, exit_code: int, words: str
) -> None:
    """What does not depend on the tables is checked all the same; the rest is skipped."""
    change(database_url, statement)
    report = run_doctor(database_url, None)
    assert (report.exit_code, report.status) == (exit_code, CheckState.WRONG)
    assert words in check_of(report, "schema").detail
    assert check_of(report, "books").state is CheckState.SKIPPED
    assert check_of(report, "database").state is CheckState.OK


def test_a_database_that_is_behind_is_12(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this program knew a newer schema."""
    monkeypatch.setattr(doctor_setup, "REVISIONS", ("0001", "0002"))
    report = run_doctor(database_url, None)
    assert (report.exit_code, check_of(report, "schema").advice) == (12, "Run `mmsg migrate`.")


def test_a_database_that_is_not_there_is_10_and_is_not_made(empty_database_url: str, database_kind: str) -> None:
    """Rules and disk are checked all the same."""
    report = run_doctor(empty_database_url, None)
    assert report.exit_code == 10
    assert check_of(report, "rules").state is CheckState.OK
    if database_kind == "sqlite":
        assert check_of(report, "disk_space").state is not CheckState.SKIPPED
        assert check_of(report, "schema").state is CheckState.SKIPPED
        assert not file_of(empty_database_url).exists()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER TABLE rejects DROP COLUMN detail", "column rejects.detail"),
        ("DROP TABLE suppressions", "table suppressions"),
    ],
)
def test_a_part_of_the_schema_that_is_gone(database_url: str, statement: str, words: str) -> None:
    """The revision alone would not tell. Checks that need the part say so, the others are made."""
    change(database_url, statement)
    state, detail = looked_at(database_url, "schema")
    assert (state, words in detail) == ("wrong", True)
    assert looked_at(database_url, "shared_ids")[0] == "ok"


@only_postgresql
@pytest.mark.parametrize(
    ("statements", "check", "words"),
    [
        (
            ["ALTER TABLE send_requests DROP CONSTRAINT uq_send_requests_event_id_rule_name"],
            "schema",
            "unique key send_requests (event_id, rule_name)",
        ),
        (
            ["ALTER TABLE runs DROP CONSTRAINT fk_runs_rules_version_id_rules_versions"],
            "schema",
            "foreign key runs (rules_version_id)",
        ),
        (
            [
                "ALTER TABLE runs DROP CONSTRAINT fk_runs_rules_version_id_rules_versions",
                (
                    "ALTER TABLE runs ADD CONSTRAINT slack FOREIGN KEY (rules_version_id) REFERENCES rules_versions"
                    " NOT VALID"
                ),
            ],
            "foreign_keys",
            "slack is not validated",
        ),
        (["ALTER TABLE events DISABLE TRIGGER ALL"], "foreign_keys", "triggers of events are disabled"),
        (
            ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_suppressions_user_id'::regclass"],
            "damage",
            "invalid indexes: ix_suppressions_user_id",
        ),
    ],
)
def test_constraints_that_postgresql_does_not_hold_up(
    database_url: str, statements: list[str], check: str, words: str
) -> None:
    """Left out, half made, or switched off."""
    assert looked_at(database_url, check)[0] != "wrong"
    for statement in statements:
        change(database_url, statement)
    state, detail = looked_at(database_url, check)
    assert (state, words in detail) == ("wrong", True), detail


@only_postgresql
def test_what_a_server_is_set_to(database_url: str) -> None:
    """Its settings as they are for everybody, not as this session has them."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        fsync, zone = (connection.execute(text(f"SHOW {name}")).scalar_one() for name in ("fsync", "TimeZone"))
    assert (looked_at(database_url, "power_cut")[0] == "wrong") is (fsync != "on")
    state, detail = looked_at(database_url, "encoding")
    assert (state, f"TimeZone, {zone}," in detail) == ("ok", True)


@only_postgresql
def test_an_encoding_that_cannot_hold_every_text_is_wrong(database_url: str, postgres_url: str) -> None:
    """Told before the first text is refused."""
    name = f"{make_url(database_url).database}_latin"
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
        try:
            url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
            state, detail = looked_at(url, "database")
            assert (state, f"{name} is encoded as LATIN1" in detail) == ("wrong", True)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@only_sqlite
def test_a_damaged_page_is_wrong(database_url: str, tmp_path: Path) -> None:
    """Found by the quick check, and by the full one."""
    ingest(database_url, generated_file(tmp_path / "events.ndjson", 50))
    zero_last_page(database_url)
    for full in (False, True):
        state, detail = looked_at(database_url, "damage", full=full)
        assert (state, "damage" in detail) == ("wrong", True)


@only_sqlite
def test_indexes_are_compared_with_their_tables_by_the_full_check(database_url: str, tmp_path: Path) -> None:
    """Which the quick one leaves out."""
    ingest(database_url, generated_file(tmp_path / "events.ndjson", 50))
    without_an_index_entry(database_url)
    assert looked_at(database_url, "damage", full=True)[0] == "wrong"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every file counts as large."""
    monkeypatch.setattr(doctor_damage, "MOST_BYTES", PAGE)
    yield
    assert damage.MOST_BYTES > PAGE


@only_sqlite
@pytest.mark.usefixtures("large")
def test_a_large_file_is_checked_when_asked_for_as_a_copy(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is as damaged as the file; nothing is left of it. Otherwise the check says that it was not made."""
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setenv("TMPDIR", str(copies))
    assert looked_at(database_url, "damage")[0] == "skipped"
    assert looked_at(database_url, "damage", full=True) == ("ok", "SQLite's integrity_check found no damage")
    zero_last_page(database_url)
    assert looked_at(database_url, "damage", full=True)[0] == "wrong"
    assert list(copies.iterdir()) == []


@only_sqlite
@pytest.mark.usefixtures("large")
def test_a_copy_without_room_is_a_warning(database_url: str, tmp_path: Path) -> None:
    """Nothing was found, since nothing could be looked at; the process may write no more than a few pages here."""
    ingest(database_url, generated_file(tmp_path / "events.ndjson", 9_000))
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (PAGE, kept[1]))
        found = looked_at(database_url, "damage", full=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert found[0] == "warning", found


@only_sqlite
def test_wal_where_it_is_not_safe_is_a_warning(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else set it: on such a version of SQLite mmsg does not."""
    with closing(sqlite3.connect(file_of(database_url))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    monkeypatch.setattr(doctor_setup, "safe_journal_mode", lambda: "truncate")
    assert looked_at(database_url, "power_cut")[0] == "warning"
    monkeypatch.setattr(doctor_setup, "safe_journal_mode", lambda: "wal")
    state, detail = looked_at(database_url, "power_cut")
    assert (state, "WAL" in detail) == ("ok", True)


@only_sqlite
@pytest.mark.parametrize("content", [b"This is no database, but a text of some length. " * 99])
def test_a_file_that_is_no_database_is_14(databases: Databases, content: bytes) -> None:
    """What can be looked at without opening it is."""
    url = databases.create()
    file_of(url).write_bytes(content)
    file_of(url).chmod(0o600)
    report = run_doctor(url, None)
    assert (report.exit_code, check_of(report, "permissions").state) == (14, CheckState.OK)
    assert check_of(report, "books").state is CheckState.SKIPPED


def test_a_writer_in_the_middle_of_a_batch_is_no_hindrance(database_url: str) -> None:
    """Nobody waits for the other."""
    with everybody_locked(database_url):
        report = run_doctor(database_url, None)
    assert {check.check for check in report.checks if check.state is CheckState.WRONG} <= {"power_cut"}


def test_nothing_is_changed(database_url: str, database_kind: str) -> None:
    """Not even the file's journal."""
    if database_kind != "sqlite":
        pytest.skip("a session that only reads changes nothing")
    before = file_of(database_url).read_bytes(), sorted(file_of(database_url).parent.iterdir())
    run_doctor(database_url, None, full=True)
    assert (file_of(database_url).read_bytes(), sorted(file_of(database_url).parent.iterdir())) == before
