"""515 strings that have broken programs, wherever text can stand: stored, listed, audited and exported."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.hostile.bench import formulas_in, hidden_in
from faults.sizes import spread
from marketing_cli.database.sessions import open_database
from marketing_cli.rendering import Output, Streams
from marketing_cli.rendering.audit_output import render_audit
from marketing_cli.services.audit import AuditResult, AuditService
from support.databases import PostgresDatabases, SqliteDatabases, only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, run_here
from support.program import Program
from unit.events.test_naughty_strings import STRINGS, is_usable

USABLE = [text for text in STRINGS if is_usable(text)]
RULES = """\
version: 1
rules:
  - {name: first, on: hostile, message: {template: FIRST, channel: sms}, limit: once_ever}
  - name: same
    on: hostile
    when:
      - {field: properties.text, exists: true}
    message: {template: SAME, channel: email}
    limit: none
"""
TRAITS = ("email", "country", "risk_segment")
OUTPUTS = ("table", "json", "ndjson", "csv")


def events() -> Iterator[dict[str, Any]]:
    """Each string as an event's id with itself as values, as a user with two events, as a type, and in a bad event."""
    for number, text in enumerate(STRINGS):
        user = f"plain_{number}"
        common = {"user_id": user, "event_type": "hostile"}
        values = {"text": text, "keys": {text: [text]}, "failure_reason": text}
        traits = {**dict.fromkeys(TRAITS, text), f"x{text}": {text: text}}
        yield make_event(**common | {"event_id": text}, properties=values, user_traits=traits)
        for minute in ("00", "01"):
            yield make_event(
                event_id=f"user_{number}_{minute}",
                user_id=text,
                event_type="hostile",
                event_timestamp=f"2025-11-01T10:{minute}:00Z",
            )
        yield make_event(event_id=f"type_{number}", user_id=user, event_type=text)
        yield make_event(event_id=text, user_id=text, event_type=text, event_timestamp=text)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All of these events in a database."""
    folder = tmp_path_factory.mktemp("naughty")
    (folder / "rules.yaml").write_text(RULES)
    if request.param == "sqlite":
        made: SqliteDatabases | PostgresDatabases = SqliteDatabases(folder)
    else:
        made = PostgresDatabases(request.getfixturevalue("postgres_url"))
    url = made.create(request.getfixturevalue(f"migrated_{request.param}"))
    path = write_events(folder / "events.ndjson", *events())
    report = ingest(url, path, "--rules", folder / "rules.yaml", exit_code=3)
    unusable = len(STRINGS) - len(USABLE)
    assert report["totals"]["new"] == 4 * len(USABLE)
    assert report["totals"]["rejected"] == 4 * unusable + len(STRINGS)
    assert report["rejects_by_reason"] == {"bad_value": report["totals"]["rejected"]}
    yield url
    made.drop_all()


def listed(url: str, command: str, output: str) -> str:
    """All that a list prints."""
    done = run_here(command, "--limit", "0", "--output", output, url=url)
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("command", ["sends", "suppressions", "rejects"])
def test_lists(filled: str, command: str) -> None:
    """Tables show nothing raw and a line a row, JSON loses nothing, and no cell of CSV starts a formula."""
    rows = json.loads(listed(filled, command, "json"))
    assert [json.loads(line) for line in listed(filled, command, "ndjson").splitlines()] == rows
    assert all(listed(filled, command, output).isascii() for output in ("json", "ndjson"))
    table = listed(filled, command, "table")
    assert hidden_in(table) == set()
    assert len(table.split("\n")) == len(rows) + 2
    text = listed(filled, command, "csv")
    assert hidden_in(text, "\r\n") == set()
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(records) == len(rows)
    assert formulas_in([cell for record in records for cell in record.values()]) == []
    field = "event_type" if command == "rejects" else "user_id"
    assert {row[field] for row in rows} >= set(USABLE)


def test_values_come_back(filled: str) -> None:
    """Every string comes out of the lists of requests as it went in, wherever it was."""
    rows = {row["event_id"]: row for row in json.loads(listed(filled, "sends", "json")) if row["template"] == "SAME"}
    assert set(rows) == set(USABLE)
    for text, row in rows.items():
        assert [row[name] for name in ("failure_reason", *TRAITS)] == [text] * 4
    kept = json.loads(listed(filled, "rejects", "json"))
    assert {json.loads(reject["raw"])["event_timestamp"] for reject in kept} >= set(STRINGS)


@only_sqlite
@pytest.mark.usefixtures("database_kind")
def test_kept_lines_go_out_raw(filled: str) -> None:
    """The bytes that were refused come out as they came."""
    lines = set(run_here("rejects", "--output", "raw", url=filled).stdout.splitlines())
    assert {json.dumps(event) for event in events() if event["event_timestamp"] in STRINGS} <= lines


def shown(result: AuditResult, output: Output) -> str:
    """What an answer is printed as."""
    out = io.StringIO(newline="")
    assert render_audit(result, output, Streams(out, io.StringIO())) == 0
    return out.getvalue()


def test_audits(filled: str) -> None:
    """Every string is found as an event's id and as a user; the page shows nothing raw, JSON gives it back."""
    with open_database(filled) as transactions:
        service = AuditService(transactions)
        for text in USABLE if filled.startswith("sqlite") else spread(USABLE, 80):
            number = STRINGS.index(text)
            one = service.explain_event(text, f"plain_{number}")
            event = json.loads(shown(one, Output.JSON))["event"]
            assert (event["event_id"], event["properties"]["text"]) == (text, text)
            assert event["properties"]["keys"] == {text: [text]}
            assert event["user_traits"][f"x{text}"] == {text: text}
            timeline = service.timeline(text)
            told = shown(timeline, Output.JSON)
            assert told.isascii()
            assert json.loads(told)["user_id"] == text
            assert len(json.loads(told)["events"]) >= 2
            assert hidden_in(shown(one, Output.TABLE)) == set()
            assert hidden_in(shown(timeline, Output.TABLE)) == set()


def test_audits_from_the_command_line(filled: str) -> None:
    """A string is found whatever the command line itself would make of it."""
    for text in spread(USABLE, 20):
        number = STRINGS.index(text)
        found = run_here("audit", f"--user=plain_{number}", "--json", "--", text, url=filled)
        assert found.json()["event"]["event_id"] == text
        assert run_here("audit", f"--user={text}", "--json", url=filled).json()["user_id"] == text


def test_through_the_real_process(filled: str, tmp_path: Path) -> None:
    """The same as a process, in a bare environment, whose output is bytes."""
    program = Program(tmp_path, filled)
    for output in OUTPUTS:
        done = program("sends", "--limit", "0", "--output", output)
        assert done.exit_code == 0
        assert hidden_in(done.stdout, "\r\n") == set()
    for text in spread([text for text in USABLE if not text.isascii()], 2):
        page = program("audit", f"--user={text}")
        assert page.exit_code == 0
        assert hidden_in(page.stdout) == set()
        assert program("audit", f"--user={text}", "--json").json()["user_id"] == text
