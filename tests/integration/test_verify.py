"""`mmsg verify` on both databases: what the program stored is reproduced, what somebody changed is found and named."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from marketing_cli.domain.events import EventFacts
from marketing_cli.errors import NotFound, UsageError
from marketing_cli.repositories import pieces
from marketing_cli.schemas.rules import Rule
from marketing_cli.schemas.verify import VerifyReport
from marketing_cli.services import engine, verify_user
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import evaluate
from marketing_cli.services.verify import verify_request
from support.databases import Databases, PostgresDatabases, SqliteDatabases
from support.deciding import make_rule, prior, rules_text
from support.events import make_event, write_events
from support.ingesting import generated_file, ingest, query, stored_lines, wait_until
from support.program import Program
from support.verifying import past, tamper, verify

pytestmark = pytest.mark.faults  # slow

COLUMNS = "user_id, event_timestamp, template_name, channel, reason, run_id, rules_version_id"


@pytest.fixture(scope="module")
def pasts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A history with late facts, an archive and changing rules, made once for each kind of database, to be copied."""
    folder, urls, made = tmp_path_factory.mktemp("past"), dict[str, str](), list[Databases]()

    def of_kind(kind: str) -> str:
        if kind not in urls:
            databases: Databases = SqliteDatabases(folder)
            if kind == "postgresql":
                databases = PostgresDatabases(request.getfixturevalue("postgres_url"))
            made.append(databases)
            urls[kind] = databases.create(request.getfixturevalue(f"migrated_{kind}"))
            past(urls[kind], folder)
        return urls[kind]

    yield of_kind
    for databases in made:
        databases.drop_all()


