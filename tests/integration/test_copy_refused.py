"""What a copy does not begin with, and what nobody can do with half of one."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text

from marketing_cli.database import migration
from marketing_cli.database.half_copied import HALF_COPIED
from marketing_cli.errors import DatabaseUnavailable
from marketing_cli.services import copy_run, copying
from marketing_cli.services.copy_comparing import require_beginning
from marketing_cli.services.copy_target import Target
from support.copying import assert_same, copy, copy_here, copy_killed, exactly, only_sqlite_to_sqlite, revision
from support.events import make_event, write_events
from support.ingesting import generated_events, ingest, run_here
from support.listing import change, fill
from support.processing import open_store

pytestmark = pytest.mark.faults  # slow

TO = "mmsg: the database to copy to (--to): "
FROM = "mmsg: the database to copy from (DATABASE_URL): "
SAME = "mmsg: --to names the database that DATABASE_URL names"


@pytest.fixture
def filled(source_and_target: list[str], tmp_path: Path) -> list[str]:
    """A small history, and an empty database."""
    fill(source_and_target[0], tmp_path)
    return source_and_target


@pytest.fixture
def half(filled: list[str]) -> list[str]:
    """The same, and half of a copy."""
    assert not copy_killed(*filled, batches=10)
    return filled


def test_nobody_else_uses_half_a_copy(half: list[str], tmp_path: Path) -> None:
    """No command reads or writes it, nor does a migration; each says what to do. Older programs take it for newer."""
    source, target = half
    before, told = exactly(target), f"mmsg: the database is half copied: {HALF_COPIED}\n"
    path = write_events(tmp_path / "new.ndjson", make_event(event_id="new"))
    for command in (
        ["ingest", path],
        ["ingest", path, "--dry-run"],
        ["audit", "evt_1"],
        ["verify", "--all"],
        ["digest"],
        ["migrate"],
        ["migrate", "--check"],
    ):
        done = run_here(*command, url=target)
        assert (done.exit_code, done.stdout, done.stderr) == (14, "", told)
    doctor = run_here("doctor", "--json", url=target)
    assert doctor.exit_code == 14
    checks = {found["check"]: found["detail"] for found in doctor.json()["checks"]}
    assert checks["schema"] == "the database is half copied"
    assert checks["books"] == "not checked: the database is half copied"
    assert "not checked" not in checks["power_cut"]
    assert revision(target).startswith(f"{revision(source)} copying ")
    assert revision(target) not in migration.REVISIONS
    assert exactly(target) == before
    copy(source, target)
    assert ingest(target, path)["totals"]["new"] == 1


def test_half_a_copy_cannot_be_copied(half: list[str], tmp_path: Path) -> None:
    """It is no history."""
    other = f"sqlite:///{tmp_path}/other.db"
    run_here("migrate", url=other)
    done = copy_here(half[1], other)
    assert (done.exit_code, done.stderr.startswith(f"{FROM}the database is half copied")) == (14, True)


def test_a_run_that_waited_is_refused_too(filled: list[str]) -> None:
    """One that had opened the database before the copy began does not enter itself any more."""
    source, target = filled
    with open_store(target) as store:
        assert not copy_killed(source, target, batches=3)
        with pytest.raises(DatabaseUnavailable, match="half copied"):
            store.run()
    copy(source, target)
    assert_same(source, target)


def test_a_run_that_comes_first_stops_the_copy(filled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that enters itself after the copy has looked, and before it begins, is not copied over."""
    source, target = filled
    looked_at = require_beginning

    def look_and_open(*args: Any) -> Any:
        found = looked_at(*args)
        with open_store(target) as store:
            store.run()
        return found

    monkeypatch.setattr(copy_run, "require_beginning", look_and_open)
    done = copy_here(source, target)
    assert (done.exit_code, "somebody has stored something in it" in done.stderr) == (14, True)
    assert revision(target) == revision(source)


