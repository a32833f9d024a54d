"""`mmsg verify` from outside: what it prints, its JSON, and how it ends."""

from pathlib import Path
from typing import Any

import pytest

from support.databases import only_sqlite
from support.ingesting import run_here
from support.listing import change, fill
from support.program import Program

DIFFERENCE = {
    "kind": "decision",
    "about": "insufficient_funds (INSUFFICIENT_FUNDS_EMAIL) on event evt_3: reason",
    "stored": "because",
    "now": 'insufficient_funds matched: properties.failure_reason is "INSUFFICIENT_FUNDS"',
    "condition": 'insufficient_funds matched: properties.failure_reason is "INSUFFICIENT_FUNDS"',
    "user_id": "u_2",
    "event_id": "evt_3",
    "row": 3,
    "rule": "insufficient_funds",
    "template": "INSUFFICIENT_FUNDS_EMAIL",
    "column": "reason",
    "run_id": 1,
}
REPORT: dict[str, Any] = {
    "status": "differs",
    "exit_code": 8,
    "scope": {"event_id": None, "user_id": None, "since": None},
    "verified": {
        "users": 3,
        "events": 5,
        "requests": 4,
        "suppressions": 2,
        "without_event": 0,
        "unchecked": 0,
        "rules_versions": 1,
    },
    "books": {
        "runs": 5,
        "lines": 11,
        "new": 5,
        "duplicate": 3,
        "rejected": 3,
        "blank": 0,
        "skipped": 0,
        "send_requests": 4,
        "suppressions": 2,
        "matches": 6,
    },
    "differences_found": 2,
    "differences": [DIFFERENCE],
    "notes": [],
}
REPRODUCED = """\
History of all users

Decided again:
  users:    3
  events:   5
  stored:   4 send requests, 2 suppressions
  rules:    1 version
  verdict:  reproduced

Books:
  runs:     5
  lines:    11 = 5 new + 3 duplicate + 3 rejected + 0 blank + 0 skipped
  matches:  6 = 4 send requests + 2 suppressions
"""
DIFFERS = """\
Differences, the first 1 of 2:
  [BAD]  insufficient_funds (INSUFFICIENT_FUNDS_EMAIL) on event evt_3: reason
         stored:  because
         now:     insufficient_funds matched: properties.failure_reason is "INSUFFICIENT_FUNDS"
         where:   user u_2, row 3, run 1
"""
OTHER = {"user_id", "event_id", "row", "rule", "template", "column", "run_id", "condition"}


@pytest.fixture
def filled(database_url: str, tmp_path: Path) -> str:
    """Requests and suppressions of one run, an archive's, and three rejected lines."""
    fill(database_url, tmp_path)
    return database_url


def tampered(url: str) -> str:
    """With two differences: the reason of a request, and of a suppression."""
    change(url, "UPDATE send_requests SET reason = 'because' WHERE id = 2")
    change(url, "UPDATE suppressions SET reason = 'because' WHERE id = 2")
    return url


@only_sqlite
def test_all_reproduced_is_0(mmsg: Program, filled: str) -> None:
    """What was looked at and the books on standard output, the verdict on standard error; quiet says nothing."""
    done = mmsg("verify", "--all", database_url=filled)
    assert (done.exit_code, done.stdout) == (0, REPRODUCED)
    assert done.stderr == "reproduced: 5 events, 6 decisions\n"
    assert mmsg("verify", "--all", "--quiet", database_url=filled) == type(done)(0, "", "")


@only_sqlite
def test_a_difference_is_8(mmsg: Program, filled: str) -> None:
    """The first ones are shown, all are counted; quiet, one line names the first."""
    done = mmsg("verify", "--all", "--limit", "1", database_url=tampered(filled))
    assert (done.exit_code, done.stdout[-len(DIFFERS) :]) == (8, DIFFERS)
    assert "  verdict:  differs\n" in done.stdout
    verdict = f"not reproduced: 2 differences, the first: {DIFFERENCE['about']} (exit code 8)\n"
    assert done.stderr == verdict
    assert mmsg("verify", "--all", "--quiet", database_url=filled) == type(done)(8, "", f"mmsg: {verdict}")
    change(filled, "DELETE FROM send_requests WHERE id = 1")
    change(filled, "UPDATE runs SET send_requests = 2, lines = 9 WHERE id = 1")
    books = mmsg("verify", "--all", database_url=filled).stdout
    assert "  lines:    16, not 5 new + 3 duplicate" in books
    assert "  matches:  6, not 3 send requests + 2 suppressions\n" in books


