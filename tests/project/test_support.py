"""What the tests stand on: their databases, their server, the environment they give the program."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from support.databases import CannotStart, running_postgres
from support.events import MISSING, make_event
from support.program import Program


def tables(url: str) -> list[str]:
    """The names of a database's tables."""
    engine = create_engine(url)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_an_empty_database_holds_nothing(empty_database_url: str) -> None:
    """It was never migrated; on SQLite not even the file is there."""
    if empty_database_url.startswith("sqlite"):
        assert not Path(make_url(empty_database_url).database or "").exists()
    else:
        assert tables(empty_database_url) == []


def test_each_migrated_database_is_a_new_one(make_database: Callable[[], str]) -> None:
    """What a test does to its database is not seen in the next."""
    first, second = make_database(), make_database()
    engine = create_engine(first)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (id INTEGER)"))
    engine.dispose()
    assert "left_behind" in tables(first)
    assert "left_behind" not in tables(second)
    assert "events" in tables(second)


@pytest.mark.postgres
def test_the_server_leaves_nothing_behind() -> None:
    """The server's folder, and with it the server, is gone when the block is left."""
    try:
        with running_postgres() as url:
            folder = Path(str(make_url(url).query["host"]))
            assert tables(url) == []
        assert not folder.parent.exists()
    except CannotStart as error:
        pytest.skip(f"no PostgreSQL server: {error}")


def test_the_program_runs_in_a_bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests do not reach the program."""
    monkeypatch.setenv("MMSG_RULES", "mine.yaml")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///mine.db")
    names = Program(tmp_path).environment(env={"NO_COLOR": "1"}).keys()
    assert names == {"PATH", "HOME", "TZ", "PYTHONPATH", "NO_COLOR"}
    assert Program(tmp_path).environment("sqlite:///x.db")["DATABASE_URL"] == "sqlite:///x.db"


def test_an_event_is_what_the_test_names_and_valid_otherwise() -> None:
    """A key can be replaced, added and left out, and no two events share a part."""
    event = make_event(user_id=7, event_id=MISSING, source="app")
    event["user_traits"]["marketing_opt_in"] = False
    assert "event_id" not in event
    assert (event["user_id"], event["source"]) == (7, "app")
    assert make_event()["user_traits"] == {"marketing_opt_in": True}
