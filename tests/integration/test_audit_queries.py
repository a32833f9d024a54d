"""What `mmsg audit` asks of the database: few statements, each answered from an index, however much is stored."""

from pathlib import Path

import pytest
from sqlalchemy import text

from marketing_cli.database.sessions import open_database
from marketing_cli.repositories.audit import hold_snapshot
from marketing_cli.services.history import History
from support.auditing import audit, failed_payment, link, nudge_rules, signup, store
from support.databases import only_postgresql
from support.ingesting import run_here
from support.plans import plan, scans, statements

QUESTIONS = [
    ["signup", "--user", "u_1"],
    ["signup"],
    ["link"],
    ["again"],
    ["linked"],
    ["bad"],
    ["nobody"],
    ["nobody", "--user", "u_1"],
    ["--row", "1"],
    ["--row", "99"],
    ["--user", "u_1"],
    ["--user", "u_1", "--limit", "1"],
    ["--user", "u_1", "--limit", "0"],
    ["--user", "nobody"],
    ["--user", "u_1", "--template", "WELCOME_EMAIL"],
    ["--user", "u_1", "--template", "BANK_LINK_NUDGE_SMS"],
    ["--user", "u_1", "--template", "INSUFFICIENT_FUNDS_EMAIL"],
    ["--user", "u_1", "--template", "NUDGE"],
    ["--user", "u_2", "--template", "WELCOME_EMAIL"],
]


TEMPLATES = 3
"""That have a limit, in the shipped rules."""


@pytest.fixture
def stored(database_url: str, tmp_path: Path) -> str:
    """A database where each kind of question finds something."""
    again = failed_payment(event_id="again", event_timestamp="2025-11-01T14:00:00Z")
    bad = signup(event_id="bad", event_timestamp="yesterday")
    store(database_url, signup(), link(), failed_payment(), again, signup(user_id="u_2"), bad, exit_code=3)
    linked = link(event_id="linked", event_type="linked")
    store(database_url, linked, options=("--rules", nudge_rules(tmp_path)))
    store(database_url, signup(event_id="signed_up", event_type="signed_up"))
    return database_url


def test_no_question_reads_a_whole_table(stored: str) -> None:
    """Every table is searched by an index."""
    found = {}
    for question in QUESTIONS:
        with statements() as asked:
            run_here("audit", *question, url=stored)
        assert asked
        found[" ".join(question)] = scans(plan(stored, asked))
    assert {question: steps for question, steps in found.items() if steps} == {}


def test_a_whole_table_read_would_be_seen(stored: str) -> None:
    """The check above can fail."""
    assert scans(plan(stored, [("SELECT id FROM events WHERE line = 1", ())]))


@pytest.mark.parametrize(
    "question",
    [
        ["e0"],
        ["--user", "u_1"],
        ["--user", "u_1", "--limit", "0"],
        ["--user", "u_1", "--template", "BANK_LINK_NUDGE_SMS"],
        ["--user", "u_1", "--template", "HIGH_RISK_ALERT"],
    ],
)
def test_more_events_need_no_more_statements(database_url: str, question: list[str]) -> None:
    """The number of statements is that of the question, whatever the user's past."""
    store(database_url, link(event_id="e0"))
    with statements() as few:
        audit(database_url, *question)
    more = [
        make(event_id=f"{name}{day}", event_timestamp=f"2025-{month:02}-{day:02}T12:00:00Z")
        for make, name, month in ((link, "l", 9), (signup, "s", 8), (failed_payment, "p", 7))
        for day in range(1, 29)
    ]
    store(database_url, *more)
    with statements() as many:
        audit(database_url, *question)
    # Where something is found, what belongs to it is fetched: that is a few statements more, and two for each template
    # of which something was not requested; not one for each event.
    assert len(many) <= len(few) + 3 + 2 * TEMPLATES
    assert len(many) <= 20 + 2 * TEMPLATES


def test_an_event_fetches_its_neighbours_only(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a user's many signups only the last before a bank link and the first after it are read."""
    signups = [signup(event_id=f"s{day}", event_timestamp=f"2025-11-{day:02}T00:00:00Z") for day in range(1, 29)]
    store(database_url, *signups, link(event_timestamp="2025-11-15T06:00:00Z"))
    remembered: list[str] = []
    monkeypatch.setattr(History, "add_event", lambda _self, _user, _type, ref: remembered.append(ref.key))
    audit(database_url, "link")
    assert sorted(remembered) == ["s15", "s16"]


@only_postgresql
def test_all_queries_see_one_moment(database_url: str) -> None:
    """What a run commits meanwhile is not seen by half; nothing can be written, and nothing of this stays behind."""
    store(database_url, signup())
    with open_database(database_url) as transactions:
        with transactions() as session:
            hold_snapshot(session)
            before = session.scalar(text("SELECT count(*) FROM events"))
            store(database_url, link())
            assert session.scalar(text("SELECT count(*) FROM events")) == before == 1
            assert session.scalar(text("SHOW transaction_read_only")) == "on"
        with transactions() as session:
            assert session.scalar(text("SELECT count(*) FROM events")) == 2
            assert session.scalar(text("SHOW transaction_isolation")) == "read committed"
