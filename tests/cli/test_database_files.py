"""Which SQLite paths are taken, what becomes of the others, and who may read the files."""

import os
import shlex
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from marketing_cli.database import engine as engines
from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here
from support.program import Program

MASKS = [0o000, 0o022, 0o077]


def below(name: str) -> Callable[[Path], str]:
    """The URL of a file in the test's folder."""
    return lambda folder: f"sqlite:///{folder}/{name}"


def made_by(make: Callable[[Path], object], name: str = "odd.db") -> Callable[[Path], str]:
    """The URL of something that is made in the test's folder first."""

    def prepare(folder: Path) -> str:
        make(folder / name)
        return f"sqlite:///{folder}/{name}"

    return prepare


def bind(path: Path) -> None:
    """A socket that somebody listens at."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


def loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path)


PLACES: dict[str, tuple[Callable[[Path], str], int, str]] = {
    "memory": (lambda _: "sqlite://", 7, "in memory would be gone"),
    "memory by its name": (lambda _: "sqlite:///:memory:", 7, "in memory would be gone"),
    "memory by a file: name": (lambda _: "sqlite:///file:x?mode=memory&uri=true", 7, "file: names"),
    "a question mark": (below("what?.db"), 7, "without ?"),
    "an escaped parent": (below("%2e%2e/x.db"), 7, "without %"),
    "an option": (below("x.db?mode=ro"), 7, "without ?"),
    "a slash at the end": (below("x.db/"), 7, "names a folder"),
    "a host": (lambda _: "sqlite://host/x.db", 7, "names no host"),
    "a line end": (below("a\nb.db"), 7, "not a database URL"),
    "a control character": (below("a\tb.db"), 7, "control character"),
    "no text": (below("\udcff.db"), 7, "not UTF-8"),
    "another driver": (lambda _: "sqlite+aiosqlite:///x.db", 7, "'sqlite+aiosqlite'"),
    "an encrypting driver": (lambda _: "sqlite+pysqlcipher:///x.db", 7, "'sqlite+pysqlcipher'"),
    "another database": (lambda _: "mysql://h/x", 7, "'mysql'"),
    "a scheme of its own": (lambda _: "file:///etc/passwd", 7, "'file'"),
    "no scheme": (lambda folder: f"{folder}/x.db", 7, "not a database URL"),
    "a folder": (lambda folder: f"sqlite:///{folder}", 14, "is a folder"),
    "a parent": (below(".."), 14, "is a folder"),
    "a named pipe": (made_by(os.mkfifo), 14, "is a named pipe"),
    "a socket": (made_by(bind), 14, "is a socket"),
    "a device": (lambda _: "sqlite:////dev/null", 14, "is a device"),
    "a device by a link": (made_by(lambda path: path.symlink_to("/dev/zero")), 14, "is a device"),
    "a dangling link": (made_by(lambda path: path.symlink_to("nowhere.db")), 14, "nowhere.db, which does not exist"),
    "a link to itself": (made_by(loop), 14, "is a symbolic link"),
    "a missing folder": (below("nowhere/x.db"), 14, "No such file"),
    "a file as a folder": (lambda folder: f"{made_by(Path.touch, 'text')(folder)}/x.db", 14, "cannot create"),
    "a plain path": (below("x.db"), 0, ""),
    "a parent in the path": (below("../plain.db"), 0, ""),
    "signs of the shell": (below("$(id);'\"#&*~ x.db"), 0, ""),
}
"""What a path is -> its URL, how `mmsg migrate` ends, and what it says."""

NOTHING_THERE = {"No such file", "cannot create"}
"""What `migrate` says where any other command finds no database (10)."""


@pytest.mark.parametrize(("place", "exit_code", "words"), PLACES.values(), ids=PLACES)
def test_where_a_database_can_be(
    tmp_path: Path, place: Callable[[Path], str], exit_code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain file, named plainly; for all else one sentence, and nothing is made or changed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    url = place(folder)
    monkeypatch.setenv("DATABASE_URL", url)
    before = sorted(path.name for path in folder.iterdir())
    done = run_here("migrate", url=url)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (exit_code, "", 1), done.stderr
    assert words in done.stderr
    if exit_code:
        assert sorted(path.name for path in folder.iterdir()) == before
        assert run_here("runs", url=url).exit_code == (10 if words in NOTHING_THERE else exit_code)


def test_a_relative_path_starts_in_the_working_directory(mmsg: Program, tmp_path: Path) -> None:
    """And what is said of it names the whole path, since cron's working directory is easily forgotten."""
    done = mmsg("runs", database_url="sqlite:///messaging.db")
    assert (done.exit_code, f"no database at {tmp_path / 'messaging.db'}." in done.stderr) == (10, True)
    assert mmsg("migrate", database_url="sqlite:///messaging.db").exit_code == 0
    assert (tmp_path / "messaging.db").is_file()


def linked(url: str) -> tuple[Path, str]:
    """A link to a database beside it, and the URL by that link."""
    path = Path(make_url(url).database or "")
    link = path.with_name("link.db")
    link.symlink_to(path.name)
    return path, f"sqlite:///{link}"


