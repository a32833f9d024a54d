"""What `--json` prints when a command fails, and what Ctrl-C does to a command that does not listen for it."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from marketing_cli.cli import app as program
from marketing_cli.errors import BadConfig, DatabaseUnavailable, MmsgError, NotFound, UsageError
from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import run_here
from support.program import ROOT, Program

FAILURES = [
    (NotFound("no such user"), "not_found", 4),
    (UsageError("no rules know this template"), "usage", 2),
    (MmsgError("the disk is full"), "failed", 1),
    (ValueError("a bug"), "failed", 1),
]


def failing(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """Makes `mmsg audit` fail so."""

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("marketing_cli.services.audit.run_audit", fail)


@pytest.mark.parametrize(("failure", "code", "exit_code"), FAILURES, ids=repr)
def test_a_failure_is_the_one_json_value(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, code: str, exit_code: int
) -> None:
    """Whatever kept the command from a result of its own; without --json nothing is on standard output."""
    failing(monkeypatch, failure)
    done = run_here("audit", "--user", "u", "--json")
    found: dict[str, Any] = done.json()["error"]
    assert (done.exit_code, found["exit_code"], found["code"]) == (exit_code, exit_code, code)
    assert done.stderr == f"mmsg: {found['message']}\n"
    assert run_here("audit", "--user", "u").stdout == ""


@pytest.mark.parametrize("failure", [BadConfig("bad rules"), DatabaseUnavailable("no server")], ids=repr)
def test_a_start_up_failure_prints_nothing(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    """The command has not begun its work."""
    failing(monkeypatch, failure)
    assert run_here("audit", "--user", "u", "--json").stdout == ""


def test_a_wrong_option_prints_nothing() -> None:
    """Nothing has begun at all."""
    done = run_here("audit", "--user", "u", "--limit", "-3", "--json")
    assert (done.exit_code, done.stdout) == (2, "")


@only_sqlite
def test_a_report_that_cannot_be_summed_up_is_not_followed_by_another_value(
    database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One JSON value, also then."""
    monkeypatch.setattr("marketing_cli.rendering.ingest_summary.summary_lines", lambda _report: 1 / 0)
    done = run_here("ingest", write_events(tmp_path / "a.ndjson", make_event()), "--json", url=database_url)
    assert (done.exit_code, list(done.json())) == (1, ["error"])


def test_ctrl_c_is_130_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also outside of a command, where nobody else takes care of it."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "app", interrupted)
    with pytest.raises(SystemExit) as ending:
        program.main()
    assert ending.value.code == 130


LISTS = [
    ["runs"],
    ["sends"],
    ["suppressions"],
    ["rejects"],
    ["rules", "history"],
    ["stats"],
    ["digest"],
    ["backtest", "--rules", str(ROOT / "marketing_cli" / "rules" / "default.yaml")],
    ["audit", "--user", "u"],
    ["audit", "e"],
]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_a_database_lost_while_it_is_read_is_the_one_json_value(
    database_url: str, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """The command had begun: a script that reads its output finds a value, as with any other failure then."""

    def lose(*_: object, **_kept: object) -> None:
        failure = OperationalError("SELECT", {}, Exception("gone"), connection_invalidated=True)
        raise failure

    monkeypatch.setattr("sqlalchemy.orm.Session.execute", lose)
    done = run_here(*command, "--json", url=database_url)
    assert (done.exit_code, done.json()["error"]["code"]) == (14, "db_unavailable")
    assert run_here(*command, url=database_url).stdout == ""


def test_ctrl_c_while_the_program_loads_is_130_without_a_traceback(mmsg: Program, tmp_path: Path) -> None:
    """Loading takes a moment, and that is when people notice that they mistyped."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = mmsg("--help", env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "")
