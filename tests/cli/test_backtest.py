"""`mmsg backtest` from outside: what it prints, and how it ends."""

import re
from pathlib import Path

import pytest

from marketing_cli.services.backtest_options import backtest_query
from support.backtesting import AGAIN, DAILY, SHIPPED, THREE, backtested
from support.deciding import rules_text
from support.ingesting import run_here
from support.processing import open_store


@pytest.fixture
def decided(database_url: str) -> str:
    """A database with three requests, which the daily limit would have made two."""
    with open_store(database_url) as store:
        store.run(AGAIN).batch(*THREE)
    return database_url


@pytest.fixture
def daily(tmp_path: Path) -> Path:
    """The rules with a daily limit."""
    path = tmp_path / "new.yaml"
    path.write_text(rules_text(DAILY))
    return path


SHAPE = {
    "status": "differs",
    "exit_code": 8,
    "rules": {"source": "new.yaml", "sha256": "0" * 64},
    "scope": {"user_id": "u_1", "since": "2025-11-01T00:00:00Z", "until": "2025-11-03T00:00:00Z"},
    "users": 1,
    "events": 3,
    "before": {"requested": 3, "historical": 0, "suppressed": 0},
    "after": {"requested": 2, "historical": 0, "suppressed": 1},
    "changed": 1,
    "fail_above": "20%",
    "is_above": True,
    "differences": [
        {
            "rule": "a",
            "template": "A",
            "change": "requested_to_suppressed",
            "count": 1,
            "examples": [
                {
                    "user_id": "u_1",
                    "event_id": "e2",
                    "id": 2,
                    "event_timestamp": "2025-11-01T12:00:00Z",
                    "before": {"outcome": "requested", "reason_code": None, "reason": "a matched: no conditions"},
                    "after": {
                        "outcome": "suppressed",
                        "reason_code": "daily_cap_reached",
                        "reason": "skipped A: already sent today at 10:00Z (event e1)",
                    },
                }
            ],
        }
    ],
    "by_template": [{"template": "A", "before": 3, "after": 2}],
    "by_day": [{"day": "2025-11-01", "before": 2, "after": 1}, {"day": "2025-11-02", "before": 1, "after": 1}],
    "notes": [],
}


def test_the_json_has_this_shape(decided: str, daily: Path) -> None:
    """Pinned, key by key and in this order."""
    span = ("--since", "2025-11-01T00:00:00Z", "--until", "2025-11-03T00:00:00Z")
    report = backtested(decided, "--rules", daily, "--user", "u_1", *span, "--fail-above", "20%", exit_code=8)
    report["rules"] = {"source": Path(report["rules"]["source"]).name, "sha256": "0" * len(report["rules"]["sha256"])}
    assert report == SHAPE
    assert list(report) == list(SHAPE)


PAGE = """\
What NEW would have changed

Decided again:
  rules:   NEW, version SHA
  events:  3 of 1 user
  before:  3 requested, 0 suppressed
  after:   2 requested, 1 suppressed

What differs:
  Rule  Template  Change                     Count
  a     A         requested, now suppressed      1

For example:
  Rule  Change                     User  Event
  a     requested, now suppressed  u_1   e2

Requests by template:
  Template  Before  After
  A              3      2

Requests per day of the event (UTC)
██ before  ░░ after
"""


def test_people_see_tables_and_a_chart(decided: str, daily: Path) -> None:
    """The verdict goes to standard error; quiet, there is none unless too much changes."""
    done = run_here("backtest", "--rules", daily, url=decided)
    page = done.stdout.replace(str(daily), "NEW")
    assert page.startswith(re.sub("SHA", re.search(r"version (\w+)", page)[1], PAGE))  # type: ignore[index]
    assert "2025-11-01" in page
    assert (done.exit_code, done.stderr) == (0, "1 request comes or goes\n")
    quiet = run_here("backtest", "--rules", daily, "--quiet", "--fail-above", "1", url=decided)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    above = run_here("backtest", "--rules", daily, "--quiet", "--fail-above", "0", url=decided)
    told = "mmsg: 1 request comes or goes, more than --fail-above 0 allows (exit code 8)\n"
    assert (above.exit_code, above.stdout, above.stderr) == (8, "", told)


def test_an_empty_database_has_nothing_to_differ(database_url: str) -> None:
    """No chart is drawn, and no change is above 0."""
    done = run_here("backtest", "--rules", SHIPPED, "--fail-above", "0%", url=database_url)
    assert done.exit_code == 0
    assert "What differs:\n  nothing\n" in done.stdout
    assert "┤" not in done.stdout


def test_invalid_rules_are_refused_in_the_words_of_rules_check(database_url: str, tmp_path: Path) -> None:
    """With the same exit code, before the database is looked for."""
    path = tmp_path / "bad.yaml"
    path.write_text(rules_text(AGAIN | {"limit": "sometimes"}, AGAIN | {"colour": "red"}))
    wanted = run_here("rules", "check", path)
    assert wanted.exit_code == 7
    for url in (database_url, "sqlite:////nowhere/at/all.db"):
        done = run_here("backtest", "--json", "--rules", path, url=url)
        assert (done.exit_code, done.stdout, done.stderr) == (7, "", wanted.stderr)


def test_a_user_who_is_not_there_is_4(database_url: str) -> None:
    """A typing error must not look like rules that change nothing."""
    done = run_here("backtest", "--rules", SHIPPED, "--user", "u_x", "--json", url=database_url)
    assert (done.exit_code, done.json()["error"]["code"]) == (4, "not_found")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--rules", SHIPPED, "--since", "yesterday"],
        ["--rules", SHIPPED, "--since", "1d", "--until", "2d"],
        ["--rules", SHIPPED, "--fail-above", "some"],
        ["--rules", SHIPPED, "--fail-above", "-1"],
        ["--rules", SHIPPED, "--fail-above", "1.5"],
    ],
    ids=str,
)
def test_wrong_options_are_2(options: list[str | Path]) -> None:
    """Before anything is looked at."""
    done = run_here("backtest", *options, url="nonsense")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr


@pytest.mark.parametrize(
    ("text", "changed", "requests", "is_above"),
    [
        ("0", 1, 100, True),
        ("5", 5, 100, False),
        ("5", 6, 0, True),
        ("5%", 5, 100, False),
        ("5%", 6, 100, True),
        ("0.5%", 1, 200, False),
        ("0.5%", 2, 200, True),
        ("150%", 150, 100, False),
        ("150%", 151, 100, True),
        ("10%", 0, 0, False),
        ("10%", 1, 0, True),
    ],
)
def test_fail_above(text: str, changed: int, requests: int, is_above: bool) -> None:
    """More than so many, or more than a share of the requests that were made; of none, any change is."""
    limit = backtest_query(fail_above=text).fail_above
    assert limit is not None
    assert (limit.exceeded(changed, requests), str(limit)) == (is_above, text)


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_check_of_nothing_says_so(decided: str, daily: Path, quiet: list[str]) -> None:
    """A gate in CI that looks at the wrong time should not look like one that holds."""
    done = run_here(
        "backtest", "--rules", daily, "--since", "2030-01-01T00:00:00Z", "--fail-above", "0", *quiet, url=decided
    )
    assert done.exit_code == 0
    assert "nothing was compared: no stored event is of that time" in done.stderr