@only_sqlite
def test_ones_own_link_is_followed_and_shown(database_url: str, tmp_path: Path) -> None:
    """The database is the file that it leads to, whose journal lies beside that."""
    path, url = linked(database_url)
    done = run_here("migrate", url=url)
    assert (done.exit_code, f"symbolic link to {path}\n" in done.stderr) == (0, True)
    assert f"link.db, a symbolic link to {path}\n" in run_here("doctor", url=url).stdout
    ingest(url, write_events(tmp_path / "events.ndjson", make_event()))
    assert query(database_url, "SELECT count(*) FROM events") == [(1,)]
    assert [found.name for found in tmp_path.glob("link.db*")] == ["link.db"]


@only_sqlite
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_anothers_link_is_not_followed(database_url: str, tmp_path: Path) -> None:
    """Whoever owns it decides what is written to."""
    _, url = linked(database_url)
    os.chown(tmp_path / "link.db", 12345, 12345, follow_symlinks=False)
    for command in ("migrate", "runs"):
        done = run_here(command, url=url)
        assert (done.exit_code, done.stdout, "is another user's" in done.stderr) == (14, "", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link to somebody else")
@pytest.mark.parametrize("path", ["mine.db", "folder/x.db", "theirs/x.db"])
def test_another_users_link_on_the_way_is_not_followed(tmp_path: Path, path: str) -> None:
    """Neither behind a link of one's own, nor as a folder."""
    (tmp_path / "folder").mkdir()
    assert run_here("migrate", url=f"sqlite:///{tmp_path}/folder/x.db").exit_code == 0
    (tmp_path / "theirs").symlink_to("folder")
    (tmp_path / "theirs.db").symlink_to("folder/x.db")
    (tmp_path / "mine.db").symlink_to("theirs.db")
    for name in ("theirs", "theirs.db"):
        os.chown(tmp_path / name, 12345, 12345, follow_symlinks=False)
    done = run_here("runs", url=f"sqlite:///{tmp_path}/{path}")
    assert (done.exit_code, "is another user's" in done.stderr) == (
        (0, False) if path.startswith("folder") else (14, True)
    )


@pytest.fixture(params=MASKS, ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What the shell takes from the modes of new files."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@only_sqlite
@pytest.mark.parametrize("journal", ["wal", "truncate"])
@pytest.mark.usefixtures("umask")
def test_every_file_is_its_owners_alone(
    empty_database_url: str, tmp_path: Path, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database and what lies beside it while `migrate` and `ingest` write; and nothing else is made."""
    monkeypatch.setattr(engines, "safe_journal_mode", lambda: journal)
    events = write_events(tmp_path / "events.ndjson", make_event())
    modes: dict[str, int] = {}

    def look(*_: object) -> None:
        modes.update({path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()})

    monkeypatch.setattr("marketing_cli.cli.ingest.acknowledger", lambda _: look)
    monkeypatch.setattr("marketing_cli.services.run_ledger.RunLedger.store_progress", look)
    for args in (["migrate"], ["ingest", str(events)], ["ingest", "--dry-run", str(events)], ["runs"]):
        assert run_here(*args, url=empty_database_url).exit_code == 0
        look()
    del modes[events.name]
    name = Path(make_url(empty_database_url).database or "").name
    beside = {f"{name}-wal", f"{name}-shm"} if journal == "wal" else {f"{name}-journal"}
    assert modes == dict.fromkeys({name, *beside}, 0o600)


@only_sqlite
@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True), (0o660, True)])
def test_a_file_that_others_can_read_is_warned_of(database_url: str, tmp_path: Path, mode: int, warned: bool) -> None:
    """With the command to run, which then ends it; a quiet command that succeeds says nothing."""
    path = Path(make_url(database_url).database or "")
    path.chmod(mode)
    events = write_events(tmp_path / "events.ndjson", make_event())
    (rules := tmp_path / "rules.yaml").write_text("version: 1\nrules: []\n")
    commands = [["migrate"], ["migrate", "--check"], ["ingest", str(events)], ["runs"], ["rejects", "--json"]]
    for args in [*commands, ["audit", make_event()["event_id"]], ["rules", "history"], ["rules", "lint", str(rules)]]:
        done = run_here(*args, url=database_url)
        assert done.exit_code == 0
        assert done.stderr.count("warning: others than its owner") == warned
        assert run_here(*args, "--quiet", url=database_url).stderr == ""
    done = run_here("runs", url=database_url)
    if warned:
        subprocess.run(shlex.split(done.stderr.partition("run: ")[2]), check=True)
    assert "others" not in run_here("runs", url=database_url).stderr


@only_sqlite
def test_a_forgotten_journal_is_warned_of(database_url: str) -> None:
    """It holds what the database holds. Quoted, so that the command can be pasted."""
    path = Path(make_url(database_url).database or "")
    odd = path.rename(path.with_name("my database.db"))
    (odd.parent / "my database.db-journal").touch()
    (odd.parent / "my database.db-journal").chmod(0o644)
    done = run_here("runs", url=f"sqlite:///{odd}")
    assert f"run: chmod 600 '{odd}-journal'\n" in done.stderr


@only_sqlite
@pytest.mark.parametrize(
    "args", [["rules", "check", "RULES"], ["rules", "show"], ["rules", "test"], ["migrate", "--sql"]]
)
def test_commands_without_a_database_do_not_look_at_it(database_url: str, tmp_path: Path, args: list[str]) -> None:
    """They say nothing of its mode."""
    Path(make_url(database_url).database or "").chmod(0o666)
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nrules: []\n")
    done = run_here(*(str(rules) if arg == "RULES" else arg for arg in args), url=database_url)
    assert (done.exit_code, "warning" in done.stderr) == (0, False)
