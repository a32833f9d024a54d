"""Several writers at once: nobody misses what another is about to commit, and no limit is exceeded."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from marketing_cli.domain.slots import SLOTS, slot_of
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.locks import lock_users
from marketing_cli.services.event_processing import EventProcessingService
from support.databases import any_postgresql
from support.deciding import make_rule, prior
from support.events import make_event, write_events
from support.processing import Store, open_store
from support.program import Program

pytestmark = pytest.mark.faults  # slow

NUDGE = make_rule("NUDGE", name="nudge", on="link", when=[prior("signup", "24h")], limit="once_ever")
DAILY = make_rule("FUNDS", name="funds", limit="once_per_calendar_day")
SIGNUP = make_event(event_id="s", event_type="signup", event_timestamp="2025-11-01T10:00:00Z")
LINK = make_event(event_id="l", event_type="link", event_timestamp="2025-11-01T12:00:00Z")
PATIENCE = 30.0
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


def wait_until(happened: Callable[[], object]) -> None:
    """Looks again and again until it has happened; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def scalar(url: str, statement: Any) -> Any:
    """The one value that a statement finds, in a transaction of its own."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(statement).scalar_one()


@contextmanager
def held(store: Store, *events: dict[str, Any]) -> Iterator[None]:
    """A batch that has read and written everything, and commits when the block ends."""
    written, released = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        written.set()
        assert released.wait(PATIENCE)

    run = store.run(NUDGE)
    with ThreadPoolExecutor(1) as pool:
        batch = pool.submit(run.batch, *events, before_commit=hold)
        assert written.wait(PATIENCE)
        try:
            yield
        finally:
            released.set()
        batch.result(PATIENCE)


def waits_for_a_lock(url: str, other: Future[Any]) -> bool:
    """Whether the other batch waits for the first; it has had time enough to be done if it does not."""
    if make_url(url).get_backend_name() == "postgresql":
        wait_until(lambda: other.done() or scalar(url, WAITING))
    else:
        time.sleep(0.3)
    return not other.done()


def overlap(url: str, first: dict[str, Any], second: dict[str, Any], *, waits: bool = True) -> list[str]:
    """What is decided when the second event comes while the first is stored and not committed, and it waits or not."""
    with open_store(url) as one, open_store(url) as two, ThreadPoolExecutor(1) as pool:
        run = two.run(NUDGE)
        with held(one, first):
            other = pool.submit(run.batch, second)
            assert waits_for_a_lock(url, other) is waits
        other.result(PATIENCE)
        return one.decisions()


@pytest.mark.parametrize(
    ("first", "second", "nudge"), [(SIGNUP, LINK, "l nudge sent"), (LINK, SIGNUP, "l nudge sent by s")]
)
def test_two_transactions_at_once_find_the_nudge(
    database_url: str, first: dict[str, Any], second: dict[str, Any], nudge: str
) -> None:
    """The second waits for the first before it reads, and so each nudge is found, exactly once."""
    assert overlap(database_url, first, second) == [nudge]


@any_postgresql
@pytest.mark.parametrize(("first", "second"), [(SIGNUP, LINK), (LINK, SIGNUP)])
def test_without_the_locks_the_nudge_is_missed(
    database_url: str, first: dict[str, Any], second: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No constraint notices: this is what the locks are for, and the test above can fail."""
    monkeypatch.setattr("marketing_cli.services.event_processing.lock_users", lambda *_: None)
    assert overlap(database_url, first, second, waits=False) == []


@any_postgresql
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_the_servers_own_isolation_does_not_matter(database_url: str, level: str) -> None:
    """A snapshot taken before the lock would hide what the lock was waited for."""
    name = make_url(database_url).database
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{level}'")
    assert overlap(database_url, LINK, SIGNUP) == ["l nudge sent by s"]