def test_another_history_is_refused(filled: list[str], tmp_path: Path) -> None:
    """In words that say what to do; it is left as it was, and open to everybody."""
    source, target = filled
    ingest(target, write_events(tmp_path / "other.ndjson", *generated_events(3)))
    before = exactly(target)
    done = copy_here(source, target)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "holds what the one to copy from does not: row 1 of runs." in done.stderr
    assert "Make a new database, migrate it" in done.stderr
    assert (exactly(target), revision(target)) == (before, revision(source))


@only_sqlite_to_sqlite
@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE events SET event_key = 'x' WHERE id = 2", "row 2 of events"),
        ("UPDATE events SET content_hash = (SELECT content_hash FROM events WHERE id = 1)", "row 2 of events"),
        ("UPDATE send_requests SET template_name = 'x' WHERE id = 3", "row 3 of send_requests"),
        ("UPDATE suppressions SET user_id = 'x' WHERE id = 1", "row 1 of suppressions"),
        ("UPDATE rejects SET reason = 'x' WHERE id = 2", "row 2 of rejects"),
        ("UPDATE run_inputs SET path = 'x' WHERE id = 4", "row 4 of run_inputs"),
        ("UPDATE rules_versions SET sha256 = 'x' WHERE id = 1", "row 1 of rules_versions"),
        ("UPDATE send_requests SET id = 99 WHERE id = 1", "row 99 of send_requests"),
        ("UPDATE send_requests SET event_id = NULL", None),
    ],
)
def test_one_row_of_another_history_is_enough(filled: list[str], statement: str, row: str | None) -> None:
    """Wherever it is; what stands for a deleted event is no other row."""
    source, target = filled
    copy(source, target)
    change(target, statement)
    done = copy_here(source, target)
    assert (done.exit_code, row in done.stderr) == (2, True) if row else done.exit_code == 8


def test_another_history_is_refused_midway(half: list[str]) -> None:
    """Rows that came into half a copy from elsewhere are not copied over."""
    source, target = half
    change(target, "UPDATE runs SET backfill = NOT backfill WHERE id = 2")
    done = copy_here(source, target)
    assert (done.exit_code, "row 2 of runs" in done.stderr) == (2, True)


