"""One batch, one transaction: stored whole or not at all, decided again when the database refuses a row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from marketing_cli.domain.lines import RejectReason
from marketing_cli.errors import ConflictingDuplicate, MmsgError
from marketing_cli.models import (
    Base,
    Event,
    EventProperties,
    Reject,
    RulesVersion,
    SendRequest,
    Suppression,
    UserTraits,
)
from marketing_cli.repositories.decisions import SendRequestRepository
from marketing_cli.repositories.events import EventRepository
from marketing_cli.repositories.ledger import RulesVersionRepository
from marketing_cli.services.event_processing import EventProcessingService
from support.deciding import event_in, make_rule, parsed, prior
from support.events import make_event
from support.processing import Run, Store, open_store

WELCOME = make_rule("WELCOME", name="welcome", on="signup_completed", limit="once_ever")
EACH = make_rule("EACH", name="each", on="signup_completed")
SEND_REQUESTS = text("SELECT count(*) FROM send_requests")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The test's database, opened to be written to."""
    with open_store(database_url) as opened:
        yield opened


@pytest.fixture
def run(store: Store) -> Run:
    """A run that welcomes who signs up, once."""
    return store.run(WELCOME)


def empty(store: Store, *models: type[Base]) -> bool:
    """Whether these tables hold nothing."""
    return not any(store.rows(model) for model in models)