def test_the_json_has_this_shape(filled: str) -> None:
    """One value; what does not apply is null."""
    done = run_here("verify", "--all", "--json", "--limit", "1", url=tampered(filled))
    assert (done.exit_code, done.json()) == (8, REPORT)
    assert run_here("verify", "--all", "--json", "--limit", "0", url=filled).json()["differences_found"] == 2
    change(filled, "UPDATE runs SET lines = lines + 1 WHERE id = 1")
    books = run_here("verify", "--since", "1h", "--json", "--limit", "0", url=filled).json()["differences"][-1]
    assert list(books) == list(DIFFERENCE)
    assert {name for name in OTHER if books[name] is not None} == set()


@pytest.mark.parametrize(
    ("options", "scope", "events"),
    [
        (["evt_3"], {"event_id": "evt_3", "user_id": None, "since": None}, 1),
        (["evt_3", "--user", "u_2"], {"event_id": "evt_3", "user_id": "u_2", "since": None}, 1),
        (["--user", "u_2"], {"event_id": None, "user_id": "u_2", "since": None}, 2),
        (
            ["--user", "u_2", "--since", "2025-01-01T00:00:00Z"],
            {"event_id": None, "user_id": "u_2", "since": "2025-01-01T00:00:00Z"},
            2,
        ),
        (
            ["--since", "2025-01-01T00:00:00Z"],
            {"event_id": None, "user_id": None, "since": "2025-01-01T00:00:00Z"},
            5,
        ),
        (
            ["--since", "9000-01-01T00:00:00Z"],
            {"event_id": None, "user_id": None, "since": "9000-01-01T00:00:00Z"},
            0,
        ),
    ],
)
def test_a_part_can_be_verified_alone(filled: str, options: list[str], scope: dict[str, Any], events: int) -> None:
    """One event, a user, or what came since; the books are of all users, and left out for one."""
    done = run_here("verify", *options, "--json", url=filled)
    report = done.json()
    assert (done.exit_code, report["status"], report["scope"]) == (0, "reproduced", scope)
    assert report["verified"]["events"] == events
    assert (report["books"] is None) == (scope["since"] is None or scope["user_id"] is not None)


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        ([], 2, "mmsg: say what to verify: an event id, --user USER, --since TIME, or --all.\n"),
        (["evt_1", "--all"], 2, "mmsg: --all is everything; leave it out, or the event, --user and --since.\n"),
        (["--all", "--limit", "-1"], 2, "mmsg: --limit is a number of rows"),
        (["--since", "soon"], 2, 'mmsg: --since does not understand "soon"'),
        (["evt_77"], 4, "mmsg: there is no event evt_77. Ids are matched exactly;"),
        (["evt_9"], 4, "mmsg: event evt_9 is not stored, because its line was refused:"),
        (["--user", "u_77"], 4, "mmsg: nothing is known of user u_77"),
    ],
)
def test_what_cannot_be_verified(filled: str, options: list[str], exit_code: int, words: str) -> None:
    """As audit ends, and with its sentences."""
    done = run_here("verify", *options, url=filled)
    assert (done.exit_code, done.stdout, done.stderr[: len(words)]) == (exit_code, "", words)


def test_without_a_database_it_is_10(empty_database_url: str) -> None:
    """The line says what to do."""
    done = run_here("verify", "--all", url=empty_database_url)
    assert (done.exit_code, "mmsg migrate" in done.stderr) == (10, True)


def test_help_names_examples_and_exit_codes() -> None:
    """What a user needs to know before the first run."""
    text = " ".join(run_here("verify", "--help").stdout.split())
    for words in (
        "mmsg verify --all",
        "mmsg verify --since 24h --quiet",
        "Exit codes: 0 all is reproduced",
        "8 something",
    ):
        assert words in text


@only_sqlite
def test_a_time_without_events_is_told(filled: str) -> None:
    """What was not looked at is not said to be reproduced."""
    done = run_here("verify", "--since", "2035-01-01T00:00:00Z", url=filled)
    assert (done.exit_code, done.stderr) == (0, "nothing to decide again: no event was stored in that time\n")