def test_a_copy_that_differs_is_8(filled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table is counted and both are digested, and what differs stays closed until it does not differ any more."""
    source, target = filled
    copy_all = copying.Copying.all

    def copy_and_lose(self: copying.Copying) -> Any:
        moment = copy_all(self)
        change(target, "DELETE FROM suppressions WHERE id = 2")
        return moment

    monkeypatch.setattr(copying.Copying, "all", copy_and_lose)
    report = copy(source, target, exit_code=8)
    assert (report["status"], report["exit_code"]) == ("differs", 8)
    assert report["digests"]["source"] != report["digests"]["target"]
    assert report["tables"][-1] == {"table": "suppressions", "copied": 2, "rows": 2, "rows_there": 1}
    told = copy_here(source, target, "--quiet").stderr
    assert "suppressions has 2 rows in the one and 1 in the other, the digests differ" in told
    assert run_here("runs", url=target).exit_code == 14
    monkeypatch.undo()
    copy(source, target)
    assert_same(source, target)


def test_a_second_copy_takes_over(filled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one stops, and both together copy everything once."""
    source, target = filled
    second: list[Any] = []
    insert = copying.Copying._insert  # noqa: SLF001

    def insert_and_be_overtaken(self: copying.Copying, *args: Any) -> None:
        insert(self, *args)
        if not second:
            second.append(None)
            second[0] = copy(source, target)

    monkeypatch.setattr(copying.Copying, "_insert", insert_and_be_overtaken)
    done = copy_here(source, target)
    assert (done.exit_code, "another `mmsg copy` has taken over" in done.stderr) == (14, True)
    assert second[0]["status"] == "copied"
    assert_same(source, target)


def test_the_same_database_is_refused(source_and_target: list[str], direction: tuple[str, str]) -> None:
    """By whatever name it goes."""
    source, _ = source_and_target
    names = [source]
    if direction[0] == "sqlite":
        path = Path(source.removeprefix("sqlite:///"))
        link, other = path.with_name("link.db"), path.with_name("hard.db")
        link.symlink_to(path)
        other.hardlink_to(path)
        names += [
            f"sqlite:///{path.parent}/../{path.parent.name}/{path.name}",
            f"sqlite:///{link}",
            f"sqlite:///{other}",
        ]
    else:
        names.append(f"{source}&application_name=other")
    for name in names:
        done = copy_here(source, name)
        assert (done.exit_code, done.stderr.startswith(SAME)) == (2, True), done.stderr


@only_sqlite_to_sqlite
def test_a_failure_midway_says_which_database_failed(filled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is read from as well as the one that is written to."""
    begin = Target.begin
    for place, which in enumerate((FROM, TO)):
        holder = create_engine(filled[place], poolclass=NullPool)
        with holder.connect() as connection:

            def begin_and_lock(self: Target, *args: Any, raw: Any = connection.connection.dbapi_connection) -> None:
                begin(self, *args)
                raw.execute("BEGIN EXCLUSIVE")

            monkeypatch.setattr(Target, "begin", begin_and_lock)
            done = copy_here(*filled, "--busy-timeout", "0.1", "--json")
        assert (done.exit_code, done.stderr.startswith(f"{which}the database stayed busy")) == (14, True)
        assert done.json()["error"]["code"] == "db_unavailable"
    monkeypatch.undo()
    copy(*filled)
    assert_same(*filled)


def test_a_url_is_shown_without_its_password() -> None:
    """Nor with parameters, since a password may be one."""
    shown = copy_run.shown_url("postgresql+psycopg://mmsg:hush@db:5432/messaging?password=hush&sslmode=require")
    assert shown == "postgresql+psycopg://mmsg:***@db:5432/messaging"


@only_sqlite_to_sqlite
def test_errors_say_which_database_is_meant(source_and_target: list[str], tmp_path: Path) -> None:
    """Missing, behind, ahead or out of reach."""
    source, target = source_and_target
    nowhere, at = f"sqlite:///{tmp_path}/no.db", "UPDATE alembic_version SET version_num = :revision"
    done = copy_here(source, nowhere)
    assert (done.exit_code, done.stderr.startswith(f"{TO}there is no database at")) == (10, True)
    assert done.stderr.endswith("`mmsg migrate` takes this one when DATABASE_URL is set to it.\n")
    done = copy_here(nowhere, target)
    assert (done.exit_code, done.stderr.startswith(f"{FROM}there is no database at")) == (10, True)
    change(target, at, revision="9999")
    done = copy_here(source, target)
    assert (done.exit_code, done.stderr.startswith(f"{TO}the database is at schema 9999, which")) == (13, True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "REVISIONS", ("0000", *migration.REVISIONS))
        change(target, at, revision="0000")
        done = copy_here(source, target)
        assert (done.exit_code, done.stderr.startswith(f"{TO}the database is at schema 0000, this")) == (12, True)
        change(source, at, revision="0000")
        assert copy_here(source, target).stderr.startswith(f"{FROM}the database is at schema 0000, this")
    done = copy_here(f"sqlite:///{tmp_path}", target)
    assert (done.exit_code, done.stderr.startswith(f"{FROM}{tmp_path} is a folder")) == (14, True)


@pytest.mark.parametrize("direction", [("sqlite", "postgresql")], indirect=True)
def test_a_busy_target_is_waited_for_no_longer_than_was_said(filled: list[str]) -> None:
    """And the message names it."""
    source, target = filled
    engine = create_engine(target, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE alembic_version"))
        done = copy_here(source, target, "--busy-timeout", "0.1")
    assert (done.exit_code, done.stderr.startswith(f"{TO}the database stayed busy")) == (14, True)