def test_process_event_returns_the_stored_event(store: Store, run: Run) -> None:
    """With its number, its projections and the moment it was stored, usable after the transaction."""
    event = make_event(
        event_timestamp="2025-11-01T15:30:00.25+05:30",
        properties={"amount": "12.50", "attempt_number": 3.0, "x": [1]},
        user_traits={"email": "a@example.com", "marketing_opt_in": True, "plan": "gold"},
        source="app",
    )
    stored = run.service.process_event(event_in(event))
    assert isinstance(stored, Event)
    assert (stored.id, stored.event_key, stored.user_id) == (1, "evt_1", "u_1")
    assert stored.event_timestamp == datetime(2025, 11, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    assert (stored.properties, stored.extra) == (event["properties"], {"source": "app"})
    assert stored.run_id == run.id
    assert abs(datetime.now(UTC) - stored.created_at) < timedelta(minutes=5)
    assert stored.event_properties is not None
    assert (stored.event_properties.amount, stored.event_properties.attempt_number) == (12.5, 3)
    assert stored.user_traits is not None
    assert (stored.user_traits.email, stored.user_traits.extra) == ("a@example.com", {"plan": "gold"})
    assert store.decisions() == ["evt_1 welcome sent"]


def test_process_event_returns_the_stored_event_for_a_duplicate(store: Store, run: Run) -> None:
    """The first delivery stays, with what came with it; nothing is decided again."""
    first = run.service.process_event(event_in(make_event(received_at="early")))
    again = run.service.process_event(
        event_in(make_event(event_timestamp="2025-11-01T11:00:00+01:00", properties=None, received_at="late"))
    )
    assert (again.id, again.extra) == (first.id, {"received_at": "early"})
    assert len(store.rows(Event)) == len(store.rows(SendRequest)) == 1
    assert empty(store, Suppression, Reject)


def test_process_event_raises_for_a_conflict_and_keeps_it_as_a_reject(store: Store, run: Run) -> None:
    """The first contents stay; the reject names the fields that differ, and none of their values."""
    run.service.process_event(event_in(make_event(properties={"amount": 1})))
    with pytest.raises(ConflictingDuplicate) as raised:
        run.service.process_event(event_in(make_event(properties={"amount": 4711}, event_type="other")))
    assert "4711" not in str(raised.value)
    (event,), (reject,) = store.rows(Event), store.rows(Reject)
    assert event.properties == {"amount": 1}
    assert (reject.reason, reject.run_id) == (RejectReason.CONFLICTING_DUPLICATE, run.id)
    assert (reject.user_id, reject.event_key, reject.event_type) == ("u_1", "evt_1", "other")
    assert reject.detail.endswith("differ: event_type, properties.amount")
    assert store.decisions() == ["evt_1 welcome sent"]


def test_the_same_id_of_another_user_is_another_event(store: Store, run: Run) -> None:
    """Both are stored, and both are welcomed."""
    for user in ("u_1", "u_2"):
        run.service.process_event(event_in(make_event(user_id=user)))
    assert [event.user_id for event in store.rows(Event)] == ["u_1", "u_2"]
    assert len(store.rows(SendRequest)) == 2


def test_an_event_object_given_twice_is_a_duplicate(store: Store, run: Run) -> None:
    """A program may hand over the very same object again."""
    (line,) = parsed([make_event()])
    outcome = run.service.process_batch([line, line])
    assert (len(outcome.new), outcome.duplicates) == (1, 1)
    assert len(store.rows(Event)) == 1


def test_a_batch_may_hold_nothing_or_nothing_good(store: Store, run: Run) -> None:
    """Then there is nothing to lock and nothing to decide."""
    assert run.batch().new == []
    assert [reject.reason for reject in run.batch(make_event(user_id=None)).rejects] == [RejectReason.MISSING_FIELD]
    assert empty(store, Event)
    assert len(store.rows(Reject)) == 1


def test_events_are_numbered_in_line_order(store: Store, run: Run) -> None:
    """Their numbers are the order of arrival; each knows its run, input and line."""
    keys = [f"e{number}" for number in (5, 3, 9, 1)]
    run.batch(*(make_event(event_id=key, user_id=key) for key in keys))
    events = store.rows(Event)
    assert [event.event_key for event in events] == keys
    assert [event.line for event in events] == [1, 2, 3, 4]
    assert {event.run_id for event in events} == {run.id}


def test_nothing_of_a_batch_stays_when_it_fails(store: Store, run: Run) -> None:
    """Not its events, decisions or rejects, though all of them had been written."""

    def fail(session: Session, _: object) -> None:
        assert session.scalars(SEND_REQUESTS).all() == [1]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run.batch(make_event(), make_event(user_id=None), before_commit=fail)
    assert empty(store, Event, SendRequest, Reject)
    run.batch(make_event())
    assert store.decisions() == ["evt_1 welcome sent"]


class Blind:
    """Makes a repository's look-up find nothing a number of times, as if somebody stored the rows just afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, repository: type, name: str, times: int) -> None:
        """Be blind on this method for so many calls."""
        self.calls = 0
        original = getattr(repository, name)

        def look(repository: object, *args: Any) -> Any:
            self.calls += 1
            return {} if self.calls <= times else original(repository, *args)

        monkeypatch.setattr(repository, name, look)


@pytest.mark.parametrize("times", [1, 4])
def test_a_refused_batch_is_decided_again(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The constraint, not the look-up, has the last word; what is then found decides, and is told as it is."""
    run.batch(make_event(event_id="a"))
    blind = Blind(monkeypatch, SendRequestRepository, "find_used", times)
    committed = []
    run.batch(make_event(event_id="b"), before_commit=lambda _, outcome: committed.append(outcome))
    assert blind.calls == times + 1
    assert len(committed) == 1
    assert store.decisions() == ["a welcome sent", "b welcome already_sent_once_ever"]
    (suppression,) = store.rows(Suppression)
    assert suppression.suppression_reason == "skipped WELCOME: already sent at 2025-11-01T10:00:00Z (event a)"


def test_a_batch_that_is_refused_five_times_is_given_up(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is stored: a refused row never becomes a suppression on the spot."""
    run.batch(make_event(event_id="a"))
    blind = Blind(monkeypatch, SendRequestRepository, "find_used", 100)
    with pytest.raises(MmsgError, match="refused a batch 5 times") as raised:
        run.batch(make_event(event_id="b"), make_event(event_id="c", user_id="u_2"), make_event(user_id=None))
    assert isinstance(raised.value.__cause__, IntegrityError)
    assert blind.calls == 5
    assert store.decisions() == ["a welcome sent"]
    assert len(store.rows(Event)) == 1
    assert empty(store, Reject)


def test_an_event_that_somebody_stored_meanwhile_is_found_the_second_time(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One identity is one event, even where the look-up missed it."""
    run.batch(make_event())
    blind = Blind(monkeypatch, EventRepository, "find_known", 1)
    assert run.batch(make_event(), make_event(event_id="b")).duplicates == 1
    assert blind.calls == 2
    assert store.decisions() == ["b welcome already_sent_once_ever", "evt_1 welcome sent"]


def test_another_failure_is_not_tried_again(store: Store, run: Run) -> None:
    """Only a refused row, or a transaction that the server gave up, is worth another attempt."""
    attempts = []

    def fail(session: Session, _: object) -> None:
        attempts.append(1)
        session.execute(text("SELECT no_such_column FROM events"))

    with pytest.raises(DBAPIError, match="no_such_column"):
        run.batch(make_event(), before_commit=fail)
    assert attempts == [1]
    assert empty(store, Event)


@pytest.mark.parametrize("by_mapper", [True, False])
def test_deleting_an_event_leaves_its_requests(store: Store, by_mapper: bool) -> None:
    """Its projections go with it; requests and suppressions stay, for no event, and still use up their limits."""
    run = store.run(WELCOME, EACH)
    run.batch(make_event(event_id="a", properties={"amount": 1}), make_event(event_id="b", properties={"amount": 2}))
    with store.transactions() as session:
        if by_mapper:
            for event in session.query(Event).all():
                session.delete(event)
        else:
            session.execute(delete(Event.__table__))  # type: ignore[arg-type]
    assert empty(store, Event, EventProperties, UserTraits)
    assert [row.event_id for row in store.rows(SendRequest)] == [None] * 3
    assert [row.event_id for row in store.rows(Suppression)] == [None]
    run.batch(make_event(event_id="c"), make_event(event_id="a", properties={"amount": 1}))
    told = {row.suppression_reason for row in store.rows(Suppression)[1:]}
    assert told == {
        "skipped WELCOME: already sent at 2025-11-01T10:00:00Z (its event is no longer stored)",
        "skipped EACH: already sent for this event at 2025-11-01T10:00:00Z (its event is no longer stored)",
    }


def test_suppressions_point_to_requests_of_their_own_batch(store: Store) -> None:
    """The number of the blocking request is right, in the batch that made it and after."""
    run = store.run(WELCOME, EACH)
    run.batch(*(make_event(event_id=key, user_id=user) for key, user in zip("abcd", "xyxy", strict=True)))
    run.batch(*(make_event(event_id=key, user_id=user) for key, user in zip("ef", "yx", strict=True)))
    welcomes = {row.user_id: row.id for row in store.rows(SendRequest) if row.rule_name == "welcome"}
    suppressions = store.rows(Suppression)
    assert len(suppressions) == 4
    assert all(row.blocking_request_id == welcomes[row.user_id] for row in suppressions)


def test_a_backfill_is_historical_and_uses_up_limits(store: Store) -> None:
    """Its requests are never handed on, and nothing is asked for a second time because of that."""
    store.run(WELCOME, backfill=True).batch(make_event(event_id="a"))
    store.run(WELCOME).batch(make_event(event_id="b"), make_event(event_id="c", user_id="u_2"))
    assert [row.status for row in store.rows(SendRequest)] == ["historical", "requested"]
    assert store.decisions() == ["a welcome sent", "b welcome already_sent_once_ever", "c welcome sent"]


def test_a_service_without_rules_stores_and_decides_nothing(store: Store) -> None:
    """Events of an unknown type are events all the same."""
    outcome = store.run().batch(make_event(), make_event(event_id="b", event_type="never_heard_of"))
    assert (len(outcome.new), outcome.decisions) == (2, [])
    assert len(store.rows(Event)) == 2


def test_rules_of_then_that_are_no_longer_accepted_stop_nothing(store: Store) -> None:
    """What was in force is kept beside the text, so that a late fact finds its event whatever became of the text."""
    nudge = make_rule(name="nudge", on="link", when=[prior("signup_completed", "24h")])
    store.run(nudge).batch(make_event(event_id="l", event_type="link"))
    with store.transactions() as session:
        session.execute(update(RulesVersion).values(text="timezone: Mars/Base"))
    store.run(nudge, WELCOME).batch(make_event(event_id="s"))
    assert "l nudge sent by s" in store.decisions()


def test_a_suppression_says_when_what_used_up_the_limit_came_from_an_archive(store: Store) -> None:
    """Nothing was sent then, and an operator must not believe so."""
    store.run(WELCOME, backfill=True).batch(make_event(event_id="a"), make_event(event_id="b"))
    store.run(WELCOME).batch(make_event(event_id="c"))
    texts = [row.suppression_reason for row in store.rows(Suppression)]
    assert all(text.endswith("(event a, an archive's: recorded, never sent)") for text in texts)
    assert len(texts) == 2


def test_numbers_are_not_used_again(store: Store) -> None:
    """A decision may outlive its event; the event that caused it must not become another one."""
    store.run(WELCOME).batch(make_event(event_id="a"))
    with store.transactions() as session:
        (gone,) = session.scalars(select(Event.id))
        session.execute(delete(Event))
    store.run(WELCOME).batch(make_event(event_id="b"))
    assert [row.id for row in store.rows(Event)] > [gone]


def test_a_rule_version_of_then_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a rule looked at a stored event is asked of each version, not of each event."""
    nudge = make_rule(name="nudge", on="link", when=[prior("signup_completed", "24h")])
    store.run(nudge).batch(*(make_event(event_id=f"l{n}", user_id=f"u_{n}", event_type="link") for n in range(20)))
    asked: list[int] = []
    original = RulesVersionRepository.get_in_force

    def get_in_force(repository: RulesVersionRepository, version_id: int) -> frozenset[tuple[str, str]]:
        asked.append(version_id)
        return original(repository, version_id)

    monkeypatch.setattr(RulesVersionRepository, "get_in_force", get_in_force)
    service: EventProcessingService = store.run(nudge, WELCOME).service
    for start in (0, 10):
        service.process_batch(parsed(make_event(event_id="s", user_id=f"u_{n}") for n in range(start, start + 10)))
    assert len(asked) == 1
    assert sum(text.endswith("nudge sent by s") for text in store.decisions()) == 20
