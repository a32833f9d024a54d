"""`mmsg doctor` on the rows: each promise about them, broken behind the program's back, is noticed."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from marketing_cli.schemas.doctor import Check, CheckState
from marketing_cli.services import reading
from marketing_cli.services.doctor import run_doctor
from support.databases import only_postgresql, only_sqlite
from support.events import ndjson
from support.ingesting import generated_file, ingest, query
from support.listing import STORY, fill
from support.program import Program
from support.verifying import tamper

pytestmark = pytest.mark.faults  # slow

WRONG, WARNING, OK = CheckState.WRONG, CheckState.WARNING, CheckState.OK
COLUMNS = "user_id, template_name, channel, reason, run_id, rules_version_id, caused_by_event_id, status"


def again(like: int, window: str, moment: str = "event_timestamp", event: str = "NULL") -> str:
    """One more request like another, by another rule: with this window, event time and event."""
    return (
        f"INSERT INTO send_requests (id, rule_name, dedup_window, event_timestamp, event_id, {COLUMNS})"  # noqa: S608
        f" SELECT 50, 'other', '{window}', {moment}, {event}, {COLUMNS} FROM send_requests WHERE id = {like}"
    )


def found(url: str, name: str) -> Check:
    """What a check finds."""
    return next(check for check in run_doctor(url, None).checks if check.check == name)


@pytest.fixture
def filled(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Requests and suppressions of one run, an archive's, and three rejected lines; read two rows at a time."""
    fill(database_url, tmp_path)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 2)
    monkeypatch.setattr(reading, "_QUICK", 0)
    return database_url


def test_nothing_is_wrong_with_what_the_program_stored(filled: str) -> None:
    """Everything about the rows is ok, but for the last run, which rejected a line."""
    rows = {"books", "limits", "decisions", "foreign_keys", "unended_runs", "shared_ids", "schema"}
    assert {check.check for check in run_doctor(filled, None).checks if check.state is OK} >= rows
    last = found(filled, "last_run")
    assert (last.state, "run 5" in last.detail, "mmsg rejects --run 5" in (last.advice or "")) == (WARNING, True, True)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE runs SET lines = lines + 1 WHERE id = 1", "lines of run 1 do not"),
        ("UPDATE runs SET new = new + 1, lines = lines + 1 WHERE id = 2", "lines of run 2 do not"),
        ("UPDATE run_inputs SET blank = 7 WHERE run_id IN (1, 2)", "lines of run 1, 2 do not"),
        ("DELETE FROM run_inputs WHERE run_id = 2", "lines of run 2 do not"),
        ("DELETE FROM events WHERE event_key = 'evt_2'", "events: 1 missing and 0 too many, of run 1"),
        ("UPDATE events SET input_id = 2 WHERE event_key = 'evt_2'", "events: 1 missing and 1 too many, of run 1, 2"),
        ("UPDATE events SET run_id = 2 WHERE event_key = 'evt_2'", "events of another run than their input: row 2"),
        (
            "UPDATE user_traits SET user_id = 'x' WHERE event_id = 3",
            "user_traits of another user than their event: row 3",
        ),
        ("UPDATE event_properties SET user_id = 'x' WHERE event_id = 3", "event_properties of another user than their"),
        ("UPDATE runs SET send_requests = 9 WHERE id = 1", "send requests: 6 missing and 0 too many, of run 1"),
        (again(1, "day:2025-11-05"), "send requests: 0 missing and 1 too many, of run 1"),
        ("DELETE FROM suppressions WHERE id = 1", "suppressions: 1 missing and 0 too many, of run 1"),
        ("DELETE FROM rejects WHERE id = 1", "rejected lines: 2 are kept and 3 were counted"),
        ("UPDATE rejects SET count = 2 WHERE id = 2", "rejected lines: 4 are kept and 3 were counted"),
    ],
)
def test_books_that_do_not_balance(filled: str, statement: str, words: str) -> None:
    """Lines, events, decisions or rejects that are missing or too many, and of which run."""
    tamper(filled, statement)
    books = found(filled, "books")
    assert (books.state, words in books.detail) == (WRONG, True), books.detail
    assert books.advice


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (again(2, "ever"), "exceeded by send request 50"),
        (again(2, "event:evt_3", event="event_id"), "exceeded by send request 50"),
        (again(2, "day:2025-11-01[Europe/Lisbon]"), "exceeded by send request 50"),
        (again(1, "day:2025-11-01[Asia/Tokyo]"), "exceeded by send request 50"),
        ("UPDATE send_requests SET dedup_window = 'day:2025-11-09' WHERE id = 2", "time of send request 2"),
        ("UPDATE send_requests SET dedup_window = 'day:yesterday' WHERE id = 2", "time of send request 2"),
        ("UPDATE send_requests SET dedup_window = 'week:44' WHERE id = 2", "time of send request 2"),
        (again(2, "ever", event="event_id"), "exceeded by send request 50"),
        (again(1, "day:2025-11-05", "'2025-11-05 10:00:00'"), None),
        (again(2, "day:2025-11-02[Europe/Lisbon]", "'2025-11-02 10:00:00'"), None),
        (again(2, "event:evt_9"), None),
        ("UPDATE send_requests SET dedup_window = 'day:2025-11-01[Atlantis/Capital]' WHERE id = 2", None),
    ],
)
def test_a_limit_that_was_exceeded(filled: str, statement: str, words: str | None) -> None:
    """By whichever kind of window the unique key does not compare; what another version's limit allows is fine."""
    tamper(filled, statement)
    limits = found(filled, "limits")
    assert (limits.state, (words or "no limit was exceeded") in limits.detail) == (WRONG if words else OK, True)


