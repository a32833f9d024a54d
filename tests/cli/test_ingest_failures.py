"""When something breaks: one sentence, the right exit code, and nothing of what people's events hold."""

import gzip
import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError, InvalidRequestError, OperationalError

from marketing_cli.domain.lines import RejectReason
from marketing_cli.services.line_parsing import parse_line
from support.databases import only_sqlite
from support.events import MISSING, make_event, write_events
from support.ingesting import assert_balanced, generated_file, ingest, query, run_here
from support.rule_texts import with_condition

SECRET = "hunter2marker"


def fail(*_: object, **__: object) -> Any:
    """A bug, whose message quotes what it was given."""
    raise ValueError(SECRET)


def test_a_bug_in_mid_run_is_one_sentence_and_a_report(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, the batches before it are stored, the ledger and the report say `failed`; no traceback."""
    path = generated_file(tmp_path / "events.ndjson", 30)
    calls = itertools.count()

    def fail_later(*args: Any) -> Any:
        return fail() if next(calls) == 15 else parse_line(*args)

    monkeypatch.setattr("marketing_cli.services.batching.parse_line", fail_later)
    done = run_here("ingest", path, "--json", "--batch-size", "10", url=database_url)
    report = done.json()
    assert (done.exit_code, report["exit_code"], report["status"]) == (1, 1, "failed")
    assert_balanced(report)
    assert (report["inputs"][0]["state"], report["totals"]["new"]) == ("stopped", 10)
    assert "ValueError" in report["error"]
    assert "MMSG_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert query(database_url, "SELECT status, exit_code, lines FROM runs") == [("failed", 1, 10)]


@pytest.mark.parametrize(
    "broken",
    [
        "services.batching.parse_line",
        "services.ingest_run.load_rules",
        "services.ingest_run.find_inputs",
        "services.batch.differing_fields",
        "repositories.events.EventRepository.add_many",
        "repositories.ledger.RunRepository.add",
        "rendering.ingest_summary.summary_lines",
    ],
)
@pytest.mark.parametrize("debug", [False, True])
@only_sqlite
def test_a_traceback_is_shown_only_when_asked_for(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, debug: bool
) -> None:
    """Wherever it breaks."""
    path = write_events(tmp_path / "events.ndjson", make_event(), make_event(properties={"changed": True}))
    monkeypatch.setattr(f"marketing_cli.{broken}", fail)
    done = run_here("ingest", path, url=database_url, MMSG_DEBUG="1" if debug else "")
    assert done.exit_code == 1
    assert ("Traceback" in done.stderr) is debug
    assert debug or (SECRET not in done.stderr and done.stderr.count("something unexpected went wrong") == 1)


FAILURES: list[tuple[Exception, int, str]] = [
    (sqlite3.ProgrammingError(SECRET), 1, "ProgrammingError"),
    (OperationalError(SECRET, {}, sqlite3.InterfaceError(SECRET)), 1, "InterfaceError"),
    (InvalidRequestError(SECRET), 1, "InvalidRequestError"),
    (DataError(SECRET, {}, ValueError(SECRET)), 1, "ValueError"),
    (OperationalError(SECRET, {}, OSError(SECRET), connection_invalidated=True), 14, "was lost"),
    (MemoryError(SECRET), 1, "MemoryError"),
    (OSError(28, SECRET), 1, "OSError"),
]


@only_sqlite
@pytest.mark.parametrize(("failure", "exit_code", "words"), FAILURES, ids=repr)
def test_each_failure_gets_a_sentence_of_its_own(  # noqa: PLR0913, PLR0917 - a row of the table
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    exit_code: int,
    words: str,
) -> None:
    """It names the kind of failure, and nothing that the failure quotes."""

    def refuse(*_: object) -> None:
        raise failure

    monkeypatch.setattr("marketing_cli.services.event_processing.lock_users", refuse)
    report = ingest(database_url, write_events(tmp_path / "events.ndjson", make_event()), exit_code=exit_code)
    assert words in report["error"]
    assert SECRET not in report["error"]


@only_sqlite
def test_a_traceback_can_be_asked_for_in_the_settings_file(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like any other setting."""
    path, settings = write_events(tmp_path / "events.ndjson", make_event()), tmp_path / "settings.env"
    settings.write_text("MMSG_DEBUG=1\n")
    monkeypatch.setattr("marketing_cli.services.batching.parse_line", fail)
    assert "Traceback" in run_here("ingest", path, "--env-file", settings, url=database_url).stderr


def test_a_failure_of_the_database_in_mid_run_is_shown_in_full_when_asked_for(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what it means; MMSG_DEBUG=1 shows where it came from."""
    from sqlalchemy import text
    from sqlalchemy.orm import Session

    def refuse(session: Session, *_: object) -> None:
        session.execute(text("SELECT nothing FROM nowhere"))

    monkeypatch.setattr("marketing_cli.services.event_processing.lock_users", refuse)
    path = write_events(tmp_path / "events.ndjson", make_event())
    for debug in ("", "1"):
        done = run_here("ingest", path, url=database_url, MMSG_DEBUG=debug)
        assert done.exit_code == 1
        assert ("Traceback" in done.stderr) is bool(debug)
        assert "the database reported a failure" in done.stderr
    assert query(database_url, "SELECT DISTINCT status, exit_code FROM runs") == [("failed", 1)]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://somebody:{SECRET}@127.0.0.1:1/nothing",
        f"postgresql://somebody:p@{SECRET}@127.0.0.1:1/nothing",
        f"postgresql://somebody:{SECRET}%40@127.0.0.1:1/nothing?connect_timeout=1",
        f"postgresql://127.0.0.1:1/nothing?user=somebody&password={SECRET}",
        f"mysql://somebody:{SECRET}@127.0.0.1:1/nothing",
        f"postgresql://somebody:{SECRET}@127.0.0.1:port/nothing",
    ],
)
@pytest.mark.parametrize("command", ["ingest", "dry run", "migrate", "check"])
def test_a_password_is_never_shown(tmp_path: Path, url: str, command: str) -> None:
    """Not when the server cannot be reached, nor when the URL cannot be understood."""
    path = str(write_events(tmp_path / "events.ndjson", make_event()))
    args = {
        "ingest": ["ingest", path],
        "dry run": ["ingest", "--dry-run", path],
        "migrate": ["migrate"],
        "check": ["migrate", "--check"],
    }[command]
    done = run_here(*args, url=url)
    assert done.exit_code in {7, 14}
    assert SECRET not in done.stdout + done.stderr
    assert done.stderr.startswith("mmsg: ")


def marked(**overrides: Any) -> bytes:
    """An event in which every value is marked, as the producer would send it."""
    marks = {
        "event_id": f"{SECRET}_id",
        "user_id": f"{SECRET}_user",
        "event_type": f"{SECRET}_type",
        "properties": {"key": SECRET},
        "user_traits": {"email": f"{SECRET}@example.com"},
    }
    return json.dumps(make_event(**marks) | overrides).encode()


REFUSED: dict[RejectReason, bytes] = {
    RejectReason.BAD_JSON: marked()[:-5] + b"'}",
    RejectReason.BAD_UTF8: marked().replace(b"example", b"\xff"),
    RejectReason.NOT_AN_OBJECT: json.dumps([SECRET]).encode(),
    RejectReason.MISSING_FIELD: marked(user_id=None).replace(b'"user_id": null, ', b""),
    RejectReason.BAD_VALUE: marked(event_timestamp=SECRET),
    RejectReason.NAIVE_TIMESTAMP: marked(event_timestamp="2025-01-01T00:00:00"),
    RejectReason.TIMESTAMP_OUT_OF_RANGE: marked(event_timestamp="1969-01-01T00:00:00Z"),
    RejectReason.NUL_IN_TEXT: marked(properties={"key": f"{SECRET}\0"}),
    RejectReason.NUMBER_OUT_OF_RANGE: marked(properties={"key": 1 << 70}),
    RejectReason.NOT_FINITE: marked(properties={"key": float("nan")}),
    RejectReason.LINE_TOO_LONG: marked(padding="x" * 5000),
    RejectReason.TOO_DEEP: marked(properties={"key": 0}).replace(b": 0}", b": " + b"[" * 120 + b"]" * 120 + b"}"),
    RejectReason.CONFLICTING_DUPLICATE: marked(properties={"other": SECRET}),
    RejectReason.TRUNCATED_TAIL: marked()[:-20],
}


def test_there_is_a_line_for_every_reason() -> None:
    """The next test shows each kind of reject to the program."""
    assert set(REFUSED) == set(RejectReason)


@pytest.mark.parametrize("options", [[], ["--strict"], ["--quiet"], ["--quiet", "--max-errors", "1"], ["--dry-run"]])
@only_sqlite
def test_no_value_of_an_event_is_ever_shown(database_url: str, tmp_path: Path, options: list[str]) -> None:
    """Standard error names files, lines and reasons; ids and payloads stay in the database."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join([marked(), *REFUSED.values()]))
    done = run_here("ingest", path, "--max-line-bytes", "4000", "--json", *options, url=database_url)
    assert done.exit_code in {3, 5}
    assert set(done.json()["rejects_by_reason"]) == {reason.value for reason in REFUSED}
    assert SECRET not in done.stderr + done.stdout
    assert SECRET not in str(query(database_url, "SELECT detail FROM rejects"))


@pytest.mark.parametrize("name", ["cut.json", "cut.gz"])
@only_sqlite
def test_no_value_is_shown_of_a_broken_input(database_url: str, tmp_path: Path, name: str) -> None:
    """What is wrong with a file is said without a piece of it."""
    raw = b"[" + marked() + b"," + marked()[:40]
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw * 100)[:-30] if name == "cut.gz" else raw)
    done = run_here("ingest", path, "--json", url=database_url)
    assert done.exit_code == 3
    assert SECRET not in done.stderr + done.stdout


