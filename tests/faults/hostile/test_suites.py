"""The JSON test suite and the RFC 3339 suite, through a database and back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faults.hostile.bench import Bench, Held, open_bench
from support.events import make_event, ndjson
from support.ingesting import run_here
from unit.events.test_json_suite import ANSWERS, HOLDING_NUL, NO_JSON, TEXTS, WRAPPER
from unit.events.test_timestamps import CASES, DEVIATIONS

ONE_LINE = {name: text for name, text in TEXTS.items() if b"\n" not in text}
SEVERAL_LINES = {name: text for name, text in TEXTS.items() if b"\n" in text}
# Where the whole is no object, its lines are looked at alone; some are JSON by themselves.
REASONS_OF_NO_JSON = NO_JSON | {"not_an_object"}


def wrapped(name: str, text: bytes) -> bytes:
    """An event of its own, with the text as the value of a property."""
    return (WRAPPER % text).replace(b'"user_id"', b'"event_id":"%s","user_id"' % name.encode(), 1)


def verdict(found: Held, line: int) -> str:
    """What became of a line, in a word."""
    if line in found.by_line:
        return "accepted"
    return next((kept.reason for kept in found.rejects if kept.line == line), "blank")


def expected_as_property(name: str) -> set[str]:
    """What may become of the text as a property."""
    if name.startswith("i_"):
        return {ANSWERS[name]["as a property"]}
    if name.startswith("y_"):
        return {"nul_in_text"} if name in HOLDING_NUL else {"accepted"}
    return NO_JSON


def expected_as_line(name: str) -> set[str]:
    """What may become of the text as a line."""
    if name.startswith("i_"):
        return {ANSWERS[name]["as a line"]}
    if name.startswith("y_"):
        value = json.loads(TEXTS[name])
        return (
            {"nul_in_text"}
            if name in HOLDING_NUL
            else {"missing_field" if isinstance(value, dict) else "not_an_object"}
        )
    return NO_JSON if TEXTS[name].strip() else {"blank"}


def test_every_text_as_a_line(database_url: str, tmp_path: Path) -> None:
    """No text of the suite is an event; each is kept, byte for byte, for the reason that it should be."""
    path = tmp_path / "events.ndjson"
    good = ndjson(make_event()).encode()
    path.write_bytes(good + b"".join(text + b"\n" for text in ONE_LINE.values()) + good)
    with open_bench(database_url) as bench:
        report = bench.ingest(path)
        found = bench.held()
    # By its bytes: some texts are in the suite twice, and a line refused again is counted, not kept.
    reasons = {kept.raw: kept.reason for kept in found.rejects}
    verdicts = {name: reasons.get(text.removesuffix(b"\r"), "blank") for name, text in ONE_LINE.items()}
    assert {name: was for name, was in verdicts.items() if was not in expected_as_line(name)} == {}
    assert (report.totals.lines, report.totals.new, report.totals.duplicate) == (len(ONE_LINE) + 2, 1, 1)
    assert len(found.rejects) == report.totals.rejected - 2


def test_every_text_as_a_property(database_url: str, tmp_path: Path) -> None:
    """What every parser must accept is stored and read back equal, in spelling of types too; the rest is refused."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(wrapped(name, text) + b"\n" for name, text in ONE_LINE.items()))
    with open_bench(database_url) as bench:
        bench.ingest(path)
        found = bench.held()
    verdicts = {name: verdict(found, line) for line, name in enumerate(ONE_LINE, 1)}
    assert {name: was for name, was in verdicts.items() if was not in expected_as_property(name)} == {}
    stored = {key: facts.properties for (key, _), facts in found.events.items()}
    assert set(stored) == {name for name, was in verdicts.items() if was == "accepted"}
    assert sum(name.startswith("y_") for name in stored) == sum(n.startswith("y_") for n in ONE_LINE) - len(HOLDING_NUL)
    for name, properties in stored.items():
        assert repr(properties) == repr({"v": json.loads(TEXTS[name])})
    audited = run_here("audit", "--user", "u", "--limit", "0", "--json", url=database_url).json()
    assert len(audited["events"]) == len(stored)


@pytest.mark.parametrize("name", SEVERAL_LINES)
def test_texts_of_several_lines(name: str, bench: Bench, tmp_path: Path) -> None:
    """As one object a file may hold line feeds: the same answers."""
    path = tmp_path / "events.json"
    path.write_bytes(wrapped(name, TEXTS[name]) + b"\n")
    bench.ingest(path)
    found = bench.held()
    if "accepted" in expected_as_property(name):
        ((properties,),) = [(facts.properties,) for facts in found.events.values()]
        assert repr(properties) == repr({"v": json.loads(TEXTS[name])})
    else:
        assert not found.events
        assert {kept.reason for kept in found.rejects} <= expected_as_property(name) | REASONS_OF_NO_JSON
        assert found.rejects


def test_the_suites_are_whole() -> None:
    """318 texts, of which some have several lines, and 33 timestamps."""
    assert len(ONE_LINE) + len(SEVERAL_LINES) == 318
    assert len(SEVERAL_LINES) > 5
    assert len(CASES) == 33


def test_every_timestamp(database_url: str, tmp_path: Path) -> None:
    """Valid ones are stored as their instant in UTC and come back from audit; others are kept with their reason."""
    path = tmp_path / "events.ndjson"
    path.write_text(ndjson(*(make_event(event_id=f"t{n}", event_timestamp=c["data"]) for n, c in enumerate(CASES))))
    with open_bench(database_url) as bench:
        bench.ingest(path)
        found = bench.held()
    for number, case in enumerate(CASES):
        reason = DEVIATIONS.get(case["description"], "accepted" if case["valid"] else "bad_value")
        assert verdict(found, number + 1) == reason
        if reason == "accepted":
            audited = run_here("audit", f"t{number}", "--json", url=database_url).json()
            assert datetime.fromisoformat(audited["event"]["event_timestamp"]) == instant(case["data"])
            assert audited["event"]["event_timestamp"].endswith("Z")
    reasons = [reject["reason"] for reject in run_here("rejects", "--json", url=database_url).json()]
    assert len(reasons) + len(found.events) == len(CASES)


def instant(text: Any) -> datetime:
    """What a valid timestamp means, by another reader than the program's."""
    return datetime.fromisoformat(text.upper()).astimezone(UTC)
