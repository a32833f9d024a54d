"""`mmsg rules lint` from outside: what it prints, and how it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, run_here
from support.listing import change

NOWHERE = "sqlite:////nowhere/at/all.db"
UNREACHABLE = "postgresql://someone:hunter2@127.0.0.1:1/nothing"
RULES = """\
version: 1
rules:
  - name: never
    on: signup_completed
    when:
      - {field: properties.n, gt: 3}
      - {field: properties.n, lt: 3}
    message: {template: T, channel: sms}
    limit: none
  - {name: first, on: signup_completed, message: {template: U, channel: sms}, limit: once_ever}
  - {name: second, on: signup_completed, message: {template: U, channel: email}, limit: once_ever}
"""
NEVER = "it can never match: these contradict each other: properties.n gt 3 (line 6), properties.n lt 3 (line 7)"
SHADOWED = (
    "it never leads to a request: whatever it matches, first in line 10 has matched before, and used up the limit"
)
PAGE = f"""\
Findings:
  [BAD]  line 3: never: {NEVER} [never_matches]
         Change one of these conditions, or make two rules of it.
  [BAD]  line 11: second: {SHADOWED} of U [shadowed]
         Delete it, give it another template, or let the earlier rule match less.
"""
NO_DATABASE = (
    "not compared with stored events: there is no database at /nowhere/at/all.db. Run `mmsg migrate` first, or"
)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Rules of which one can never match and one is shadowed."""
    path = tmp_path / "bad.yaml"
    path.write_text(RULES)
    return path


@pytest.mark.parametrize("how", ["argument", "option", "environment"])
def test_findings_are_8(bad: Path, how: str) -> None:
    """Each with its line and what to do; without a database the rest is done, and said to be."""
    args = {"argument": [str(bad)], "option": ["--rules", str(bad)], "environment": []}[how]
    done = run_here("rules", "lint", *args, url=NOWHERE, MMSG_RULES=str(bad) if how == "environment" else "/nowhere")
    assert done.exit_code == 8
    title, _, page = done.stdout.partition("\n\n")
    assert title.startswith(f"Rules {bad}, version ")
    assert page == PAGE
    assert done.stderr.startswith(f"3 rules, 2 findings; {NO_DATABASE}")
    assert done.stderr.endswith(" (exit code 8)\n")


def test_nothing_found_is_0() -> None:
    """Quiet, it is silent."""
    done = run_here("rules", "lint", url=NOWHERE)
    assert (done.exit_code, done.stdout.partition("\n\n")[2]) == (0, "Findings:\n  none\n")
    assert done.stderr.startswith(f"4 rules, nothing found; {NO_DATABASE}")
    quiet = run_here("rules", "lint", "--quiet", url=NOWHERE)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_quiet_is_one_line_with_findings(bad: Path) -> None:
    """For cron and CI."""
    done = run_here("rules", "lint", bad, "--quiet", url=NOWHERE)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (8, "", 1)
    assert done.stderr.startswith("mmsg: 3 rules, 2 findings; ")


def test_the_json_has_this_shape(database_url: str, tmp_path: Path, bad: Path) -> None:
    """One value; keys are added, never renamed."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", make_event(event_type="other")))
    done = run_here("rules", "lint", bad, "--json", url=database_url)
    report: Any = done.json()
    assert (done.exit_code, list(report)) == (8, ["status", "exit_code", "rules", "stored", "findings"])
    assert (report["status"], report["exit_code"]) == ("found", 8)
    assert list(report["rules"]) == ["source", "sha256", "rules", "enabled"]
    assert (report["rules"]["source"], report["rules"]["rules"], report["rules"]["enabled"]) == (str(bad), 3, 3)
    assert report["stored"] == {"events": 1, "skipped": None}
    assert report["findings"][0] == {
        "code": "never_matches",
        "rule": "never",
        "line": 3,
        "conditions": ["properties.n gt 3", "properties.n lt 3"],
        "detail": NEVER,
        "advice": "Change one of these conditions, or make two rules of it.",
    }
    codes = [(finding["code"], finding["rule"]) for finding in report["findings"][1:]]
    assert codes == [("unseen_event_type", "first"), ("shadowed", "second")]
    assert report["findings"][1]["detail"] == (
        "it looks at signup_completed, and none of the newest 1 event is of that type"
    )
    assert done.stderr == "3 rules, 3 findings; compared with the newest 1 event (exit code 8)\n"


def test_a_database_without_events_shows_nothing(database_url: str) -> None:
    """Of none it cannot be said what they lack."""
    done = run_here("rules", "lint", "--json", url=database_url)
    assert done.exit_code == 0
    assert done.json()["stored"] == {"events": 0, "skipped": "no events are stored yet."}


def ahead(url: str) -> str:
    """A database that a newer program has migrated."""
    change(url, "UPDATE alembic_version SET version_num = 'from_the_future'")
    return url


def unmigrated(url: str) -> str:
    """A database whose migration never happened."""
    change(url, "DELETE FROM alembic_version")
    return url


@only_sqlite
@pytest.mark.parametrize(
    ("make", "exit_code"), [(ahead, 13), (unmigrated, 0), (lambda _: UNREACHABLE, 14), (lambda _: NOWHERE, 0)]
)
def test_a_database_that_cannot_be_read(
    database_url: str, bad: Path, make: Callable[[str], str], exit_code: int
) -> None:
    """The rules are looked at all the same; what is there and cannot be read is a failure where nothing is found."""
    url = make(database_url)
    done = run_here("rules", "lint", "--json", url=url)
    assert done.exit_code == done.json()["exit_code"] == exit_code
    assert (done.json()["stored"]["events"], done.json()["status"]) == (0, "clean")
    assert done.json()["stored"]["skipped"]
    assert "hunter2" not in done.stdout + done.stderr
    assert run_here("rules", "lint", bad, url=url).exit_code == 8


@pytest.mark.parametrize(("args", "exit_code"), [(["BAD", "--rules", "BAD"], 2), (["/nowhere/rules.yaml"], 7)])
def test_what_cannot_be_looked_at(bad: Path, args: list[str], exit_code: int) -> None:
    """Two files, or none."""
    done = run_here("rules", "lint", "--json", *(str(bad) if arg == "BAD" else arg for arg in args), url=NOWHERE)
    assert (done.exit_code, done.stdout) == (exit_code, "")
