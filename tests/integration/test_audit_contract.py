"""The JSON of `mmsg audit`, key by key: a key that goes missing or is renamed breaks whoever reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.auditing import audit, failed_payment, link, signup, store
from support.ingesting import run_here

EVENT = [
    "event_id",
    "id",
    "user_id",
    "event_type",
    "event_timestamp",
    "created_at",
    "properties",
    "user_traits",
    "extra",
]
SOURCE = ["run_id", "path", "line"]
DECISION = [
    "rule",
    "template",
    "channel",
    "outcome",
    "reason_code",
    "reason",
    "decided_at",
    "rules_sha256",
    "caused_by",
    "conditions",
]
CONDITION = ["condition", "expected", "found", "held"]
MESSAGE = ["template", "channel", "status", "reason_code", "reason", "event_id", "event_timestamp", "decided_at"]
REJECT = [
    "run_id",
    "last_run_id",
    "count",
    "path",
    "line",
    "reason",
    "detail",
    "user_id",
    "event_type",
    "event_id",
    "raw",
    "raw_base64",
]
ANSWER = ["user_id", "template", "answer", "reason_code", "reason", "considered"]


def starts_with(shape: dict[str, Any], keys: list[str]) -> bool:
    """Whether an object has these keys, in this order, before any others."""
    return list(shape)[: len(keys)] == keys


@pytest.fixture
def stored(database_url: str) -> str:
    """A database with every outcome for one user, and a refused line."""
    again = failed_payment(event_id="payment_2", event_timestamp="2025-11-01T14:00:00Z")
    bad = signup(event_id="bad", event_timestamp="yesterday")
    store(database_url, signup(), link(), failed_payment(), again, bad, exit_code=3)
    return database_url


@pytest.mark.parametrize("event_id", ["signup", "link", "payment", "payment_2"])
def test_an_event(stored: str, event_id: str) -> None:
    """The event, its source, and one entry with its conditions for each rule on its type."""
    found = audit(stored, event_id)
    assert starts_with(found, ["event", "source", "decisions"])
    assert list(found["event"]) == EVENT
    assert starts_with(found["source"], SOURCE)
    assert found["decisions"]
    for decision in found["decisions"]:
        assert starts_with(decision, DECISION)
        assert decision["conditions"]
        assert all(starts_with(condition, CONDITION) for condition in decision["conditions"])


def test_a_timeline(stored: str) -> None:
    """Events, decisions and refused lines, each in its own list."""
    found = audit(stored, "--user", "u_1")
    assert starts_with(found, ["user_id", "events", "message_decisions", "rejects"])
    assert [len(found[name]) for name in ("events", "message_decisions", "rejects")] == [4, 4, 1]
    assert all(starts_with(event, EVENT) for event in found["events"])
    assert all(starts_with(decision, MESSAGE) for decision in found["message_decisions"])
    assert all(starts_with(kept, REJECT) for kept in found["rejects"])


@pytest.mark.parametrize("template", ["WELCOME_EMAIL", "INSUFFICIENT_FUNDS_EMAIL", "HIGH_RISK_ALERT"])
def test_an_answer(stored: str, template: str) -> None:
    """What was considered has the keys of a decision and of an entry of the timeline."""
    found = audit(stored, "--user", "u_1", "--template", template)
    assert starts_with(found, ANSWER)
    assert found["considered"]
    for considered in found["considered"]:
        assert starts_with(considered, DECISION)
        assert set(considered) >= set(MESSAGE)
        assert considered["status"] == considered["outcome"]


def test_a_near_miss(stored: str) -> None:
    """Each decision has it: text where no request was made, null where one was."""
    every = [
        decision for name in ("signup", "link", "payment", "payment_2") for decision in audit(stored, name)["decisions"]
    ]
    every += audit(stored, "--user", "u_1")["message_decisions"]
    every += audit(stored, "--user", "u_1", "--template", "INSUFFICIENT_FUNDS_EMAIL")["considered"]
    for decision in every:
        assert (decision["near_miss"] is None) == (decision.get("outcome", decision.get("status")) == "requested")
    assert "next possible from 2025-11-02T00:00Z" in [decision["near_miss"] for decision in every]


@pytest.mark.parametrize(
    "args", [["nobody"], ["--row", "99"], ["--user", "nobody"], ["--user", "nobody", "--template", "WELCOME_EMAIL"]]
)
def test_what_is_not_found(stored: str, args: list[str]) -> None:
    """An error object, and nothing else, with the exit code in it."""
    found = audit(stored, *args, exit_code=4)
    assert list(found) == ["error"]
    assert list(found["error"]) == ["code", "exit_code", "message"]
    assert (found["error"]["code"], found["error"]["exit_code"]) == ("not_found", 4)


def test_an_id_of_several_users(stored: str) -> None:
    """An error object, and beside it the events to pick from."""
    store(stored, signup(user_id="u_2"))
    found = audit(stored, "signup", exit_code=2)
    assert list(found) == ["error", "candidates"]
    assert (found["error"]["code"], found["error"]["exit_code"]) == ("usage", 2)
    assert [list(candidate) for candidate in found["candidates"]] == 2 * [
        ["user_id", "event_id", "id", "event_type", "event_timestamp"]
    ]


def test_json_is_ascii_and_loses_nothing(database_url: str) -> None:
    """Whatever an event holds comes out as it came in: keys, order, numbers, null and characters."""
    properties = {"z": 1, "a": None, "big": 2**63 - 1, "ratio": 0.1, "deep": {"list": [True, "\u202e☃\U0001f600\x1b"]}}
    traits = {"country": "PT", "marketing_opt_in": "yes", "email": None}
    extra = {"receivedAt": "now", "context": {"ip": "::1"}}
    store(database_url, signup(properties=properties, user_traits=traits, **extra))
    done = run_here("audit", "signup", "--json", url=database_url)
    assert done.stdout.isascii()
    event = json.loads(done.stdout)["event"]
    assert json.dumps(event["properties"]) == json.dumps(properties)
    assert json.dumps(event["user_traits"]) == json.dumps(traits)
    assert json.dumps(event["extra"]) == json.dumps(extra)


@pytest.mark.parametrize("value", [None, {}])
def test_nothing_and_an_empty_object_stay_what_they_are(database_url: str, value: dict[str, Any] | None) -> None:
    """Both have the same content hash, and yet are shown as they came."""
    store(database_url, signup(properties=value, user_traits=value))
    event = audit(database_url, "signup")["event"]
    assert (event["properties"], event["user_traits"], event["extra"]) == (value, value, {})


def test_an_event_without_an_id_is_found_by_its_content_hash(database_url: str, tmp_path: Path) -> None:
    """The timeline tells its key, and the key finds it."""
    path = tmp_path / "one.json"
    path.write_text(json.dumps([{key: value for key, value in signup().items() if key != "event_id"}]))
    assert run_here("ingest", path, url=database_url).exit_code == 0
    (event,) = audit(database_url, "--user", "u_1")["events"]
    found = audit(database_url, event["event_id"])
    assert found["event"]["id"] == event["id"]
    assert found["source"] == {"run_id": 1, "path": str(path), "line": 1, "format": "array"}
