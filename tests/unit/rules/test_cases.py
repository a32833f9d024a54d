"""Cases for rules: how they are written, what is wrong with them, and how they come out."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.errors import BadConfig
from marketing_cli.schemas.rules_testing import CaseResult
from marketing_cli.services import engine
from marketing_cli.services.rules_files import load_rules, shipped_file
from marketing_cli.services.rules_testing import RulesAndCases, files_to_test, run_rules_tests
from marketing_cli.services.rules_testing_cases import parse_cases
from marketing_cli.services.rules_testing_run import run_case
from support.deciding import field, make_rule, prior, rule_set
from support.events import MISSING, make_event

NUDGE = make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_ever")
DAILY = make_rule("DAILY", name="daily", when=[field("properties.n", "gte", 3)], limit="once_per_calendar_day")
OFF = make_rule("OFF", name="off", on="link", enabled=False)
RULES = rule_set(NUDGE, DAILY, OFF)

SHIPPED_CASES = shipped_file("default.tests.yaml").decode()


def ev(key: Any, event_type: str = "payment_failed", at: str = "10:00", **more: Any) -> dict[str, Any]:
    """An event of 1 November 2025."""
    number = {"properties": {"n": 3}} if event_type == "payment_failed" else {}
    moment = f"2025-11-01T{at}:00Z"
    return make_event(event_id=key, event_type=event_type, event_timestamp=moment, **(number | more))


def run(then: Any, *when: dict[str, Any], given: tuple[dict[str, Any], ...] = ()) -> CaseResult:
    """How one case comes out. JSON is YAML."""
    case = {"name": "c", "when": when, "then": then} | ({"given": given} if given else {})
    (parsed,) = parse_cases(json.dumps({"version": 1, "cases": [case]}), "c.yaml", RULES)
    return run_case(parsed, RULES)


def req(rule: str, **fields: Any) -> dict[str, Any]:
    """An expected outcome."""
    return {"rule": rule, **fields}


SIGNUP, LINK = ev("s", "signup", "09:00"), ev("l", "link")
CAPPED = "skipped DAILY: already sent today at 10:00Z (event a) [daily_cap_reached]"
STORIES: dict[str, tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]] = {
    "nothing of a type without rules": ({}, [], [ev("a", "other")]),
    "the only event need not be named": ({"requests": [req("daily")]}, [], [ev("a")]),
    "nor one without an id": ({"requests": [req("daily")]}, [], [ev(MISSING)]),
    "all facts": (
        {"requests": [req("daily", event="a", user="u_1", template="DAILY", channel="sms", caused_by="a")]},
        [],
        [ev("a")],
    ),
    "a user who is a number": ({"requests": [req("daily", user=7)]}, [], [ev("a", user_id=7)]),
    "a limit": (
        {
            "requests": [req("daily", event="a")],
            "suppressions": [req("daily", event="b", reason_code="daily_cap_reached", blocked_by="a", caused_by="b")],
        },
        [],
        [ev("a"), ev("b", at="11:00")],
    ),
    "a limit used up by what was given": ({"suppressions": [req("daily", blocked_by="a")]}, [ev("a")], [ev("b")]),
    "what was given is not told": ({}, [ev("a"), ev("b")], [ev("c", "other")]),
    "a late fact re-opens what was given": (
        {"requests": [req("nudge", event="l", caused_by="s")]},
        [LINK],
        [SIGNUP],
    ),
    "an earlier fact": ({"requests": [req("nudge")]}, [SIGNUP], [LINK]),
    "a duplicate is nothing new": ({"requests": [req("daily")]}, [], [ev("a"), ev("a")]),
    "a duplicate of what was given": ({}, [ev("a")], [ev("a")]),
    "a conflict is refused": ({"requests": [req("daily")]}, [], [ev("a"), ev("a", at="12:00")]),
    "the same without ids": ({"requests": [req("daily")]}, [], [ev(MISSING), ev(MISSING)]),
    "limits of two users": (
        {"requests": [req("daily", event="a", user="u"), req("daily", event="a", user="v"), req("daily", event="b")]},
        [],
        [ev("a", user_id="u"), ev("a", user_id="v"), ev("b", user_id="w")],
    ),
    "a message id is an id": ({"requests": [req("daily", event="m")]}, [], [ev(MISSING, message_id="m")]),
}


@pytest.mark.parametrize(("then", "given", "when"), STORIES.values(), ids=STORIES)
def test_a_case_that_comes_out_as_told(then: Any, given: list[Any], when: list[Any]) -> None:
    """Nothing differs; and it would if nothing, or something, had been expected instead."""
    result = run(then, *when, given=tuple(given))
    assert (result.status, list(result.differences)) == ("passed", [])
    other = {} if then else {"requests": [req("daily", event=when[0]["event_id"])]}
    assert run(other, *when, given=tuple(given)).status == "failed"


FAILURES: dict[str, tuple[Any, list[dict[str, Any]], list[dict[str, Any]], list[str]]] = {
    "not expected": ({}, [], [ev("a")], ["DAILY was requested: daily matched: properties.n is 3"]),
    "suppressed instead": ({"requests": [req("daily")]}, [ev("a")], [ev("b")], [CAPPED]),
    "requested instead": ({"suppressions": [req("daily")]}, [], [ev("a")], ["DAILY was requested: daily matched: pro"]),
    "a condition does not hold": (
        {"requests": [req("daily")]},
        [],
        [ev("a", properties={"n": 2})],
        ["properties.n gte 3: found 2 [condition_false]"],
    ),
    "a value of another kind": (
        {"requests": [req("daily")]},
        [],
        [ev("a", properties={"n": []})],
        ["properties.n gte 3: found [], which cannot be compared with that [value_not_comparable]"],
    ),
    "no earlier event": (
        {"requests": [req("nudge")]},
        [],
        [LINK],
        ["no signup of this user is known [prior_event_missing]"],
    ),
    "too early an event": (
        {"requests": [req("nudge")]},
        [ev("s", "signup") | {"event_timestamp": "2025-10-30T10:00:00Z"}],
        [LINK],
        ["signup s came 2 d before; 24h allowed [prior_event_outside_window]"],
    ),
    "disabled": ({"requests": [req("off")]}, [], [LINK], ["the rule is disabled"]),
    "another type": (
        {"requests": [req("nudge")]},
        [],
        [SIGNUP],
        ["the rule looks at link, and this event is a signup"],
    ),
    "decided before": (
        {"requests": [req("daily", event="a")]},
        [ev("a")],
        [SIGNUP],
        ["it was decided before, among the given events: DAILY was requested: "],
    ),
    "other facts": (
        {"requests": [req("daily", template="D", channel="email", caused_by="s")]},
        [SIGNUP],
        [ev("a")],
        ["template: expected D, found DAILY", "channel: expected email, found sms", "caused_by: expected s, found a"],
    ),
    "another blocker": (
        {"suppressions": [req("daily", blocked_by="b", reason_code="already_sent_once_ever")]},
        [ev("a")],
        [ev("b")],
        [
            "reason_code: expected already_sent_once_ever, found daily_cap_reached",
            "blocked_by: expected b, found a",
        ],
    ),
}


@pytest.mark.parametrize(("then", "given", "when", "details"), FAILURES.values(), ids=FAILURES)
def test_a_difference_says_why(then: Any, given: list[Any], when: list[Any], details: list[str]) -> None:
    """In the words in which audit explains."""
    result = run(then, *when, given=tuple(given))
    (difference,) = result.differences
    assert result.status == "failed"
    assert len(difference.details) == len(details), difference.details
    assert [told for told, text in zip(difference.details, details, strict=True) if not told.startswith(text)] == []


def test_an_engine_that_decides_otherwise_fails_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases are decided by the one engine, and what does not come is missed even where no condition tells why."""
    real = engine.decide

    def decide_nothing(*args: Any) -> engine.Verdict:
        return replace(real(*args), decision=None)

    monkeypatch.setattr(engine, "decide", decide_nothing)
    report = run_rules_tests(RulesAndCases(None, None))
    assert (report.exit_code, report.failed) == (8, sum("{rule:" in case for case in SHIPPED_CASES.split("- name")))
    assert all(difference.details for case in report.cases for difference in case.differences)


