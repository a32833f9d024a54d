"""`mmsg audit` of what came late, or met other rules: it tells what was done, and by which rules."""

from pathlib import Path
from typing import Any

import pytest

from support.auditing import audit, audit_page, change, nudge_rules, signup, store
from support.events import make_event

LINKED = make_event(event_id="linked", event_type="linked", event_timestamp="2025-11-01T12:00:00Z")
SIGNED_UP = make_event(event_id="signed_up", event_type="signed_up", event_timestamp="2025-11-01T10:00:00Z")


def only_decision(url: str, event_id: str = "linked") -> Any:
    """The one decision on an event."""
    (decision,) = audit(url, event_id)["decisions"]
    return decision


def test_a_late_fact(database_url: str, tmp_path: Path) -> None:
    """The request belongs to the event that waited, and names the event that came late."""
    rules = nudge_rules(tmp_path)
    store(database_url, LINKED, options=("--rules", rules))
    assert only_decision(database_url)["reason_code"] == "prior_event_missing"
    store(database_url, SIGNED_UP, options=("--rules", rules))
    decision = only_decision(database_url)
    assert (decision["outcome"], decision["caused_by"], decision["late"]) == ("requested", "signed_up", True)
    assert decision["reason"].endswith("decided late, when signed_up signed_up of 2025-11-01T10:00:00Z arrived")
    assert decision["run_id"] == 2
    assert decision["conditions"][0]["held"]
    assert "decided late, because of the arrival of event signed_up" in audit_page(database_url, "linked")


def test_a_late_cause_that_is_gone(database_url: str, tmp_path: Path) -> None:
    """The decision stays; its cause is null, and still known to be another event."""
    options = ("--rules", nudge_rules(tmp_path))
    store(database_url, LINKED, SIGNED_UP, options=options)
    change(database_url, "DELETE FROM events WHERE event_key = 'signed_up'")
    decision = only_decision(database_url)
    assert (decision["outcome"], decision["caused_by"], decision["late"]) == ("requested", None, True)
    assert "an event that is no longer stored" in audit_page(database_url, "linked")


def test_a_late_decision_names_the_rules_that_made_it(database_url: str, tmp_path: Path) -> None:
    """Its conditions are those of the version that decided, not those of the run that stored the event."""
    first = store(database_url, LINKED, options=("--rules", nudge_rules(tmp_path, "narrow", within="1h")))
    assert only_decision(database_url)["rules_sha256"] == first["rules"]["sha256"]
    second = store(database_url, SIGNED_UP, options=("--rules", nudge_rules(tmp_path, "wide", within="3h")))
    decision = only_decision(database_url)
    assert decision["rules_sha256"] == second["rules"]["sha256"] != first["rules"]["sha256"]
    assert decision["conditions"][0]["condition"] == "prior_event signed_up within 3h"
    assert (decision["outcome"], decision["notes"]) == ("requested", [])


@pytest.mark.parametrize("second", ["disabled", "another"])
def test_a_fact_that_came_while_no_such_rule_was_in_force(database_url: str, tmp_path: Path, second: str) -> None:
    """All conditions hold now, and yet nothing was decided: the answer says which fact came when."""
    first = store(database_url, LINKED, options=("--rules", nudge_rules(tmp_path)))
    other = nudge_rules(tmp_path, "disabled", enabled=False) if second == "disabled" else None
    store(database_url, SIGNED_UP, options=("--rules", other) if other else ())
    decision = only_decision(database_url)
    assert (decision["outcome"], decision["reason_code"]) == ("not_matched", "rule_not_in_force")
    assert "signed_up signed_up of 2025-11-01T10:00:00Z arrived only with run 2" in decision["reason"]
    assert decision["rules_sha256"] == first["rules"]["sha256"]
    assert decision["conditions"][0]["held"]


def test_a_fact_that_came_under_a_narrower_window(database_url: str, tmp_path: Path) -> None:
    """The rule that was in force then was not waiting for a fact so far away."""
    store(database_url, LINKED, options=("--rules", nudge_rules(tmp_path, "wide")))
    store(database_url, SIGNED_UP, options=("--rules", nudge_rules(tmp_path, "narrow", within="1h")))
    decision = only_decision(database_url)
    assert decision["reason_code"] == "rule_not_in_force"
    assert decision["reason"].endswith(
        "arrived only with run 2, and the rule nudge as it stood in that run did not wait for signed_up that long:"
        " it allowed 1h"
    )


def test_a_fact_that_came_under_a_rule_that_waited_for_none(database_url: str, tmp_path: Path) -> None:
    """A rule of that name was in force, and asked for another prior event: the answer does not deny the rule."""
    rules = nudge_rules(tmp_path)
    store(database_url, LINKED, options=("--rules", rules))
    other = tmp_path / "other.yaml"
    other.write_text(rules.read_text().replace("prior_event: signed_up", "prior_event: invited"))
    store(database_url, SIGNED_UP, options=("--rules", other))
    decision = only_decision(database_url)
    assert decision["reason_code"] == "rule_not_in_force"
    assert decision["reason"].endswith("the rule nudge as it stood in that run did not wait for signed_up")


def test_a_fact_that_came_under_a_stricter_rule(database_url: str, tmp_path: Path) -> None:
    """The rule looked again with a condition more: the event is shown as it was last looked at."""
    more = "      - {field: properties.bank, exists: true}\n"
    store(database_url, LINKED, options=("--rules", nudge_rules(tmp_path)))
    second = store(database_url, SIGNED_UP, options=("--rules", nudge_rules(tmp_path, "strict", more=more)))
    decision = only_decision(database_url)
    assert (decision["outcome"], decision["reason_code"]) == ("not_matched", "condition_false")
    assert decision["reason"] == "properties.bank exists: it is not there"
    assert decision["rules_sha256"] == second["rules"]["sha256"]
    assert [condition["held"] for condition in decision["conditions"]] == [True, False]


def test_rules_of_today_do_not_change_the_past(database_url: str, tmp_path: Path) -> None:
    """An event is explained by the rules that looked at it, whatever came after."""
    first = store(database_url, LINKED, SIGNED_UP, options=("--rules", nudge_rules(tmp_path, within="1h")))
    store(database_url, signup(event_id="x", user_id="u_2"), options=("--rules", nudge_rules(tmp_path, "wide")))
    decision = only_decision(database_url)
    assert decision["reason_code"] == "prior_event_outside_window"
    assert decision["rules_sha256"] == first["rules"]["sha256"]