@only_postgresql
@pytest.mark.parametrize(
    ("like", "window", "event"), [(1, "ever", "NULL"), (2, "day:2025-11-01", "NULL"), (3, "event:evt_3", "event_id")]
)
def test_a_limit_that_no_key_holds_up_any_more(filled: str, like: int, window: str, event: str) -> None:
    """The unique key was dropped, and the very same window used twice."""
    tamper(filled, "ALTER TABLE send_requests DROP CONSTRAINT uq_send_requests_user_id_template_name_dedup_window")
    tamper(filled, again(like, window, event=event))
    assert found(filled, "schema").state is WRONG
    assert "exceeded by send request 50" in found(filled, "limits").detail


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            (
                "UPDATE suppressions SET rule_name = 'insufficient_funds', user_id = 'u_2',"
                " event_id = (SELECT event_id FROM send_requests WHERE id = 2) WHERE id = 1"
            ),
            "one event and rule: suppression 1",
        ),
        ("UPDATE suppressions SET blocking_request_id = 99 WHERE id = 1", "blocked suppression 1"),
        ("UPDATE suppressions SET blocking_request_id = NULL WHERE id = 1", "blocked suppression 1"),
        ("UPDATE suppressions SET blocking_request_id = 2 WHERE id = 1", "blocked suppression 1"),
        ("UPDATE suppressions SET blocking_request_id = 3 WHERE id = 2", "blocked suppression 2"),
        ("DELETE FROM send_requests WHERE id IN (1, 2)", "blocked suppression 1, 2"),
        (
            (
                "UPDATE send_requests SET dedup_window = 'day:2025-11-03', event_timestamp = '2025-11-03 10:00:00'"
                " WHERE id = 2"
            ),
            "blocked suppression 2",
        ),
        ("UPDATE send_requests SET dedup_window = 'ever' WHERE id = 2", None),
    ],
)
def test_a_suppression_without_its_reason(filled: str, statement: str, words: str | None) -> None:
    """What blocked it must be there, of the same user and template, and in its window."""
    tamper(filled, statement)
    decisions = found(filled, "decisions")
    assert (decisions.state, (words or "every suppression") in decisions.detail) == (WRONG if words else OK, True)


def test_an_id_of_several_users_is_a_warning(filled: str) -> None:
    """It is allowed, and worth knowing."""
    tamper(filled, "UPDATE events SET event_key = 'evt_1' WHERE user_id <> 'u_1' AND event_key <> 'evt_4'")
    shared = found(filled, "shared_ids")
    assert (shared.state, shared.detail[:9]) == (WARNING, "2 events ")