def test_what_is_no_new_event_is_noted() -> None:
    """A case that relies on a duplicate, or on a conflict, says so when it fails."""
    result = run({"requests": [req("daily", event="b")]}, ev("a"), ev("a"), ev("a", properties={"n": 1}), ev("b"))
    duplicate, conflict = result.notes
    assert "a of u_1 is a duplicate of the event in line 1, and decides nothing" in duplicate
    assert "refused as conflicting_duplicate" in conflict
    assert conflict.endswith("these fields differ: properties.n")


HEAD = "version: 1\ncases:\n"
EVENT = "{event_id: e, user_id: u, event_type: link, event_timestamp: 2025-11-01T10:00:00Z}"
OTHER = EVENT.replace("user_id: u", "user_id: v")
NAMED = f"{HEAD}  - name: c\n    when:\n      - {EVENT}\n      - {OTHER}\n    then:\n      "


def outcome(fields: str, kind: str = "requests") -> str:
    """A file whose only expectation, in line 8, has these fields."""
    return f"{NAMED}{kind}:\n        - {{{fields}}}\n"


BAD: dict[str, tuple[str, list[str]]] = {
    "nothing": ("", ["1:1: the file: found nothing (null); allowed: a mapping with version, cases"]),
    "text": ("secret", ["1:1: the file: found text; allowed"]),
    "rules": ("version: 1\nrules: []", ["2:1: these are rules, and no cases for them"]),
    "no cases": ("version: 1\ncases: []", ["2:8: cases: found an empty list; allowed: a list with at least one case"]),
    "cases missing": ("version: 1", ["1:1: the file: missing cases; needed: version, cases"]),
    "unknown key": (
        "version: 1\ncase: []",
        ["1:1: the file: missing cases", '2:1: unknown key "case"; allowed here: version, cases; did you mean'],
    ),
    "a version to come": ("version: 2\nwhatever: 1", ["1:10: version: found the number 2; allowed: 1, the only"]),
    "a version that is text": (
        'version: "1"\ncases: x',
        ['1:10: version: found the text "1"', "2:8: cases: found the"],
    ),
    "not a case": (
        f"{HEAD}  - x",
        ['3:5: item 1 of cases: found the text "x"; allowed: a mapping with name, when, th'],
    ),
    "parts missing": (f"{HEAD}  - name: c", ["3:5: item 1 of cases: missing when, then; needed: name, when, then"]),
    "no name": (f"{HEAD}  - name:\n    when: [{EVENT}]\n    then: {{}}", ["3:5: name: found nothing (null)"]),
    "a name again": (
        f"{HEAD}  - {{name: c, when: [{EVENT}], then: {{}}}}\n  - {{name: c, when: [{EVENT}], then: {{}}}}",
        ['4:12: name: found the text "c"; allowed: a name of its own for each case; the same name is in line 3'],
    ),
    "no events": (f"{HEAD}  - {{name: c, when: [], then: {{}}}}", ["3:21: when: found an empty list"]),
    "not an event": (
        f"{HEAD}  - {{name: c, given: [e], when: [3], then: {{}}}}",
        ['3:23: item 1 of given: found the text "e"', "3:34: item 1 of when: found the number 3"],
    ),
    "an event that is refused": (
        f"{HEAD}  - name: c\n    when:\n      - {EVENT.replace('Z', '')}\n    then: {{requests: [{{rule: nudge}}]}}",
        ["5:70: event_timestamp: has no time zone: add Z or an offset such as +01:00 [naive_timestamp]"],
    ),
    "an event without a user": (
        f"{HEAD}  - name: c\n    when:\n      - {EVENT.replace('user_id: u, ', '')}\n    then: {{}}",
        ["5:9: user_id: is required [missing_field]"],
    ),
    "an event with a number out of range": (
        f"{HEAD}  - name: c\n    when:\n      - {{properties: {{n: 1e999}}}}\n    then: {{}}",
        ["5:26: found the number 1e999; allowed: numbers up to about 1.8e308"],
    ),
    "outcomes that are no list": (f"{NAMED}requests: x", ['8:17: requests: found the text "x"; allowed: a list of re']),
    "unknown outcomes": (f"{NAMED}request: []", ['8:7: unknown key "request"; allowed here: requests, suppressions']),
    "no rule": (outcome("event: e, user: u"), ["9:11: item 1 of requests: missing rule; needed: rule"]),
    "an unknown rule": (
        outcome("rule: nudges, event: e, user: u"),
        ['9:18: rule: found the text "nudges"; allowed: the name of one of the rules; did you mean "nudge"?'],
    ),
    "which event": (outcome("rule: nudge"), ["9:11: item 1 of requests: missing event; several events of this case"]),
    "whose event": (outcome("rule: nudge, event: e"), ["9:11: item 1 of requests: missing user; several events of"]),
    "an unknown event": (
        outcome("rule: nudge, event: f, user: u"),
        ['9:32: event: found the text "f"; allowed: the id of an event of this case'],
    ),
    "an unknown user": (outcome("rule: nudge, event: e, user: w"), ['9:41: user: found the text "w"; allowed: the us']),
    "an event that is a list": (outcome("rule: nudge, event: [e], user: u"), ["9:32: event: found a list; allowed: t"]),
    "no such channel": (
        outcome("rule: nudge, event: e, user: u, channel: mail"),
        ['9:53: channel: found the text "mail"; allowed: email, sms, internal_alert; did you mean "email"?'],
    ),
    "a code of what does not match": (
        outcome("rule: nudge, event: e, user: u, reason_code: condition_false", "suppressions"),
        ['9:57: reason_code: found the text "condition_false"; allowed: daily_cap_reached, already_sent_once_'],
    ),
    "a request has no reason code": (
        outcome("rule: nudge, event: e, user: u, reason_code: daily_cap_reached"),
        ['9:44: unknown key "reason_code"; allowed here: rule, event, user, template, channel, caused_by'],
    ),
    "an unknown cause": (
        outcome("rule: nudge, event: e, user: u, caused_by: x, blocked_by: y", "suppressions"),
        ['9:55: caused_by: found the text "x"; allowed: the id of an', '9:70: blocked_by: found the text "y"; allow'],
    ),
    "two outcomes": (
        outcome("rule: nudge, event: e, user: u") + "      suppressions: [{rule: nudge, event: e, user: u}]",
        ["10:22: this event and rule have their one outcome in line 9 already; delete one"],
    ),
    "an anchor": (f"{HEAD}  - &a {{}}", ["3:5: an anchor (&name)"]),
    "a key twice": (
        f"{HEAD}  - {{name: c, name: d, when: [{EVENT}], then: {{}}}}",
        ['3:15: the key "name" is here a second time'],
    ),
}


