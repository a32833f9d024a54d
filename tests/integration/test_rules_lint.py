"""What lint finds in stored events: types and fields that rules ask for and that do not occur."""

from pathlib import Path
from typing import Any

import pytest

from marketing_cli.services import reading
from marketing_cli.services.rules_lint import lint_rules
from marketing_cli.services.rules_lint_events import look_at_newest
from support.deciding import exists, field, make_rule, missing, prior, rule_set, rules_text
from support.events import MISSING, make_event, write_events
from support.ingesting import ingest
from support.listing import change

EVENTS = [
    make_event(event_id=MISSING, event_type="signup", properties={"plan": "gold", "none": None}, user_traits={"a": 1}),
    make_event(event_id="l1", event_type="link", user_traits={"b": {"c": False}}, properties=None, source="app"),
    make_event(event_id="l2", event_type="link", properties={"list": [], "obj": {}}),
]
FIELDS = {
    "signup": {"properties.plan": True, "properties.none": False, "user_traits.a": True, "user_traits.b.c": False}
    | {"event.event_id": False, "event.user_id": True, "event.event_timestamp": True, "event.source": False},
    "link": {"properties.plan": False, "user_traits.b.c": True, "user_traits.b.d": False, "properties.list": True}
    | {"event.event_id": True, "event.source": True, "properties.obj": True, "properties.obj.x": False},
}
"""By event type, whether a field has a value in any of the events."""


@pytest.fixture
def stored(database_url: str, tmp_path: Path) -> str:
    """A database with the three events."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", *EVENTS))
    return database_url


def rules_file(folder: Path, *rules: dict[str, Any]) -> Path:
    """A file of rules."""
    path = folder / "rules.yaml"
    path.write_text(rules_text(*rules), encoding="utf-8")
    return path


def found(url: str, folder: Path, *rules: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """The findings, as code, rule and conditions."""
    report = lint_rules(rules_file(folder, *rules), url)
    assert report.stored.events == len(EVENTS)
    assert report.exit_code == (8 if report.findings else 0)
    return [(finding.code.value, finding.rule, list(finding.conditions)) for finding in report.findings]


def test_fields_that_no_event_of_the_type_has(stored: str) -> None:
    """A value is one that is not null; an event of another type does not count; an empty list is a value."""
    rules = [make_rule(name=on, on=on, when=[exists(path) for path in fields]) for on, fields in FIELDS.items()]
    seen = look_at_newest(stored, rule_set(*rules))
    assert (seen.events, set(seen.types)) == (3, {"signup", "link"})
    expected = {on: {path for path, occurs in fields.items() if not occurs} for on, fields in FIELDS.items()}
    assert seen.unseen == expected


def test_what_is_found_and_what_is_not(stored: str, tmp_path: Path) -> None:
    """Types of both kinds and fields, of enabled rules; what a condition wants to be missing is not looked for."""
    rules = [
        make_rule("A", name="sound", on="link", when=[prior("signup", "1h"), exists("user_traits.b.c")]),
        make_rule("B", name="type", on="linked", when=[exists("properties.anything")]),
        make_rule("C", name="prior", on="link", when=[prior("sign_up", "1h"), missing("properties.nothing")]),
        make_rule("D", name="field", on="link", when=[field("properties.plan", "in", ["gold", 3])]),
        make_rule("E", name="off", on="linked", enabled=False),
        make_rule("F", name="never", on="link", when=[exists("properties.nix"), missing("properties.nix")]),
        make_rule("A", name="again", on="link", when=[prior("signup", "1h"), exists("user_traits.b.c")]),
    ]
    assert found(stored, tmp_path, *rules) == [
        ("unseen_event_type", "type", []),
        ("unseen_event_type", "prior", ["prior_event sign_up within 1h"]),
        ("unseen_field", "field", ['properties.plan in ["gold", 3]']),
        ("never_matches", "never", ["properties.nix exists", "properties.nix missing"]),
        ("shadowed", "again", ["prior_event signup within 1h", "user_traits.b.c exists"]),
    ]
    assert found(stored, tmp_path, rules[0]) == []


def test_only_the_newest_count(stored: str) -> None:
    """By the order in which they arrived, holes in their numbers left out."""
    rules = rule_set(make_rule(on="signup", when=[exists("properties.plan")]), make_rule("U", name="b", on="link"))
    seen = look_at_newest(stored, rules, newest=2)
    assert (seen.events, set(seen.types)) == (2, {"link"})
    assert seen.unseen == {"signup": {"properties.plan"}, "link": set()}
    change(stored, "DELETE FROM events WHERE event_key = 'l1'")
    assert look_at_newest(stored, rules, newest=2).types == {"signup": 1, "link": 1}


def test_the_shipped_rules_ask_for_what_the_samples_have(database_url: str) -> None:
    """A sample policy over sample events."""
    samples = Path(__file__).parents[2] / "sample_events"
    ingest(database_url, *sorted(samples.glob("0[1-5]*.ndjson")))
    assert lint_rules(None, database_url).exit_code == 0


def test_it_reads_in_short_pieces(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is read at a time, no event is left out, and what is found is the same."""
    events = [make_event(event_id=f"e{n}", event_type="many", properties={f"n{n}": n}) for n in range(300)]
    events += [make_event(event_id="first", event_type="rare", properties={"x": 1})]
    ingest(database_url, write_events(tmp_path / "events.ndjson", *reversed(events)))
    rules = rule_set(
        make_rule(on="many", when=[exists("properties.absent"), *(exists(f"properties.n{n}") for n in range(300))]),
        make_rule("U", name="b", on="rare", when=[exists("properties.x")]),
    )
    whole = look_at_newest(database_url, rules)
    assert whole.unseen == {"many": {"properties.absent"}, "rare": set()}
    monkeypatch.setattr(reading, "_SLOW", 0.0)
    pieces: list[float] = []
    monkeypatch.setattr(reading.Reading, "_pause", lambda _, took: pieces.append(took))
    assert look_at_newest(database_url, rules) == whole
    assert len(pieces) > 300
