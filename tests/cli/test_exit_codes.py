"""How `mmsg ingest` ends: each exit code, and which of several faults is told first."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from marketing_cli.database import migration
from support.databases import only_sqlite
from support.events import make_event, ndjson, write_events
from support.ingesting import ingest, query, run_here
from support.program import Program

GOOD = ndjson(make_event(event_id="a"), make_event(event_id="b"))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file of two events."""
    return write_events(tmp_path / "good.ndjson", make_event(event_id="a"), make_event(event_id="b"))


def put(folder: Path, name: str, content: bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content)
    return path


def test_done_is_0(database_url: str, good: Path) -> None:
    """All stored; then only duplicates."""
    assert ingest(database_url, good)["totals"]["new"] == 2
    assert ingest(database_url, good)["totals"]["duplicate"] == 2


@pytest.mark.parametrize("name", ["empty.ndjson", "blank.ndjson"])
def test_an_empty_file_is_an_input(database_url: str, tmp_path: Path, name: str) -> None:
    """Nothing in it is no error."""
    report = ingest(database_url, put(tmp_path, name, b"\n\n" if name.startswith("blank") else b""))
    assert [(books["state"], books["new"]) for books in report["inputs"]] == [("done", 0)]


@pytest.mark.parametrize(("options", "exit_code"), [([], 3), (["--rejects-ok"], 0)])
def test_a_rejected_line_is_3(database_url: str, tmp_path: Path, options: list[str], exit_code: int) -> None:
    """Unless rejects are fine; what is good in the file is stored either way."""
    path = put(tmp_path, "events.ndjson", f"{GOOD}broken\n".encode())
    report = ingest(database_url, path, *options, exit_code=exit_code)
    assert report["status"] == ("partial" if exit_code else "ok")
    assert (report["totals"]["new"], report["totals"]["rejected"]) == (2, 1)


def broken_middle(data: bytes) -> bytes:
    """The data with one flipped bit in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


MANY = ndjson(*(make_event(event_id=f"evt_{number}", user_id=f"u_{number * 7919}") for number in range(400))).encode()
BROKEN_INPUTS: dict[str, tuple[Callable[[Path], Path], str, int]] = {
    "missing": (lambda folder: folder / "nowhere.ndjson", "unreadable", 0),
    "corrupt": (lambda folder: put(folder, "c.json.gz", broken_middle(gzip.compress(MANY))), "corrupt", 0),
    "bad checksum": (
        lambda folder: put(folder, "c.gz", gzip.compress(MANY)[:-8] + b"\0\0\0\0" + gzip.compress(MANY)[-4:]),
        "corrupt",
        0,
    ),
    "cut short": (lambda folder: put(folder, "c.gz", gzip.compress(MANY)[:-400]), "truncated", 10),
    "cut array": (lambda folder: put(folder, "c.json", b"[" + MANY.replace(b"\n", b",")[:-300]), "truncated", 390),
}


@pytest.mark.parametrize(
    ("broken", "options"), [*((kind, []) for kind in BROKEN_INPUTS), ("missing", ["--rejects-ok"])]
)
def test_a_broken_input_is_3_and_the_others_are_stored(
    database_url: str, good: Path, broken: str, options: list[str]
) -> None:
    """A corrupt archive gives nothing, one that was cut short what came before; neither is a matter of rejects."""
    make, state, at_least = BROKEN_INPUTS[broken]
    report = ingest(database_url, make(good.parent), good, *options, "--batch-size", "50", exit_code=3)
    first, second = report["inputs"]
    assert (first["state"], second["state"], second["new"]) == (state, "done", 2)
    stored = query(database_url, "SELECT count(*) FROM events")[0][0] - 2
    assert stored == first["new"]
    assert bool(stored) is bool(at_least)
    assert stored >= at_least
    assert any(str(first["path"]) in warning for warning in report["warnings"])


@pytest.mark.parametrize("given", ["file", "directory", "several"])
def test_no_input_is_6(database_url: str, tmp_path: Path, given: str) -> None:
    """Nothing could be opened: nothing is printed on standard output, and no run is recorded."""
    (tmp_path / "empty").mkdir()
    paths = {
        "file": [tmp_path / "nowhere.json"],
        "directory": [tmp_path / "empty"],
        "several": [tmp_path / "nowhere.json", tmp_path / "empty", tmp_path / "neither.json"],
    }[given]
    done = run_here("ingest", "--json", *paths, url=database_url)
    assert (done.exit_code, done.stdout) == (6, "")
    assert all(str(path) in done.stderr for path in paths)
    assert query(database_url, "SELECT count(*) FROM runs") == [(0,)]


def test_an_empty_directory_can_be_fine(database_url: str, tmp_path: Path) -> None:
    """A run without inputs is in the ledger like any other."""
    report = ingest(database_url, tmp_path, "--empty-ok")
    assert (report["status"], report["inputs"], report["totals"]["lines"]) == ("ok", [], 0)
    assert query(database_url, "SELECT status, exit_code FROM runs") == [("ok", 0)]
    assert run_here("ingest", tmp_path / "nowhere", "--empty-ok", url=database_url).exit_code == 6


UNREACHABLE = "postgresql://someone:sesame@127.0.0.1:1/nothing"


def db_ahead(url: str, _monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that a newer program has migrated."""
    execute(url, "UPDATE alembic_version SET version_num = 'from_the_future'")
    return url