@pytest.mark.parametrize(("text", "messages"), BAD.values(), ids=BAD)
def test_a_bad_file_is_told_with_its_lines(text: str, messages: list[str]) -> None:
    """In the order of the file; what follows from another fault is not told beside it."""
    with pytest.raises(BadConfig) as error:
        parse_cases(text, "c.yaml", RULES)
    told = str(error.value).splitlines()
    assert len(told) == len(messages), told
    assert [line for line, text in zip(told, messages, strict=True) if not line.startswith(f"c.yaml:{text}")] == []


def test_the_shipped_rules_come_with_their_cases() -> None:
    """All pass; every rule has a case in which it requests, one in which it does not, and one where its limit holds."""
    report = run_rules_tests(RulesAndCases(None, None))
    assert (report.exit_code, report.failed, list(report.untested)) == (0, 0, [])
    loaded = load_rules(None)
    cases = parse_cases(SHIPPED_CASES, "shipped", loaded.rule_set)
    requested = {e.target.rule for case in cases for e in case.expected if e.outcome == "requested"}
    suppressed = {e.target.rule for case in cases for e in case.expected if e.outcome == "suppressed"}
    on_types = {
        rule.name
        for case in cases
        for rule in loaded.rule_set.rules
        if rule.name not in {e.target.rule for e in case.expected}
        and any(arrival.event.event_type == rule.on and not arrival.given for arrival in case.arrivals)
    }
    names = {rule.name for rule in loaded.rule_set.rules}
    assert (requested, on_types) == (names, names)
    assert suppressed == {rule.name for rule in loaded.rule_set.rules if rule.limit != "none"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((None, None, None), (None, None)),
        ((None, "a.yaml", None), ("a.yaml", "a.tests.yaml")),
        ((None, None, "d/a.yml"), ("d/a.yml", "d/a.tests.yml")),
        ((None, "a.yaml", "b.yaml"), ("a.yaml", "a.tests.yaml")),
        ((None, "rules", None), ("rules", "rules.tests.yaml")),
        ((None, "a.b.yaml", None), ("a.b.yaml", "a.b.tests.yaml")),
        (("here.tests.yaml", None, "b.yaml"), ("here.yaml", "here.tests.yaml")),
        (("here.tests.yml", None, "b.yaml"), ("here.yaml", "here.tests.yml")),
        (("here.tests.yaml", "c.yaml", "b.yaml"), ("c.yaml", "here.tests.yaml")),
        (("gone.tests.yaml", None, "b.yaml"), ("b.yaml", "gone.tests.yaml")),
        (("cases.yaml", None, "b.yaml"), ("b.yaml", "cases.yaml")),
        (("cases.yaml", None, None), (None, "cases.yaml")),
    ],
)
def test_which_cases_go_with_which_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str | None, ...], expected: tuple[str | None, ...]
) -> None:
    """Cases and rules that were named; else those beside each other; else those in force."""
    monkeypatch.chdir(tmp_path)
    Path("here.yaml").touch()
    cases, rules, in_force = (None if name is None else Path(name) for name in asked)
    assert tuple(path and str(path) for path in files_to_test(cases, rules, in_force)) == expected
