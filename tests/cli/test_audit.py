"""`mmsg audit` as people use it: its options, its exit codes, its streams, and its pages."""

import io
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.database.sessions import open_database
from marketing_cli.rendering import Output, Streams
from marketing_cli.rendering.audit_output import render_audit
from marketing_cli.schemas.event import read_id
from marketing_cli.services.audit import AuditService
from marketing_cli.services.rules_files import load_rules
from support.auditing import audit, audit_page, change, failed_payment, link, nudge_rules, signup, store
from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import run_here
from support.program import Program

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
NAUGHTY = Path(__file__).parents[1] / "data" / "naughty_strings" / "blns.json"
# What terminals obey, one of each kind; the list above is for what programs choke on.
HOSTILE = ["\x1b[31mred", "\x1b]52;c;AAAA\x07", "\x9b31m", "a\nb\rc", "\u202eevil", "\u2028", "[bold]x[/x]", "=1+1"]


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([], "say what to explain: an event id, --row N, or --user USER."),
        (["--json"], "say what to explain: an event id, --row N, or --user USER."),
        (["evt_1", "--row", "1"], "an event is named by its id or by --row, not by both."),
        (["--row", "1", "--user", "u_1"], "--row names one event already; leave out --user."),
        (["--template", "T"], "say what to explain"),
        (["evt_1", "--template", "T"], "--template needs --user USER."),
        (["evt_1", "--user", "u_1", "--template", "T"], "--template is about a user, not about one event."),
        (["evt_1", "--limit", "3"], "--limit goes with a user's timeline only."),
        (["--user", "u_1", "--template", "T", "--limit", "3"], "--limit goes with a user's timeline only."),
        (["--user", "u_1", "--rules", "r.yaml"], "--rules goes with --template only."),
        (["--row", "0"], "--row is the number of an event's row, from 1."),
        (["--row", str(2**63)], "--row is the number of an event's row, from 1."),
        (["--user", "u_1", "--limit", "-1"], "--limit is a number of rows"),
        (["--user", "u_1", "--template", "\udcff"], "--template: these bytes are not text"),
    ],
)
def test_what_does_not_go_together_is_2(args: list[str], sentence: str) -> None:
    """Said in a sentence, before anything is opened."""
    done = run_here("audit", *args, url="sqlite:////nowhere/x.db")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mmsg: {sentence}")


def test_the_largest_row_is_simply_not_there(database_url: str) -> None:
    """No number that fits makes a database fail."""
    audit(database_url, "--row", str(2**63 - 1), exit_code=4)


@only_sqlite
def test_rules_that_are_wrong_are_7_before_the_database_is_looked_for(empty_database_url: str, tmp_path: Path) -> None:
    """With --template only, and also when they come from the settings."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nrules: 3\n")
    args = ["audit", "--user", "u_1", "--template", "T"]
    assert run_here(*args, "--rules", bad, url=empty_database_url).exit_code == 7
    assert run_here(*args, url=empty_database_url, MMSG_RULES=str(bad)).exit_code == 7
    assert run_here("audit", "x", url=empty_database_url, MMSG_RULES=str(bad)).exit_code == 10


def test_the_rules_in_force_come_from_the_option_else_from_the_settings(database_url: str, tmp_path: Path) -> None:
    """Else they are the shipped ones; the answer says which."""
    store(database_url, signup())
    one, two = nudge_rules(tmp_path, "one"), nudge_rules(tmp_path, "two")
    args = ["audit", "--user", "u_1", "--template", "NUDGE", "--json"]
    found = run_here(*args, url=database_url, MMSG_RULES=str(one)).json()
    assert found["rules"]["source"] == str(one)
    found = run_here(*args, "--rules", two, url=database_url, MMSG_RULES=str(one)).json()
    assert found["rules"]["source"] == str(two)
    assert audit(database_url, "--user", "u_1", "--template", "WELCOME_EMAIL")["rules"]["source"] == "shipped"


@pytest.mark.parametrize("args", [["nobody"], ["--row", "7"], ["--user", "nobody"]])
@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json", "--quiet"]])
def test_not_found_is_4(database_url: str, args: list[str], options: list[str]) -> None:
    """One line on standard error, quiet or not; standard output has JSON or nothing."""
    done = run_here("audit", *args, *options, url=database_url)
    assert done.exit_code == 4
    assert done.stderr.startswith("mmsg: ")
    assert done.stderr.count("\n") == 1
    assert bool(done.stdout) == ("--json" in options)


def test_an_id_of_several_users_lists_them(database_url: str) -> None:
    """The list is what was asked for; one line says how to pick, and the exit code that nothing was explained."""
    store(database_url, signup(), signup(user_id="u_2"), signup(user_id="u_3", event_type="other"))
    done = run_here("audit", "signup", "--quiet", url=database_url)
    assert done.exit_code == 2
    assert done.stderr == "mmsg: 3 users have an event signup; pick one: add --user USER.\n"
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["User", "Type"],
        ["u_1", "signup_completed"],
        ["u_2", "signup_completed"],
        ["u_3", "other"],
    ]


def test_an_id_of_very_many_users(database_url: str) -> None:
    """Not all of them are listed, and it is said that there are more."""
    store(database_url, *(signup(user_id=f"u_{number}") for number in range(60)))
    found = audit(database_url, "signup", exit_code=2)
    assert len(found["candidates"]) == 50
    assert found["error"]["message"].startswith("more than 50 users have an event signup")


def test_quiet_still_prints_what_was_asked_for(database_url: str) -> None:
    """And nothing else."""
    store(database_url, signup(), failed_payment())
    for args in (["signup"], ["--user", "u_1", "--limit", "1"], ["--user", "u_1", "--template", "HIGH_RISK_ALERT"]):
        done = run_here("audit", *args, "--quiet", url=database_url)
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout


PAGE = """\
Event again