HOSTILE = "\x1b[31m[red]\u202e\n.ndjson"


@only_sqlite
def test_a_hostile_file_name_is_shown_harmless(database_url: str, tmp_path: Path) -> None:
    """Escapes, markup, direction marks and line ends in a name reach no terminal."""
    path = write_events(tmp_path / HOSTILE, make_event(user_id=MISSING))
    done = run_here("ingest", path, url=database_url)
    assert done.exit_code == 3
    assert "\\u001b[31m[red]\\u202e\\u000a.ndjson" in done.stderr
    assert not set("\x1b\u202e") & set(done.stderr)
    done = run_here("ingest", tmp_path / f"missing{HOSTILE}", url=database_url)
    assert done.exit_code == 6
    assert not set("\x1b\u202e") & set(done.stderr)


def test_names_that_are_not_utf8_are_ingested(database_url: str, tmp_path: Path) -> None:
    """A file and rules under names of bytes that are no text: shown and stored in a way that any database takes."""
    path = write_events(tmp_path / b"\xff.ndjson".decode("utf-8", "surrogateescape"), make_event())
    rules = tmp_path / b"\xfe.yaml".decode("utf-8", "surrogateescape")
    rules.write_text(with_condition("{field: properties.x, exists: true}"))
    report = ingest(database_url, path, "--rules", rules)
    assert report["rules"]["source"].endswith("/\\xfe.yaml")
    assert query(database_url, "SELECT path FROM run_inputs")[0][0].endswith("/\\xff.ndjson")
    assert query(database_url, "SELECT rules_source FROM runs")[0][0].endswith("/\\xfe.yaml")


def test_a_run_whose_end_cannot_be_stored_has_failed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is stored but the ledger still says `running`: nobody is told that all is well."""
    from sqlalchemy.exc import OperationalError

    def break_off(*_: object) -> None:
        raise OperationalError("UPDATE runs", {}, Exception(SECRET))

    monkeypatch.setattr("marketing_cli.services.run_ledger.RunLedger.close", break_off)
    report = ingest(database_url, write_events(tmp_path / "events.ndjson", make_event()), exit_code=1)
    assert (report["status"], report["totals"]["new"]) == ("failed", 1)
    assert SECRET not in report["error"]
