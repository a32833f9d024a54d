"""Values behind the program's back that their columns do not hold: each command says where, and what to do."""

from pathlib import Path

import pytest

from marketing_cli.schemas.doctor import CheckState
from marketing_cli.services.doctor import run_doctor
from support.ingesting import run_here
from support.listing import fill
from support.program import ROOT
from support.verifying import tamper, verify

pytestmark = pytest.mark.faults  # slow

RULES = ROOT / "marketing_cli/rules/default.yaml"
LIST = "UPDATE events SET properties = '[1]' WHERE id = 3"
DAMAGES = {
    LIST: "events.properties of row 3 (event evt_3)",
    "UPDATE events SET extra = '7' WHERE id = 3": "events.extra of row 3 (event evt_3)",
    "UPDATE user_traits SET extra = '[]' WHERE event_id = 1": "user_traits.extra of row 1 (event evt_1)",
    "UPDATE user_traits SET key_order = '{}' WHERE event_id = 1": "user_traits.key_order of row 1 (event evt_1)",
    "UPDATE rules_versions SET in_force = '{\"a\": 1}'": "rules_versions.in_force of row 1",
    "UPDATE events SET properties = '{\"a\": 1e999}' WHERE id = 3": "events.properties of row 3 (event evt_3)",
}
OF_SQLITE = {
    "UPDATE events SET properties = '{\"hidden words' WHERE id = 3": "events.properties of row 3 (event evt_3)",
    "UPDATE events SET properties = '{\"a\": NaN}' WHERE id = 3": "events.properties of row 3 (event evt_3)",
    "UPDATE events SET properties = x'00' WHERE id = 3": "events.properties of row 3 (event evt_3)",
    "UPDATE user_traits SET extra = '{' WHERE event_id = 1": "user_traits.extra of row 1 (event evt_1)",
    "UPDATE user_traits SET email = x'41' WHERE event_id = 1": "user_traits.email of row 1 (event evt_1)",
    "UPDATE event_properties SET amount = 'x' WHERE event_id = 3": "event_properties.amount of row 3 (event evt_3)",
    "UPDATE events SET content_hash = 'hidden words' WHERE id = 3": "events.content_hash of row 3 (event evt_3)",
    "UPDATE events SET event_timestamp = 'hidden words' WHERE id = 3": "events.event_timestamp of row 3 (event evt_3)",
    "UPDATE events SET created_at = 'hidden words' WHERE id = 3": "events.created_at of row 3 (event evt_3)",
    "UPDATE events SET event_key = x'41' WHERE id = 3": "events.event_key of row 3",
    "UPDATE events SET event_type = x'41' WHERE id = 3": "events.event_type of row 3 (event evt_3)",
    "UPDATE events SET run_id = 'x' WHERE id = 3": "events.run_id of row 3 (event evt_3)",
    "UPDATE send_requests SET event_timestamp = 'hidden words' WHERE id = 2": "send_requests.event_timestamp of row 2",
    "UPDATE send_requests SET caused_by_event_id = 'x' WHERE id = 2": "send_requests.caused_by_event_id of row 2",
    "UPDATE suppressions SET decided_at = '2025-13-45' WHERE id = 1": "suppressions.decided_at of row 1",
    "UPDATE suppressions SET reason = x'41' WHERE id = 1": "suppressions.reason of row 1",
    "UPDATE rules_versions SET text = x'ff'": "rules_versions.text of row 1",
    "UPDATE rules_versions SET in_force = '['": "rules_versions.in_force of row 1",
    "UPDATE runs SET rules_version_id = 'x' WHERE id = 1": "runs.rules_version_id of row 1",
    "UPDATE runs SET backfill = 'x' WHERE id = 1": "runs.backfill of row 1",
    "UPDATE runs SET started_at = 'hidden words' WHERE id = 1": "runs.started_at of row 1",
}
OF_POSTGRESQL = {
    "UPDATE events SET event_timestamp = 'infinity' WHERE id = 3": "events.event_timestamp of row 3 (event evt_3)",
    "UPDATE send_requests SET decided_at = '-infinity' WHERE id = 2": "send_requests.decided_at of row 2",
}
CASES = [(kind, *case) for kind in ("sqlite", "postgresql") for case in DAMAGES.items()]
CASES += [("sqlite", *case) for case in OF_SQLITE.items()]
CASES += [("postgresql", *case) for case in OF_POSTGRESQL.items()]
each = pytest.mark.parametrize(("database_kind", "statement", "place"), CASES)
WORDS = {
    "UPDATE send_requests SET status = 'hidden words' WHERE id = 2": "send_requests.status of row 2",
    "UPDATE suppressions SET reason_code = 'hidden words' WHERE id = 1": "suppressions.reason_code of row 1",
}
"""What the type of a column would let pass, and no run writes."""
CASES_OF_WORDS = [(kind, *case) for kind in ("sqlite", "postgresql") for case in WORDS.items()]


@pytest.fixture
def filled(database_url: str, tmp_path: Path) -> str:
    """Requests, suppressions, an archive and rejected lines."""
    fill(database_url, tmp_path)
    return database_url


@each
def test_verify_and_doctor_name_what_cannot_be_read(filled: str, statement: str, place: str) -> None:
    """The row and the column, never the value; the other users are still verified."""
    tamper(filled, statement)
    report, found = verify(filled), run_doctor(filled, None)
    assert report.exit_code == 8
    told = [f"{found.about} | {found.now}" for found in report.differences]
    assert [line for line in told if place in line and "cannot be read" in line], told
    assert len(told) == len(set(told))
    assert report.verified.users == 3
    check = next(check for check in found.checks if check.check == "values")
    assert (check.state, place in check.detail) == (CheckState.WRONG, True), check.detail
    assert "hidden" not in report.model_dump_json() + found.model_dump_json()


@pytest.mark.parametrize(("database_kind", "statement", "place"), CASES_OF_WORDS)
def test_a_word_that_is_none_of_its_column(filled: str, statement: str, place: str) -> None:
    """Doctor names the row; verify can go on, and tells what the word ought to be."""
    tamper(filled, statement)
    check = next(check for check in run_doctor(filled, None).checks if check.check == "values")
    assert (check.state, place in check.detail) == (CheckState.WRONG, True), check.detail
    (found,) = verify(filled).differences
    assert f".{found.column} of" in place
    assert found.stored == "hidden words"


@pytest.mark.parametrize(("database_kind", "statement", "place"), CASES + CASES_OF_WORDS)
def test_other_commands_end_in_plain_words(filled: str, statement: str, place: str) -> None:
    """Each does its work, or names the row and what to run; none ends over something unexpected."""
    tamper(filled, statement)
    failed = []
    for command in ("stats", "digest", "backtest --rules RULES", "audit evt_3", "audit --user u_1", "sends", "runs"):
        done = run_here(*command.replace("RULES", str(RULES)).split(), url=filled)
        assert "unexpected" not in done.stderr, (command, done.stderr)
        assert "hidden" not in done.stderr
        if done.exit_code == 1:
            failed.append(command)
            assert place in done.stderr, (command, done.stderr)
            assert "mmsg doctor" in done.stderr
    if statement == LIST:
        assert failed == ["backtest --rules RULES", "audit evt_3"]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_doctor_names_a_truth_that_is_none(filled: str) -> None:
    """Other commands take it for true, as the database does."""
    tamper(filled, "UPDATE user_traits SET marketing_opt_in = 'x' WHERE event_id = 1")
    check = next(check for check in run_doctor(filled, None).checks if check.check == "values")
    assert "user_traits.marketing_opt_in of row 1 (event evt_1)" in check.detail