@any_postgresql
def test_slots_are_taken_in_ascending_order(database_url: str) -> None:
    """A writer that waits for a high slot holds the lower ones already: nobody can wait in a circle."""
    low, high = sorted((slot_of("u_1"), slot_of("alice@example.com")))
    lock = text("SELECT pg_try_advisory_xact_lock(:slot)")
    with open_store(database_url) as store, store.transactions() as holder, ThreadPoolExecutor(1) as pool:
        assert holder.execute(lock, {"slot": high}).scalar_one()

        def lock_both() -> None:
            with store.transactions() as session:
                lock_users(session, ["alice@example.com", "u_1", "alice@example.com"])

        waiting = pool.submit(lock_both)
        wait_until(lambda: scalar(database_url, WAITING))
        assert not holder.execute(lock, {"slot": low}).scalar_one()
        holder.rollback()
        waiting.result(PATIENCE)
    assert scalar(database_url, text("SELECT pg_try_advisory_xact_lock(29) AND pg_try_advisory_xact_lock(191)"))


@any_postgresql
def test_a_batch_holds_one_lock_for_each_slot_of_its_users(database_url: str) -> None:
    """However many users there are; rejected lines lock nobody."""
    mine = text(
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() ORDER BY 1"
    )
    seen: list[list[int]] = []
    with open_store(database_url) as store:
        run = store.run()
        for users in (["u_1"], [], [f"u_{number}" for number in range(1000)]):
            events = [make_event(user_id=user) for user in users] + [make_event(event_type=None, user_id="u_9")]
            run.batch(*events, before_commit=lambda session, _: seen.append(list(session.scalars(mine))))
            assert seen[-1] == sorted({slot_of(user) for user in users})
    assert len(seen[-1]) > SLOTS / 2


def test_four_workers_race_for_daily_caps(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 users none gets two messages a day, each match has one decision, and no batch was refused on the way."""
    attempts: Counter[str] = Counter()
    original = EventProcessingService._attempt  # noqa: SLF001 - counted, not changed

    def attempt(*args: Any) -> Any:
        attempts["made"] += 1
        return original(*args)

    monkeypatch.setattr(EventProcessingService, "_attempt", attempt)

    def work(worker: int) -> int:
        rng = random.Random(worker)  # noqa: S311 - not a secret
        own = [failure(f"w{worker}-{number}", number) for number in range(100)]
        shared = [failure(f"all-{number}", number) for number in range(100)]
        events = rng.sample(own + shared, 200)
        with open_store(database_url) as store:
            return len(store.run(DAILY).batches(events, 20))

    with ThreadPoolExecutor(4) as pool:
        batches = sum(pool.map(work, range(4)))
    assert attempts["made"] == batches
    with open_store(database_url) as store:
        requests, suppressions = store.rows(SendRequest), store.rows(Suppression)
        assert len(store.rows(Event)) == 500
    assert Counter(row.user_id for row in requests) == {f"u_{number}": 1 for number in range(100)}
    decided = [row.event_id for row in requests] + [row.event_id for row in suppressions]
    assert len(decided) == len(set(decided)) == 500
    assert {row.blocking_request_id for row in suppressions} == {row.id for row in requests}


def failure(key: str, number: int) -> dict[str, Any]:
    """A failed payment of a numbered user, all on one day."""
    moment = f"2025-11-01T{number % 24:02}:00:00Z"
    return make_event(event_id=key, user_id=f"u_{number}", event_type="payment_failed", event_timestamp=moment)


def test_two_processes_at_once_find_every_nudge(mmsg: Program, database_url: str, tmp_path: Path) -> None:
    """One brings the signups, the other the bank links of the same 200 users, in small batches."""
    users = [f"u_{number}" for number in range(200)]
    signups = [make_event(event_id=f"s-{user}", user_id=user) for user in users]
    links = [
        make_event(
            event_id=f"l-{user}",
            user_id=user,
            event_type="link_bank_success",
            event_timestamp="2025-11-01T12:00:00Z",
        )
        for user in random.Random(7).sample(users, len(users))  # noqa: S311 - not a secret
    ]
    files = [write_events(tmp_path / "signups.ndjson", *signups), write_events(tmp_path / "links.ndjson", *links)]
    processes = [mmsg.start("ingest", "--batch-size", "10", file) for file in files]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    with open_store(database_url) as store:
        requests = store.rows(SendRequest)
        assert Counter((row.user_id, row.template_name) for row in requests) == {
            (user, template): 1 for user in users for template in ("WELCOME_EMAIL", "BANK_LINK_NUDGE_SMS")
        }
        assert store.rows(Suppression) == []