Event:
  event id:   again
  row:        3
  user:       u_1
  type:       payment_failed
  time:       2025-11-01T14:00:00Z
  stored at:  WHEN
  from:       standard input, line 3 (run 1)

As received:
  properties:
    {
      "failure_reason": "INSUFFICIENT_FUNDS",
      "attempt_number": null
    }
  user_traits:
    {}
  other fields:
    {
      "receivedAt": "later"
    }

Rules (version VERSION):
  [skip] insufficient_funds: INSUFFICIENT_FUNDS_EMAIL (email) suppressed at WHEN
         skipped INSUFFICIENT_FUNDS_EMAIL: already sent today at 13:00Z (event payment) [daily_cap_reached]
         insufficient_funds matched: properties.failure_reason is "INSUFFICIENT_FUNDS"
         blocked by request 2 for event payment of 2025-11-01T13:00:00Z
         [ok]   properties.failure_reason equals "INSUFFICIENT_FUNDS": found "INSUFFICIENT_FUNDS"
         next possible from 2025-11-02T00:00Z
  [no]   high_risk_alert: not matched, HIGH_RISK_ALERT (internal_alert) was not requested
         properties.attempt_number gte 3: found null [condition_false]
         [no]   properties.attempt_number gte 3: found null
         would have been requested with properties.attempt_number 3