@pytest.mark.parametrize(
    ("status", "state"), [("ok", OK), ("running", OK), ("interrupted", WARNING), ("failed", WRONG), ("aborted", WRONG)]
)
def test_how_the_last_run_ended(filled: str, status: str, state: CheckState) -> None:
    """A run that failed is wrong until another one ended well."""
    tamper(filled, f"UPDATE runs SET status = '{status}' WHERE id = 5")  # noqa: S608
    assert found(filled, "last_run").state is state


def test_a_run_that_never_ended_is_told_until_its_inputs_are_read_again(filled: str, tmp_path: Path) -> None:
    """By a later run, to their end."""
    tamper(filled, "UPDATE runs SET status = 'running', finished_at = NULL WHERE id IN (1, 2)")
    unended = found(filled, "unended_runs")
    assert (unended.state, "run 1, 2 has not ended" in unended.detail) == (WARNING, True)
    ingest(filled, tmp_path / "story.ndjson")
    assert "run 2 has" in found(filled, "unended_runs").detail
    ingest(filled, tmp_path / "archive.ndjson")
    unended = found(filled, "unended_runs")
    assert (unended.state, "later runs read" in unended.detail) == (OK, True)


def test_what_came_on_standard_input_is_never_read_again(database_url: str) -> None:
    """The name says nothing of what came."""
    for _ in range(2):
        ingest(database_url, "-", stdin=ndjson(*STORY).encode())
    tamper(database_url, "UPDATE runs SET status = 'running' WHERE id = 1")
    assert found(database_url, "unended_runs").state is WARNING


@only_sqlite
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM rules_versions", "runs.rules_version_id -> rules_versions: 5"),
        ("DELETE FROM events WHERE event_key = 'evt_3'", "send_requests.event_id -> events: 2"),
        ("UPDATE user_traits SET event_id = 77 WHERE event_id = 1", "user_traits.event_id -> events: 1"),
    ],
)
def test_rows_that_belong_to_nothing(filled: str, statement: str, words: str) -> None:
    """SQLite holds foreign keys up only for those who ask it to."""
    tamper(filled, statement)
    keys = found(filled, "foreign_keys")
    assert (keys.state, words in keys.detail) == (WRONG, True), keys.detail


def test_a_value_that_cannot_be_read_does_not_keep_other_checks_away(filled: str) -> None:
    """A moment that is none: the check that stumbles over it says so, without the value."""
    if make_url(filled).get_backend_name() != "sqlite":
        pytest.skip("PostgreSQL does not store it")
    tamper(filled, "UPDATE send_requests SET event_timestamp = 'hidden words' WHERE id = 2")
    report = run_doctor(filled, None)
    limits = next(check for check in report.checks if check.check == "limits")
    assert (limits.state, "hidden" in report.model_dump_json()) == (WRONG, False)
    assert next(check for check in report.checks if check.check == "books").state is OK


def test_a_run_at_work_is_not_disturbed_and_its_books_are_true_all_along(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again and again, slice by slice, while batches are stored: nothing is ever wrong, and the run ends well."""
    monkeypatch.setattr(reading, "_FIRST_ROWS", 50)
    path = generated_file(tmp_path / "events.ndjson", 4_000)
    path.write_text(path.read_text() + "broken\n" * 20)
    program = Program(tmp_path, database_url)
    times = 0
    with program.start("ingest", path, "--batch-size", "40", "--busy-timeout", "20") as process:
        # From its start on: on a busy machine the run may be over before anybody has seen how far it is.
        while process.poll() is None:
            checks = run_doctor(database_url, None).checks
            assert [c for c in checks if c.state is WRONG and c.check != "power_cut"] == []
            times += 1
        assert process.stderr is not None
        assert process.returncode == 3, process.stderr.read()
    assert times
    assert query(database_url, "SELECT status, new, rejected FROM runs") == [("partial", 4000, 20)]