def db_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that is newer than the database."""
    monkeypatch.setattr(migration, "REVISIONS", (*migration.REVISIONS, "9999"))
    return url


def db_emptied(url: str, _monkeypatch: pytest.MonkeyPatch) -> str:
    """A database whose migration never happened."""
    execute(url, "DELETE FROM alembic_version")
    return url


def execute(url: str, statement: str) -> None:
    """Runs one statement."""
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


STATES: dict[int, Callable[[str, pytest.MonkeyPatch], str]] = {10: db_emptied, 12: db_behind, 13: db_ahead}
COMMANDS = [["ingest", "GOOD"], ["ingest", "GOOD", "--dry-run"], ["migrate", "--check"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("exit_code", STATES)
def test_a_schema_that_is_not_the_newest_is_told(
    database_url: str, good: Path, monkeypatch: pytest.MonkeyPatch, exit_code: int, command: list[str]
) -> None:
    """Missing, behind, ahead: with what to do about it, and nothing on standard output."""
    url = STATES[exit_code](database_url, monkeypatch)
    done = run_here(*(str(good) if word == "GOOD" else word for word in command), url=url)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert "mmsg migrate" in done.stderr or "newer mmsg" in done.stderr


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_database_that_was_never_made_is_10(empty_database_url: str, good: Path, options: list[str]) -> None:
    """It is not made by looking at it."""
    done = run_here("ingest", "--json", good, *options, url=empty_database_url)
    assert (done.exit_code, done.stdout) == (10, "")
    assert "mmsg migrate" in done.stderr
    assert [path.name for path in good.parent.iterdir()] == ["good.ndjson"]


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
@pytest.mark.parametrize("kind", ["no server", "no database file", "a directory", "no folder"])
def test_a_database_that_cannot_be_opened_is_14(tmp_path: Path, good: Path, kind: str, options: list[str]) -> None:
    """An unreachable server, or a path that leads to something else; but a file that is not there is 10."""
    url, exit_code = {
        "no server": (UNREACHABLE, 14),
        "no database file": (f"sqlite:///{put(tmp_path, 'text.db', b'not a database, ' * 99)}", 14),
        "a directory": (f"sqlite:///{tmp_path}", 14),
        "no folder": (f"sqlite:///{tmp_path}/nowhere/m.db", 10),
    }[kind]
    done = run_here("ingest", "--json", good, *options, url=url)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert "sesame" not in done.stderr
    assert done.stderr.startswith("mmsg: ")


FAULTS: dict[str, tuple[int, list[str]]] = {
    "bad option": (2, ["--format", "xml"]),
    "bad settings": (7, ["--env-file", "/nowhere/settings.env"]),
    "bad rules": (7, ["--rules", "/nowhere/rules.yaml"]),
    "no input": (6, ["/nowhere/events.json"]),
}
DATABASE_FAULTS = {14: lambda _url, _patch: UNREACHABLE, **STATES}


@only_sqlite
@pytest.mark.parametrize("database_fault", DATABASE_FAULTS)
@pytest.mark.parametrize("first", FAULTS)
def test_the_first_fault_wins(
    database_url: str, monkeypatch: pytest.MonkeyPatch, first: str, database_fault: int
) -> None:
    """Options before settings and rules, these before inputs, these before the database: whatever else is wrong."""
    url = DATABASE_FAULTS[database_fault](database_url, monkeypatch)
    later = list(FAULTS)[list(FAULTS).index(first) :]
    args = [word for fault in later for word in FAULTS[fault][1]]
    done = run_here("ingest", "--json", *args, url=url)
    assert (done.exit_code, done.stdout) == (FAULTS[first][0], "")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["--no-such-option", "x"],
        ["x", "--batch-size", "0"],
        ["x", "--batch-size", "many"],
        ["x", "--max-line-bytes", "0"],
        ["x", "--max-errors", "-1"],
        ["x", "--max-errors", "101%"],
        ["x", "--max-errors", "1.5"],
        ["x", "--max-errors", "some"],
        ["x", "--format", "csv"],
        ["x", "--assume-timezone", "Europe/Lisboa"],
        ["x", "--assume-timezone", "../../etc/passwd"],
        ["x", "--busy-timeout", "-1"],
        ["x", "--busy-timeout", "nan"],
        ["x", "--busy-timeout", "inf"],
        ["x", "--busy-timeout", "1e12"],
    ],
    ids=" ".join,
)
def test_wrong_options_are_2(args: list[str]) -> None:
    """Whatever cannot be understood is refused before anything is looked at."""
    done = run_here("ingest", *args, url="nonsense")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr


def test_a_typing_error_gets_a_hint() -> None:
    """The nearest name is offered."""
    assert "Europe/Lisbon" in run_here("ingest", "x", "--assume-timezone", "Europe/Lisboa").stderr


@pytest.mark.parametrize("args", [["ingest"], ["nonsense"], ["migrate", "--check", "--sql"], ["ingest", "--frmat"]])
def test_usage_is_2_as_a_process(mmsg: Program, args: list[str]) -> None:
    """The real program ends as the one in this process does."""
    done = mmsg(*args)
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["ingest", "--help"], ["migrate", "-h"]])
def test_help_is_0_and_on_standard_output(mmsg: Program, args: list[str]) -> None:
    """What was asked for is printed where it can be piped."""
    done = mmsg(*args)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout
