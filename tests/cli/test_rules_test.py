"""`mmsg rules test` from outside: what it prints, and how it ends."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from support.ingesting import run_here
from support.program import Program

NOWHERE = "sqlite:////nowhere/at/all.db"
SHIPPED_CASES = (resources.files("marketing_cli") / "rules" / "default.tests.yaml").read_bytes()
RULES = """\
version: 1
rules:
  - {name: thanks, on: paid, when: [{field: properties.n, gte: 3}], message: {template: T, channel: sms}, limit: none}
  - {name: other, on: paid, message: {template: U, channel: email}, limit: once_ever}
"""
CASES = """\
version: 1
cases:
  - name: enough
    when: [{event_id: e, user_id: u, event_type: paid, event_timestamp: 2025-11-01T10:00:00Z, properties: {n: 3}}]
    then: {requests: [{rule: thanks, template: T}, {rule: other}]}
  - name: too little
    when:
      - {event_id: e, user_id: u, event_type: paid, event_timestamp: 2025-11-01T10:00:00Z, properties: {n: 3}}
      - {event_id: f, user_id: u, event_type: paid, event_timestamp: 2025-11-01T10:00:00Z, properties: {n: 2}}
      - {event_id: f, user_id: u, event_type: paid, event_timestamp: 2025-11-01T10:00:00Z, properties: {n: 2}}
    then:
      requests:
        - {rule: thanks, event: e, template: THANKS}
        - {rule: thanks, event: f}
        - {rule: other, event: f}
"""
PAGE = """\
Rules {folder}/mine.yaml, version {version}

Cases of {folder}/mine.tests.yaml:
  [ok]   enough
  [BAD]  line 6: too little
         - line 13: e, thanks: a request, as expected, but with other facts
           template: expected THANKS, found T
         - line 14: f, thanks: expected a request but found nothing
           properties.n gte 3: found 2 [condition_false]
         - line 15: f, other: expected a request but found a suppression
           skipped U: already sent at 2025-11-01T10:00:00Z (event e) [already_sent_once_ever]
         - e, other: expected nothing but found a request
           U was requested: other matched: no conditions
         line 10: f of u is a duplicate of the event in line 9, and decides nothing
"""
VERDICT = "2 cases, 1 passed; 1 failed, first line 6: too little (exit code 8)"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Rules, with their cases beside them: one passes, one does not."""
    (tmp_path / "mine.yaml").write_text(RULES)
    (tmp_path / "mine.tests.yaml").write_text(CASES)
    return tmp_path / "mine.yaml"


def version(path: Path) -> str:
    """The beginning of a file's SHA-256, as pages show it."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def test_the_shipped_rules_pass_without_a_file_and_without_a_database(mmsg: Program) -> None:
    """A line per case, the verdict on standard error; quiet, nothing."""
    done = mmsg("rules", "test", database_url=NOWHERE)
    assert (done.exit_code, done.stderr) == (
        0,
        f"{done.stdout.count('[ok]')} cases, {done.stdout.count('[ok]')} passed\n",
    )
    assert done.stdout.startswith("Rules shipped, version ")
    assert mmsg("rules", "test", "--quiet", database_url=NOWHERE) == type(done)(0, "", "")


def test_a_failed_case_is_8_and_shows_what_differs(mine: Path) -> None:
    """Below its name, with the lines of the file; quiet, one line."""
    done = run_here("rules", "test", "--rules", mine, url=NOWHERE)
    assert (done.exit_code, done.stderr) == (8, f"{VERDICT}\n")
    assert done.stdout == PAGE.format(folder=mine.parent, version=version(mine))
    quiet = run_here("rules", "test", "--rules", mine, "--quiet", url=NOWHERE)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (8, "", f"mmsg: {VERDICT}\n")


def test_the_json_has_this_shape(mine: Path) -> None:
    """One value; keys are added, never renamed."""
    done = run_here("rules", "test", "--rules", mine, "--json", url=NOWHERE)
    report: Any = done.json()
    keys = ["status", "exit_code", "rules", "source", "cases", "passed", "failed", "untested"]
    assert (done.exit_code, list(report)) == (8, keys)
    assert (report["status"], report["exit_code"], report["passed"], report["failed"]) == ("failed", 8, 1, 1)
    assert report["rules"]["source"] == str(mine)
    assert report["rules"]["sha256"].startswith(version(mine))
    passed, failed = report["cases"]
    assert passed == {"name": "enough", "line": 3, "status": "passed", "differences": [], "notes": []}
    assert [list(difference) for difference in failed["differences"]] == [
        ["line", "event_id", "user_id", "rule", "expected", "found", "details"]
    ] * 4
    absent = {"channel": None, "reason_code": None, "blocked_by": None, "caused_by": None}
    assert failed["differences"][2] == {
        "line": 15,
        "event_id": "f",
        "user_id": "u",
        "rule": "other",
        "expected": {"outcome": "requested", "template": None, **absent},
        "found": {
            "outcome": "suppressed",
            "template": "U",
            "channel": "email",
            "reason_code": "already_sent_once_ever",
            "blocked_by": "e",
            "caused_by": "f",
        },
        "details": ["skipped U: already sent at 2025-11-01T10:00:00Z (event e) [already_sent_once_ever]"],
    }
    assert (failed["differences"][1]["found"], failed["differences"][3]["expected"]) == (None, None)
    assert len(failed["notes"]) == 1


def test_a_rule_without_a_case_is_named(mine: Path) -> None:
    """On standard error; it is no failure."""
    cases = mine.parent / "few.yaml"
    text = CASES.partition("  - name: too")[0].replace(", {rule: other}", "")
    cases.write_text(text.replace("{n: 3}", "{n: 3, m: 1}"))
    mine.write_text(RULES.replace("on: paid, message", "on: unpaid, message"))
    done = run_here("rules", "test", cases, "--rules", mine, url=NOWHERE)
    expected = "1 case, 1 passed\nnote: rules of which no case expects anything: other\n"
    assert (done.exit_code, done.stderr) == (0, expected)
    assert run_here("rules", "test", cases, "--rules", mine, "--json", url=NOWHERE).json()["untested"] == ["other"]


@pytest.mark.parametrize("how", ["file", "rules", "environment"])
def test_the_rules_are_those_that_belong_to_the_cases(mine: Path, how: str) -> None:
    """The cases name the rules beside them; the rules, from an option or the environment, name their cases."""
    beside = str(mine.with_name("mine.tests.yaml"))
    args: list[str] = {"file": [beside], "rules": ["--rules", str(mine)], "environment": []}[how]
    in_force = str(mine) if how == "environment" else "/nowhere/else.yaml"
    done = run_here("rules", "test", *args, "--json", url=NOWHERE, MMSG_RULES=in_force)
    report = done.json()
    assert (done.exit_code, report["rules"]["source"]) == (8, str(mine))
    assert report["source"] == beside


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["FOLDER/absent.tests.yaml"], "absent.tests.yaml: cannot read the cases: no such file or directory; "),
        (["--rules", "FOLDER/alone.yaml"], "alone.tests.yaml: cannot read the cases: no such file"),
        (["--rules", "FOLDER/absent.yaml"], "absent.yaml: cannot read the rules: no such file"),
        (["FOLDER/alone.yaml"], "alone.yaml:2:1: these are rules, and no cases for them; "),
        (["FOLDER/mine.tests.yaml", "--rules", "FOLDER/alone.yaml"], 'mine.tests.yaml:5:30: rule: found the text "tha'),
    ],
)
def test_files_that_cannot_be_used_are_7(mine: Path, args: list[str], message: str) -> None:
    """Missing, of the wrong kind, or for other rules."""
    (mine.parent / "alone.yaml").write_text("version: 1\nrules: []\n")
    named = [arg.replace("FOLDER", str(mine.parent)) for arg in args]
    done = run_here("rules", "test", "--json", *named, url=NOWHERE)
    assert (done.exit_code, done.stdout) == (7, "")
    assert message in done.stderr


def test_the_cases_are_printed_to_be_changed(mmsg: Program, mine: Path) -> None:
    """The shipped ones, or those beside the rules in force, to the byte; a version of then has none."""
    assert mmsg("rules", "show", "--tests").stdout.encode() == SHIPPED_CASES
    assert run_here("rules", "show", "--tests", "--rules", mine, url=NOWHERE).stdout == CASES
    assert run_here("rules", "show", "abcdef", "--tests", url=NOWHERE).exit_code == 2


def test_what_decides_nothing_is_told_of_a_case_that_passes_too(mine: Path) -> None:
    """A refused event in a case is seldom meant."""
    event = "{event_id: e, user_id: u, event_type: paid, event_timestamp: 2025-11-01T10:00:00Z, properties: {n: %d}}"
    mine.with_name("mine.tests.yaml").write_text(
        f"version: 1\ncases:\n  - name: twice\n    when:\n      - {event % 1}\n      - {event % 3}\n"
        "    then: {requests: [{rule: other}]}\n"
    )
    done = run_here("rules", "test", "--rules", mine)
    assert done.exit_code == 0
    assert "  [ok]   twice\n         line 6: e of u is refused as conflicting_duplicate" in done.stdout