"""


def test_the_page_of_an_event(database_url: str) -> None:
    """The event, where it came from, how it came, and each rule with its conditions."""
    properties = {"failure_reason": "INSUFFICIENT_FUNDS", "attempt_number": None}
    again = failed_payment(event_id="again", event_timestamp="2025-11-01T14:00:00Z", properties=properties)
    store(database_url, signup(), failed_payment(), again | {"receivedAt": "later"})
    found = audit(database_url, "again")
    page = audit_page(database_url, "again")
    for moment in (found["event"]["created_at"], found["decisions"][0]["decided_at"]):
        page = page.replace(moment, "WHEN")
    assert page.replace(found["decisions"][0]["rules_sha256"][:12], "VERSION") == PAGE


def test_the_page_of_an_answer(database_url: str) -> None:
    """The sentence first, then what it rests on."""
    store(database_url, signup(event_timestamp="2025-10-31T09:50:00Z"), link())
    lines = audit_page(database_url, "--user", "u_1", "--template", "BANK_LINK_NUDGE_SMS").splitlines()
    assert lines[:3] == ["BANK_LINK_NUDGE_SMS for user u_1", "", "Answer:"]
    assert lines[3] == (
        "  No: BANK_LINK_NUDGE_SMS was not requested for u_1, because link_bank_success link of 2025-11-01T12:00:00Z"
        " did not match: signup_completed signup came 26 h 10 m before; 24h allowed. [prior_event_outside_window]"
    )
    assert lines[-1].strip() == "would have been requested if signup_completed signup had come 2 h 10 m later"
    assert lines[-2] == (
        "         [no]   prior_event signup_completed within 24h, 2025-10-31T12:00:00Z to 2025-11-01T12:00:00Z: found"
        " signup of 2025-10-31T09:50:00Z, 26 h 10 m before (2 h 10 m too early)"
    )


def test_a_long_answer_shows_the_newest(database_url: str) -> None:
    """The page says how many there are before them; the JSON has them all."""
    days = [
        failed_payment(event_id=f"p{day:02}", event_timestamp=f"2025-11-{day:02}T10:00:00Z") for day in range(1, 26)
    ]
    store(database_url, *days)
    page = audit_page(database_url, "--user", "u_1", "--template", "HIGH_RISK_ALERT")
    assert "payment_failed p06 of" in page
    assert "payment_failed p05 of" not in page
    assert "... and 5 before these: --json shows them all." in page
    assert len(audit(database_url, "--user", "u_1", "--template", "HIGH_RISK_ALERT")["considered"]) == 25


def test_the_page_names_the_rules_version_where_several_decided(database_url: str, tmp_path: Path) -> None:
    """Each decision says which one was its own."""
    rules = nudge_rules(tmp_path)
    linked = make_event(event_id="linked", event_type="linked", event_timestamp="2025-11-01T12:00:00Z")
    store(database_url, linked, options=("--rules", rules))
    rules.write_text(
        rules.read_text() + "  - {name: x, on: linked, message: {template: X, channel: sms}, limit: none}\n"
    )
    change(database_url, "UPDATE events SET event_key = 'first'")
    store(database_url, linked, options=("--rules", rules))
    page = audit_page(database_url, "--user", "u_1", "--template", "NUDGE", "--rules", rules)
    assert page.count("by rules version") == 2


def naughty_ids() -> Iterator[str]:
    """A sample of the strings that can be ids, and all that terminals obey."""
    listed = json.loads(NAUGHTY.read_text(encoding="utf-8"))
    for text in [*listed[::40], *HOSTILE]:
        try:
            text.encode()
            yield read_id(text)
        except ValueError:
            continue


def test_hostile_text_is_shown_escaped(database_url: str) -> None:
    """Ids, types, keys and values of any kind: no page has a character that cannot be seen, and JSON loses nothing."""
    ids = list(dict.fromkeys(naughty_ids()))
    assert len(ids) > 12
    events = [
        link(event_id=text, user_id=text, properties={text: [text]}, user_traits={text: text}, **{f"x{text}": text})
        for text in ids
    ]
    bad = [signup(event_id=f"bad{text}", user_id=text, properties=[]) for text in ids]
    store(database_url, *events, *bad, exit_code=3)
    with open_database(database_url) as transactions:
        service, rules = AuditService(transactions), load_rules()
        for text in ids:
            found = service.explain_event(text, text)
            for answer in (found, service.timeline(text), service.answer(text, "BANK_LINK_NUDGE_SMS", rules)):
                page, shape = printed(answer, Output.TABLE), json.loads(printed(answer, Output.JSON))
                assert {char for char in page if unicodedata.category(char) in HIDDEN} == {"\n"}
                assert text in (shape.get("user_id"), shape.get("event", {}).get("user_id"))
            event = json.loads(printed(found, Output.JSON))["event"]
            assert (event["properties"], event["extra"]) == ({text: [text]}, {f"x{text}": text})


def printed(answer: Any, output: Output) -> str:
    """What standard output gets."""
    out = io.StringIO()
    render_audit(answer, output, Streams(out, io.StringIO()))
    return out.getvalue()


@pytest.mark.parametrize("text", ["\udcff", "a\0b"])
@pytest.mark.parametrize("args", [["{}"], ["x", "--user", "{}"], ["--user", "{}"], ["--user", "{}", "--template", "T"]])
def test_what_no_database_can_hold_is_not_found(database_url: str, text: str, args: list[str]) -> None:
    """Bytes that are no text, as a shell may pass them, are an id that nobody has."""
    error = audit(database_url, *(arg.format(text) for arg in args), exit_code=4)["error"]
    assert "no stored id has such characters" in error["message"]


def test_as_a_process(mmsg: Program, database_url: str, tmp_path: Path) -> None:
    """The same, run as cron would run it: answered, not found, and an id of several users."""
    del database_url
    mmsg("ingest", write_events(tmp_path / "events.ndjson", signup(), link(), signup(user_id="u_2")))
    done = mmsg("audit", "link", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.json()["decisions"][0]["outcome"] == "requested"
    assert [mmsg("audit", *args).exit_code for args in (["nobody"], ["signup"])] == [4, 2]