@pytest.fixture
def url(databases: Databases, database_kind: str, pasts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The test's own copy of that history; read two rows at a time."""
    monkeypatch.setattr(pieces, "_MOST", 2)
    return databases.create(pasts(database_kind))


def forged(table: str, event_id: int, rule: str, like: int) -> str:
    """One more decision on an event, otherwise like a send request that is there, but for its window."""
    own = {"send_requests": "status", "suppressions": "reason_code, suppression_reason, blocking_request_id"}[table]
    values = "status" if table == "send_requests" else "'already_sent_once_ever', 'forged', 1"
    return (
        f"INSERT INTO {table} (id, event_id, caused_by_event_id, dedup_window, rule_name, {COLUMNS}, {own})"  # noqa: S608
        f" SELECT 50, {event_id}, {event_id}, 'x', '{rule}', {COLUMNS}, {values} FROM send_requests WHERE id = {like}"
    )


def told(report: VerifyReport) -> list[str]:
    """The differences, each in a line."""
    return [f"{d.kind.value} | {d.about} | {d.stored} | {d.now} | {d.condition}" for d in report.differences]


def test_what_the_program_stored_is_reproduced(url: str) -> None:
    """Several runs, rules that changed, an archive, a fact that came late: nothing differs, and the books balance."""
    report = verify(url)
    assert (report.status.value, report.exit_code, told(report)) == ("reproduced", 0, [])
    looked, books = report.verified, report.books
    assert (looked.users, looked.events, looked.requests, looked.suppressions) == (4, 12, 9, 5)
    assert (looked.without_event, looked.rules_versions) == (0, 3)
    assert books is not None
    assert (books.runs, books.lines, books.new, books.duplicate, books.rejected) == (9, 18, 12, 3, 3)
    assert (books.matches, books.send_requests, books.suppressions) == (14, 9, 5)


EARLIER, LATER = "substr(sha256, 1, 8) = '14528218'", "substr(sha256, 1, 8) = '429928a1'"
WELCOME, FUNDS, NUDGE = (
    "welcome_email (WELCOME_EMAIL) on event ",
    "insufficient_funds (",
    "nudge (NUDGE) on event late_1",
)
EVENT_1, EVENT_3, LATE_RULES = "signup_completed evt_1: its ", "payment_failed evt_3: ", "rules 429928a14a12"
BALANCE = ("books that balance", "None")

TAMPERED = {
    "a request deleted": (
        "DELETE FROM send_requests WHERE id = 2",
        ("decision", FUNDS, "nothing", "a send request", "insufficient_funds matched: properties.failure_reason is"),
    ),
    "a late request deleted": (
        "DELETE FROM send_requests WHERE id = 6",
        ("decision", NUDGE, "nothing", "a send request", "nudge matched: signup late_3 came 26 h before (48h allowed)"),
    ),
    "a suppression deleted": (
        "DELETE FROM suppressions WHERE id = 3",
        (
            "decision",
            "failed (FAILED) on event late_4",
            "nothing",
            "a suppression (daily_cap_reached): skipped FAILED: a",
        ),
    ),
    "a suppression forged on a requested event": (
        forged("suppressions", 1, "welcome_email", 1),
        (
            "decision",
            WELCOME,
            "suppression 50 (already_sent_once_ever): forged",
            "nothing: the rule matched, and",
            "None",
        ),
    ),
    "a suppression forged on an event that did not match": (
        forged("suppressions", 4, "high_risk_alert", 3),
        (
            "decision",
            "high_risk",
            "suppression 50 (",
            "not matched",
            "properties.attempt_number gte 3: it is not there",
        ),
    ),
    "a request forged by a rule that was not there": (
        forged("send_requests", 12, "second", 5),
        (
            "decision",
            "second (FAILED) on event late_7",
            "send request 50 (requested): ",
            "nothing: the rules of then had",
        ),
    ),
    "a request turned into a suppression": (
        f"{forged('suppressions', 1, 'welcome_email', 1)}; DELETE FROM send_requests WHERE id = 1",  # noqa: S608
        (
            "decision",
            f"{WELCOME}evt_1",
            "suppression 50 (already_sent",
            "a send request",
            "welcome_email matched: user_",
        ),
    ),
    "an event's time": (
        "UPDATE events SET event_timestamp = '2025-11-02 10:41:00.000000' WHERE id = 3",
        ("event", f"{EVENT_3}its user, type, time (2025-11-02T10:41:00Z), properties or traits", "content hash 418c"),
    ),
    "a request's time": (
        "UPDATE send_requests SET event_timestamp = '2025-11-02 10:41:00.000000' WHERE id = 2",
        ("decision", FUNDS, "2025-11-02T10:41:00Z", "2025-11-01T10:41:00Z", "insufficient_funds matched: "),
    ),
    "a property": (
        """UPDATE events SET properties = '{"amount":12.5,"attempt_number":2,"failure_reason":"x"}' WHERE id = 3""",
        ("event", f"{EVENT_3}its user, type, time (2025-11-01T10:41:00Z), properties or traits", "content hash 418c"),
    ),
    "a property's column": (
        "UPDATE event_properties SET amount = 13 WHERE event_id = 3",
        ("projection", f"{EVENT_3}event_properties.amount", "13.0", "12.5", "None"),
    ),
    "all columns of properties": (
        "DELETE FROM event_properties WHERE event_id = 3",
        ("projection", f"{EVENT_3}its row of event_properties", "no row", "a row", "None"),
    ),
    "a consent": (
        "UPDATE user_traits SET marketing_opt_in = false WHERE event_id = 1",
        ("event", f"{EVENT_1}user, type, time (2025-11-01T10:00:00Z), properties or traits", "content hash 9356"),
    ),
    "a trait moved out of its column": (
        """UPDATE user_traits SET extra = '{"email":"b@example.com","z":[1]}', email = NULL WHERE event_id = 8""",
        ("projection", "signup late_3: user_traits.email", "nothing", "b@example.com", "None"),
    ),
    "all traits": (
        "DELETE FROM user_traits WHERE event_id = 1",
        ("event", f"{EVENT_1}user, type, time (2025-11-01T10:00:00Z), properties or traits", "content hash 9356"),
    ),
    "the rules' text": (
        f"UPDATE rules_versions SET text = replace(text, '48h', '25h') WHERE {LATER}",  # noqa: S608
        ("rules", LATE_RULES, "SHA-256 429928a14a129d1a", "its text has the SHA-256 171d02426d4c3f1e", "None"),
    ),
    "the rules' text, beyond reading": (
        f"UPDATE rules_versions SET text = 'hidden words' WHERE {LATER}",  # noqa: S608
        ("rules", LATE_RULES, "SHA-256 429928a14a129d1a", "its text has the SHA-256 ", "None"),
    ),
    "the rules' name": (
        f"UPDATE rules_versions SET sha256 = 'ff' WHERE {EARLIER}",  # noqa: S608
        ("rules", "rules ff", "SHA-256 ff", "its text has the SHA-256 14528218d436", "None"),
    ),
    "the rules in force": (
        f"UPDATE rules_versions SET in_force = '[]' WHERE {LATER}",  # noqa: S608
        ("rules", LATE_RULES, "other enabled rules", "those of its text", "None"),
    ),
    "a cause, to another event": (
        "UPDATE send_requests SET caused_by_event_id = 9 WHERE id = 6",
        ("decision", f"{NUDGE}: caused_by_event_id", "9", "8", "nudge matched: signup late_3 came 26 h before"),
    ),
    "a cause, to an earlier event": (
        "UPDATE send_requests SET caused_by_event_id = 1 WHERE id = 2",
        ("decision", f"{FUNDS}INSUFFICIENT_FUNDS_EMAIL) on event evt_3: caused_by_event_id", "1", "3", "insufficient"),
    ),
    "a cause, to none": (
        "UPDATE suppressions SET caused_by_event_id = 99 WHERE id = 1",
        ("decision", f"{WELCOME}evt_2: caused_by_event_id", "99", "2", "welcome_email matched: "),
    ),
    "a late decision made early": (
        "UPDATE send_requests SET caused_by_event_id = 7 WHERE id = 6",
        ("decision", f"{NUDGE}", "", "", ""),
    ),
    "a blocking request": (
        "UPDATE suppressions SET blocking_request_id = 6 WHERE id = 3",
        ("decision", "failed (FAILED) on event late_4: blocking_request_id", "6", "5", "failed matched: "),
    ),
    "a status": (
        "UPDATE send_requests SET status = 'requested' WHERE id = 4",
        ("decision", f"{WELCOME}evt_5: status", "requested", "historical", "welcome_email matched: "),
    ),
    "a template": (
        "UPDATE suppressions SET template_name = 'OTHER' WHERE id = 4",
        ("decision", "second (SECOND) on event late_5: template_name", "OTHER", "SECOND", "second matched: "),
    ),
    "a reason": (
        "UPDATE suppressions SET suppression_reason = 'because' WHERE id = 4",
        ("decision", "second (SECOND) on event late_5: suppression_reason", "because", "skipped SECOND: already sent"),
    ),
    "a request's user": (
        "UPDATE send_requests SET user_id = 'u_x' WHERE id = 4",
        ("decision", f"{WELCOME}evt_5", "nothing", "a send request", "welcome_email matched: "),
    ),
    "an event's run": (
        "UPDATE events SET run_id = 8, input_id = 8 WHERE id = 12",
        ("decision", "", ""),
    ),
    "an event's run, which makes no difference to it": (
        "UPDATE events SET run_id = 7 WHERE id = 6",
        ("books", "the books", "events of another run than their input: row 6", *BALANCE),
    ),
    "the user of no traits": (
        "UPDATE user_traits SET user_id = 'u_x' WHERE event_id = 3",
        ("books", "the books", "user_traits of another user than their event: row 3", *BALANCE),
    ),
    "whether a run was a backfill": (
        "UPDATE runs SET backfill = false WHERE id = 2",
        ("decision", f"{WELCOME}evt_5: status", "historical", "requested", "welcome_email matched: "),
    ),
    "an event deleted": (
        "DELETE FROM events WHERE id = 2",
        (
            "decision",
            f"{WELCOME}that is not there",
            "suppression 1 (already_sent_once_ever): ",
            "nothing: this user has",
        ),
    ),
    "a run deleted": (
        "DELETE FROM runs WHERE id = 2",
        ("event", "signup_completed evt_5: the run that brought it", "run 2", "no such run", "None"),
    ),
    "a rules version deleted": (
        f"DELETE FROM rules_versions WHERE {EARLIER}",  # noqa: S608
        ("rules", "rules version ", "runs that had it", "no such version", "None"),
    ),
    "a run's lines": (
        "UPDATE runs SET lines = lines + 1 WHERE id = 1",
        ("books", "the books", "the lines of run 1 do not add up", *BALANCE),
    ),
    "a run's requests": (
        "UPDATE runs SET send_requests = send_requests + 1 WHERE id = 8",
        ("books", "the books", "send requests: 1 missing and 0 too many, of run 8", *BALANCE),
    ),
    "a rejected line deleted": (
        "DELETE FROM rejects WHERE id = 1",
        ("books", "the books", "rejected lines: 2 are kept and 3 were counted", *BALANCE),
    ),
}


@pytest.mark.parametrize(("statements", "first"), TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_changed_is_found_and_named(url: str, statements: str, first: Sequence[str]) -> None:
    """The first difference says what was stored, what comes out now, and by which condition."""
    tamper(url, *statements.split("; "))
    report = verify(url)
    assert (report.status.value, report.exit_code) == ("differs", 8)
    found = told(report)[0].split(" | ")
    assert [part[: len(words)] for part, words in zip(found, first, strict=False)] == list(first)
    assert report.differences_found == len(report.differences)
    assert "hidden words" not in report.model_dump_json()


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (
            "DELETE FROM send_requests WHERE id = 6",
            ["nudge (NUDGE) on event late_1", "send requests: 1 missing and 0 too many, of run 7"],
        ),
        (
            f"UPDATE rules_versions SET text = replace(text, '48h', '25h') WHERE {LATER}",  # noqa: S608
            ["429928a14a12", "event late_1", "event late_6", "matches of run 7", "matches of run 8"],
        ),
        (
            "UPDATE user_traits SET marketing_opt_in = false WHERE event_id = 1",
            ["signup_completed evt_1", "event evt_1 | send request 1", "matches of run 1"],
        ),
        (
            "UPDATE suppressions SET event_id = NULL WHERE id = 3",
            ["failed (FAILED) on event late_4", "failed (FAILED) on event that is not there | suppression 3"],
        ),
    ],
)
def test_one_change_is_not_told_over_and_over(url: str, statement: str, wanted: list[str]) -> None:
    """What follows from it in the user's history goes on from what is stored."""
    tamper(url, statement)
    found = told(verify(url))
    assert len(found) == len(wanted)
    assert [words for words, line in zip(wanted, found, strict=True) if words not in line] == []


