"""A server that does not wait for its disk loses what was acknowledged: whoever stores anything there is told."""

from pathlib import Path
from typing import Any

import pytest

from marketing_cli.services import power_cuts
from support.databases import only_postgresql
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here, server_warnings


@pytest.fixture(params=["off", "on", "as it is"])
def fsync(request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the server says of itself; it cannot be changed while it runs."""
    told: str = request.param
    if told == "as it is":
        return str(query(database_url, "SHOW fsync")[0][0])
    monkeypatch.setattr(power_cuts, "fsync", lambda _: told)
    return told


def is_warned_of(text: str) -> bool:
    """Whether the words are there."""
    return "the server runs with fsync=off: a power cut can lose stored batches" in text


@only_postgresql
def test_migrate_and_ingest_warn(database_url: str, tmp_path: Path, fsync: str) -> None:
    """In the summary and in the report, a dry run's too; the exit code stays."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    migrated = run_here("migrate", url=database_url)
    assert (migrated.exit_code, is_warned_of(migrated.stderr)) == (0, fsync == "off")
    for options in (["--dry-run"], []):
        done = run_here("ingest", "--json", "--backfill", path, *options, url=database_url)
        report: dict[str, Any] = done.json()
        assert (done.exit_code, report["status"]) == (0, "ok")
        assert [is_warned_of(warning) for warning in report["warnings"]] == [True] * (fsync == "off")
        assert is_warned_of(done.stderr) is (fsync == "off")


@only_postgresql
def test_quiet_runs_stay_silent(database_url: str, tmp_path: Path) -> None:
    """It is the same at every run: cron need not mail it each time, and `mmsg doctor` finds it."""
    path = write_events(tmp_path / "events.ndjson", make_event())
    for command in (["migrate"], ["ingest", path]):
        assert run_here(*command, "--quiet", url=database_url).stderr == ""
    checks = run_here("doctor", "--json", url=database_url).json()["checks"]
    (found,) = (check for check in checks if check["check"] == "power_cut")
    assert (found["state"] == "wrong", "fsync is off" in found["detail"]) == (bool(server_warnings(database_url)),) * 2


def test_nothing_is_said_without_a_reason(database_url: str, tmp_path: Path) -> None:
    """SQLite waits for the disk whatever is set."""
    report = ingest(database_url, write_events(tmp_path / "events.ndjson", make_event()), "--backfill")
    assert report["warnings"] == server_warnings(database_url)
