"""`mmsg doctor` from outside: what it prints, and how it ends."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from support.databases import only_postgresql, only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, run_here
from support.listing import change
from support.program import Program

SQLITE_CHECKS = [
    "rules",
    "permissions",
    "disk_space",
    "database",
    "schema",
    "power_cut",
    "damage",
    "foreign_keys",
    "values",
    "books",
    "limits",
    "decisions",
    "last_run",
    "unended_runs",
    "shared_ids",
]
POSTGRESQL_CHECKS = [*(n for n in SQLITE_CHECKS if n not in {"permissions", "disk_space"})]
POSTGRESQL_CHECKS.insert(POSTGRESQL_CHECKS.index("damage"), "encoding")
AWAY = "postgresql://someone:hunter2@127.0.0.1:1/nothing"


@pytest.fixture
def sound(database_url: str, tmp_path: Path) -> str:
    """A database after a run without a rejected line."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", make_event()))
    return database_url


def shape(report: Any, names: list[str]) -> None:
    """Expects the pinned shape."""
    assert list(report) == ["status", "exit_code", "checks"]
    assert [check["check"] for check in report["checks"]] == names
    for check in report["checks"]:
        assert list(check) == ["check", "state", "detail", "advice"]
        assert check["state"] in {"ok", "skipped", "warning", "wrong"}
        assert check["detail"]
        assert check["advice"] or check["state"] in {"ok", "skipped"}


@only_sqlite
def test_a_sound_database_is_0(mmsg: Program, sound: str) -> None:
    """A line per check on standard output, the verdict on standard error."""
    done = mmsg("doctor", database_url=sound)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["Health of the database and its surroundings", "", "Checks:"]
    assert [line.split()[1].rstrip(":") for line in lines[3:] if line.startswith("  [")] == SQLITE_CHECKS
    assert done.stderr.startswith("15 checks, 1")
    assert mmsg("doctor", "--quiet", database_url=sound) == type(done)(0, "", "")


@only_sqlite
def test_the_json_has_this_shape(mmsg: Program, sound: str) -> None:
    """One value, with or without --full."""
    for options in ([], ["--full"]):
        done = mmsg("doctor", "--json", *options, database_url=sound)
        assert done.exit_code == 0
        shape(done.json(), SQLITE_CHECKS)
        assert done.json()["status"] in {"ok", "warning"}


@only_postgresql
def test_the_json_has_this_shape_on_postgresql(mmsg: Program, sound: str) -> None:
    """The exit code is that of the report, whatever the server is set to."""
    done = mmsg("doctor", "--json", database_url=sound)
    shape(done.json(), POSTGRESQL_CHECKS)
    assert done.exit_code == done.json()["exit_code"]
    assert done.exit_code in {0, 8}
    assert {c["check"] for c in done.json()["checks"] if c["state"] == "wrong"} <= {"power_cut"}


def test_anything_wrong_is_8(sound: str) -> None:
    """The line says what and what to do; quiet, one line names the check."""
    change(sound, "UPDATE runs SET lines = 9")
    done = run_here("doctor", url=sound)
    assert done.exit_code == 8
    (place,) = [n for n, line in enumerate(done.stdout.splitlines()) if line.startswith("  [BAD]  books: ")]
    assert done.stdout.splitlines()[place + 1].startswith("         This is a bug")
    assert "wrong: " in done.stderr
    assert done.stderr.endswith("(exit code 8)\n")
    quiet = run_here("doctor", "--quiet", url=sound)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr.count("\n")) == (8, "", 1)
    assert quiet.stderr.startswith("mmsg: ")
    assert "books" in quiet.stderr
    both = run_here("doctor", "--quiet", "--json", url=sound)
    assert (both.json()["exit_code"], both.json()["status"], both.stderr.count("\n")) == (8, "wrong", 1)


@only_sqlite
def test_a_warning_alone_is_0(sound: str) -> None:
    """It is told, but not to whoever asked for quiet."""
    path = Path(make_url(sound).database or "")
    path.chmod(0o640)
    done = run_here("doctor", url=sound)
    assert (done.exit_code, f"chmod 600 {path}" in done.stdout) == (0, True)
    assert "warning: permissions" in done.stderr
    assert run_here("doctor", "--quiet", url=sound).stderr == ""
    path.chmod(0o666)
    assert run_here("doctor", url=sound).exit_code == 8


def test_without_a_database_it_is_10_with_a_report(empty_database_url: str, database_kind: str) -> None:
    """To be migrated is what is wrong."""
    done = run_here("doctor", "--json", url=empty_database_url)
    assert done.exit_code == 10
    shape(done.json(), SQLITE_CHECKS if database_kind == "sqlite" else POSTGRESQL_CHECKS)
    assert "mmsg migrate" in str([check["advice"] for check in done.json()["checks"]])


def test_a_server_that_does_not_answer_is_14_with_a_report() -> None:
    """Without the password."""
    done = run_here("doctor", url=AWAY)
    assert (done.exit_code, "hunter2" in done.stdout + done.stderr) == (14, False)
    assert "[BAD]  database: " in done.stdout
    assert "[ok]   rules: " in done.stdout


@pytest.mark.parametrize("by_option", [True, False])
def test_bad_rules_are_7_after_all_checks(sound: str, tmp_path: Path, by_option: bool) -> None:
    """They keep no other check from being made."""
    path = tmp_path / "broken.yaml"
    path.write_text("version: 1\nrules: 3\n")
    if by_option:
        done = run_here("doctor", "--rules", path, url=sound)
    else:
        done = run_here("doctor", url=sound, MMSG_RULES=str(path))
    assert done.exit_code == 7
    assert f"[BAD]  rules: {path}:2:8: " in done.stdout
    assert "[ok]   books: " in done.stdout


@only_sqlite
def test_other_rules_than_the_last_runs_are_a_warning(sound: str, tmp_path: Path) -> None:
    """In case MMSG_RULES is set in one place only."""
    shown = run_here("rules", "show").stdout
    (tmp_path / "mine.yaml").write_text(f"{shown}\n# mine\n")
    done = run_here("doctor", "--rules", tmp_path / "mine.yaml", url=sound)
    assert (done.exit_code, "run 1 decided by " in done.stdout) == (0, True)


def test_bad_settings_are_7_without_a_report() -> None:
    """There is nothing to look at."""
    done = run_here("doctor", "--json", url="mysql://x/y")
    assert (done.exit_code, done.stdout) == (7, "")


def test_help_has_examples_and_codes() -> None:
    """And says what is a warning, and what is wrong."""
    text = " ".join(run_here("doctor", "--help").stdout.split())
    for words in (
        "mmsg doctor --quiet",
        "Exit codes: 0 nothing is wrong",
        "8 something is wrong",
        "Warnings, which do",
    ):
        assert words in text