def test_a_change_is_found_by_what_it_touches_alone(url: str) -> None:
    """The event, its user and the time since see it; other events and users do not."""
    tamper(url, "UPDATE send_requests SET reason = 'because' WHERE id = 6")
    assert verify(url, "late_1").differences_found == 1
    assert verify(url, "late_3").differences_found == 1, "it caused the decision"
    assert verify(url, "late_3").verified.requests == 1
    assert verify(url, user="u_late").differences_found == 1
    assert verify(url, "late_1", user="u_late").differences_found == 1
    assert verify(url, since="1h").differences_found == 1
    for report in (verify(url, "late_2"), verify(url, user="u_1"), verify(url, "late_4")):
        assert (report.differences_found, report.books, report.verified.events > 0) == (0, None, True)


def test_it_decides_by_what_ingest_decides_by(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the engine matches nothing any more, nothing that was decided comes out again."""

    def nothing(rule: Rule, event: EventFacts, history: History, _cause: EventFacts) -> engine.Verdict:
        return engine.Verdict(evaluate(rule, event, history), None)

    monkeypatch.setattr(engine, "decide", nothing)
    report = verify(url)
    assert [found.stored.split()[0] for found in report.differences if found.kind.value == "decision"].count(
        "send"
    ) == 9
    assert report.books is not None
    assert report.books.matches == 0


def test_since_takes_what_came_before_as_it_is_stored(url: str) -> None:
    """By when events were stored; what was decided on earlier arrivals is not looked at, and still counts."""
    tamper(
        url,
        "UPDATE events SET created_at = '2025-12-01 00:00:00' WHERE id < 10",
        "UPDATE send_requests SET reason = 'because' WHERE id = 7",
    )
    report = verify(url, since="2025-12-02T00:00:00Z")
    assert (report.differences_found, report.verified.users, report.verified.events) == (0, 1, 3)
    assert (report.verified.requests, report.verified.suppressions) == (2, 2)
    assert report.books is not None
    assert report.books.matches is None
    assert verify(url, since="2025-12-01T00:00:00Z").differences_found == 1
    assert verify(url, user="u_late", since="2025-12-02T00:00:00Z").verified.events == 3


GONE = "replace(suppression_reason, 'event evt_1', 'its event is no longer stored')"


def test_decisions_of_deleted_events_count_and_are_not_decided_again(url: str) -> None:
    """The event goes with its columns, as the tables have it; what it used up stays used up."""
    tamper(
        url,
        "DELETE FROM event_properties WHERE event_id = 1",
        "DELETE FROM user_traits WHERE event_id = 1",
        "UPDATE send_requests SET event_id = NULL WHERE id = 1",
        "DELETE FROM events WHERE id = 1",
        f"UPDATE suppressions SET suppression_reason = {GONE} WHERE id = 1",  # noqa: S608
    )
    report = verify(url)
    assert (report.verified.without_event, report.notes[0][:12]) == (1, "1 decision c")
    (line,) = told(report)
    assert line.startswith("books | the books | events: 1 missing and 0 too many, of run 1 | books that balance. ")
    assert "run `mmsg doctor`" in line


FORGED = {
    "on no event, caused by one that is there": (
        forged("send_requests", 4, "welcome_email", 1).replace("50, 4, 4, 'x'", "50, NULL, 4, 'ever2'"),
        "event 4, which caused it, is another user's",
    ),
    "on no event, caused by the user's own": (
        forged("send_requests", 1, "welcome_email", 1).replace("50, 1, 1, 'x'", "50, NULL, 1, 'ever2'"),
        "the books miss no event that it could have been decided on",
    ),
    "caused by nothing that is missing": (
        forged("send_requests", 1, "welcome_email", 1).replace("50, 1, 1, 'x'", "50, NULL, 99, 'ever2'"),
        "the books of run 1 miss no event that could have caused it",
    ),
}
GIVES_AWAY = {
    "rules_version_id = 2": "run 1 had other rules",
    "run_id = 2": "run 2 ",
    "status = 'historical'": "run 1 was not a backfill",
    "rule_name = 'other'": "no enabled rule of this name",
    "template_name = 'OTHER'": "the rule of then has WELCOME_EMAIL",
    "channel = 'sms'": "the rule of then has email",
    "dedup_window = 'day:2025-11-01'": "its window is not the one of the rule's limit",
    "caused_by_event_id = 2": "is stored, and is none that the rule waits for",
    "user_id = 'nobody'": None,
}


@pytest.mark.parametrize(("statement", "words"), FORGED.values(), ids=FORGED.keys())
def test_a_request_forged_without_an_event_is_not_taken_for_one_whose_event_was_deleted(
    url: str, statement: str, words: str
) -> None:
    """Though its run's count of requests was raised with it."""
    tamper(url, statement, "UPDATE runs SET send_requests = send_requests + 1 WHERE id = 1")
    report = verify(url)
    assert (report.exit_code, report.verified.without_event) == (8, 0)
    (line,) = [line for line in told(report) if " | send request 50 " in line]
    assert words in line


@pytest.mark.parametrize(("change", "words"), GIVES_AWAY.items())
def test_what_is_left_of_a_deleted_event_must_fit_the_rules_of_then(url: str, change: str, words: str | None) -> None:
    """What can be known is checked; whose it was cannot."""
    tamper(
        url,
        "DELETE FROM event_properties WHERE event_id = 1",
        "DELETE FROM user_traits WHERE event_id = 1",
        f"UPDATE send_requests SET event_id = NULL, {change} WHERE id = 1",  # noqa: S608
        "DELETE FROM events WHERE id = 1",
    )
    found = [line for line in told(verify(url)) if "on event that is not there" in line]
    assert [words is not None and words in line for line in found] == ([] if words is None else [True])


def test_a_suppression_may_still_name_an_event_that_was_deleted_since(url: str) -> None:
    """It was written when the event was there."""
    tamper(
        url,
        "DELETE FROM event_properties WHERE event_id = 1",
        "DELETE FROM user_traits WHERE event_id = 1",
        "UPDATE send_requests SET event_id = NULL WHERE id = 1",
        "DELETE FROM events WHERE id = 1",
    )
    assert [found.kind.value for found in verify(url).differences] == ["books"]
    tamper(
        url, "UPDATE suppressions SET suppression_reason = replace(suppression_reason, '10:00', '10:01') WHERE id = 1"
    )
    assert [found.column for found in verify(url).differences] == ["suppression_reason", None]


def test_a_user_without_events_is_counted(url: str) -> None:
    """Their decisions are in the books, and nothing else is known of them."""
    tamper(
        url,
        "UPDATE send_requests SET event_id = NULL WHERE id = 4",
        "DELETE FROM event_properties WHERE event_id = 5",
        "DELETE FROM user_traits WHERE event_id = 5",
        "DELETE FROM events WHERE id = 5",
    )
    report = verify(url)
    assert (report.verified.without_event, report.verified.requests) == (1, 9)
    assert report.books is not None
    assert (report.books.matches, report.differences_found) == (14, 1)


def test_rules_that_this_program_refuses_are_a_difference_and_no_failure(url: str) -> None:
    """What they decided counts for what came after, and is not decided again."""
    sha256 = hashlib.sha256(b"never rules").hexdigest()
    tamper(url, f"UPDATE rules_versions SET text = 'never rules', sha256 = '{sha256}' WHERE {EARLIER}")  # noqa: S608
    report = verify(url)
    assert [line.split(" | ")[3][:31] for line in told(report)] == ["this program cannot read them: "]
    assert report.books is not None
    assert report.books.matches == 14


def test_what_is_not_there_is_not_found(url: str) -> None:
    """As audit has it."""
    for event_id, user in (("evt_77", None), ("evt_1", "u_2"), (None, "u_77"), ("a\0b", None), (None, "a\0b")):
        with pytest.raises(NotFound):
            verify(url, event_id, user=user)
    assert verify(url, user="u_9").verified.events == 0, "known by a rejected line alone"


@pytest.mark.parametrize(
    ("event_id", "user", "since", "everything", "words"),
    [
        (None, None, None, False, "say what to verify"),
        ("evt_1", None, None, True, "--all is everything"),
        (None, "u_1", None, True, "--all is everything"),
        (None, None, "1h", True, "--all is everything"),
        ("evt_1", None, "1h", False, "leave out --since"),
        (None, None, "yesterday", False, "--since"),
    ],
)
def test_what_is_not_one_question_is_refused(
    event_id: str | None, user: str | None, since: str | None, everything: bool, words: str
) -> None:
    """The sentence says what to give instead."""
    with pytest.raises(UsageError, match=words):
        verify_request(event_id=event_id, user=user, since=since, everything=everything, limit=None)


def test_an_id_of_several_users_means_all_of_them(database_url: str, tmp_path: Path) -> None:
    """Unless --user picks one; with too many of them it must."""
    events = [make_event(event_id="evt_1", user_id=f"u_{number}") for number in range(51)]
    ingest(database_url, write_events(tmp_path / "two.ndjson", *events[:2]))
    assert verify(database_url, "evt_1").verified.users == 2
    assert verify(database_url, "evt_1", user="u_0").verified.users == 1
    ingest(database_url, write_events(tmp_path / "all.ndjson", *events))
    with pytest.raises(UsageError, match="--user"):
        verify(database_url, "evt_1")


def test_many_differences_of_one_user_take_no_time_each(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows is decided from what is stored a few times only, and the differences shown are limited."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(rules_text(make_rule("A", on="link", when=[prior("signup", "24h")], limit="once_ever")))
    events = [
        make_event(event_id=f"e_{n}", event_type=("signup", "link")[n % 2], event_timestamp=f"2025-11-01T10:{n:02}:00Z")
        for n in range(60)
    ]
    ingest(database_url, "--rules", rules, write_events(tmp_path / "events.ndjson", *events))
    tamper(database_url, "UPDATE rules_versions SET text = replace(text, '24h', '1s')")
    monkeypatch.setattr(verify_user, "_MOST_LOOKS", 5)
    report = verify(database_url)
    decisions = [found for found in report.differences if found.kind.value == "decision"]
    assert [found.now for found in decisions].count("not matched") == 5
    assert len(decisions) == 30
    assert len(verify(database_url, everything=True, limit=3).differences) == 3


@pytest.mark.parametrize("delays", [False, True])
def test_a_run_at_work_is_not_disturbed_and_what_it_stores_meanwhile_is_left_out(
    database_url: str, tmp_path: Path, delays: bool
) -> None:
    """Asked again and again while batches are stored: nothing ever differs, and the run ends well."""
    path = generated_file(tmp_path / "events.ndjson", 3_000)
    program, times = Program(tmp_path, database_url), 0
    with program.start("ingest", path, "--batch-size", "40", "--busy-timeout", "20") as process:
        wait_until(lambda: stored_lines(database_url) > 300)
        while process.poll() is None:
            report = verify(database_url, since="1h") if delays else verify(database_url)
            assert told(report) == []
            times += 1
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    assert times
    assert query(database_url, "SELECT status, new FROM runs") == [("ok", 3000)]
