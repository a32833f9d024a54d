"""What matches and what is requested does not depend on how events arrive; and is what a naive decider finds."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as listening
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.slots import Shard
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.services.engine import arrive
from marketing_cli.services.history import History
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.sources.discovery import find_inputs
from property.reference import Json, Match, Slot, expected
from property.strategies import Arrival, arrivals, event_sets, rule_lists
from support.databases import PostgresDatabases, SqliteDatabases
from support.deciding import facts, loaded, make_rule, prior, rule_set
from support.events import write_events
from support.processing import Store, open_store

Story: TypeAlias = tuple[list[Json], list[Json], list[Arrival]]
Found: TypeAlias = tuple[list[Match], list[Slot]]
"""The (event, rule) pairs decided and the windows that requests used, sorted, each as often as it was found."""

# Every example has users of its own, so that one database serves all.
numbers = count()


@st.composite
def stories(draw: st.DrawFn, most: int = 3) -> Story:
    """Rules, events, and several ways in which these can arrive."""
    events = draw(event_sets())
    return draw(rule_lists()), events, draw(st.lists(arrivals(events), min_size=1, max_size=most))


def wanted(rules: list[Json], events: list[Json]) -> Found:
    """What the naive decider finds, each once."""
    matches, slots = expected(rules, events)
    return sorted(matches), sorted(slots)


def engine_alone(rules: list[Json], arrival: Arrival) -> Found:
    """What the pure engine decides when these events arrive one by one."""
    known, history, firsts = rule_set(*rules), History(), dict[str, Json]()
    for delivery in arrival.deliveries:
        firsts.setdefault(delivery["label"], delivery)
    arriving = [facts(delivery, row) for row, delivery in enumerate(firsts.values(), 1)]
    decisions = [each.decision for event in arriving for each in arrive(known, event, history) if each.decision]
    requests = [decision for decision in decisions if decision.outcome is Outcome.REQUESTED]
    slots = [
        (made.event.user_id, made.rule.message.template, _window(made.window.name, made.event.extra["label"]))
        for made in requests
    ]
    return sorted((decision.event.extra["label"], decision.rule.name) for decision in decisions), sorted(slots)


def through_the_database(store: Store, rules: list[Json], arrival: Arrival) -> Found:
    """What is stored when these events arrive in batches, each file in a run of its own."""
    suffix = f"-{next(numbers)}"
    for file in arrival.files():
        run = store.run(*rules)
        for batch in file:
            run.batch(*(delivery | {"user_id": delivery["user_id"] + suffix} for delivery in batch))
    users = [user + suffix for user in {delivery["user_id"] for delivery in arrival.deliveries}]
    with store.transactions() as session:
        return _stored(session, users, suffix)


def through_shards(store: Store, rules: list[Json], arrival: Arrival, shards: list[Shard], folder: Path) -> Found:
    """What is stored when each of these shards reads all the files, one after the other, in runs as commands make."""
    suffix = f"-{next(numbers)}"
    paths = []
    for place, file in enumerate(arrival.files()):
        events = [delivery | {"user_id": delivery["user_id"] + suffix} for batch in file for delivery in batch]
        paths.append(str(write_events(folder / f"{place}{suffix}.ndjson", *events)))
    for shard in shards:
        options = IngestOptions(batch_size=arrival.batch_size, shard=shard)
        report = IngestService(store.transactions, loaded(*rules), options).run(find_inputs(paths))
        assert (report.status, report.totals.rejected) == ("ok", 0)
    users = [user + suffix for user in {delivery["user_id"] for delivery in arrival.deliveries}]
    with store.transactions() as session:
        return _stored(session, users, suffix)


def _stored(session: Session, users: list[str], suffix: str) -> Found:
    events = session.scalars(select(Event).where(Event.user_id.in_(users)))
    labels = {event.id: event.extra["label"] for event in events if event.extra}
    requests = session.scalars(select(SendRequest).where(SendRequest.user_id.in_(users))).all()
    suppressions = session.scalars(select(Suppression).where(Suppression.user_id.in_(users))).all()
    slots = [
        (row.user_id.removesuffix(suffix), row.template_name, _window(row.dedup_window, labels[row.event_id or 0]))
        for row in requests
    ]
    decided = [(made.event_id, made.rule_name) for made in requests]
    decided += [(held.event_id, held.rule_name) for held in suppressions]
    return sorted((labels[event_id or 0], rule_name) for event_id, rule_name in decided), sorted(slots)


def _window(name: str, label: str) -> str:
    """A window's name, with the event's label in place of its key."""
    return f"event:{label}" if name.startswith("event:") else name


# A second rule for the template and event, a signup that is late by exactly the window, two links of one moment.
RULES = [
    make_rule("A", name="r0", on="link", when=[prior("signup", "24h")]),
    make_rule("A", name="r1", on="link", when=[prior("link", "1h")]),
]
EVENTS: list[Json] = [
    {
        "label": label,
        "user_id": "u",
        "event_type": kind,
        "event_timestamp": f"{at}+00:00",
        "properties": {"place": place},
    }
    for place, (label, kind, at) in enumerate(
        [
            ("s", "signup", "2025-11-01T10:00:00"),
            ("l", "link", "2025-11-02T10:00:00"),
            ("m", "link", "2025-11-02T10:00:00"),
        ]
    )
]
WRITTEN: Story = (RULES, EVENTS, [Arrival([*reversed(EVENTS), EVENTS[0]], 2, 1), Arrival(EVENTS, 100, 100)])


def test_the_naive_decider_finds_what_was_worked_out_by_hand() -> None:
    """Both links match both rules, and each gets the template once."""
    matches, slots = wanted(RULES, EVENTS)
    assert matches == [("l", "r0"), ("l", "r1"), ("m", "r0"), ("m", "r1")]
    assert slots == [("u", "A", "event:l"), ("u", "A", "event:m")]


@settings(max_examples=1000)
@example(WRITTEN)
@given(stories(most=4))
def test_the_engine_does_not_mind_the_order(story: Story) -> None:
    """Any order gives the naive decider's matches, each decided once, and its requests."""
    rules, events, ways = story
    for arrival in ways:
        assert engine_alone(rules, arrival) == wanted(rules, events)


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: str) -> Iterator[Store]:
    """A database for many examples; what a power cut would do to it does not matter."""
    with open_store(SqliteDatabases(tmp_path_factory.mktemp("property")).create(migrated_sqlite)) as store:
        listening.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        yield store


@pytest.fixture(scope="module")
def postgresql_store(postgres_url: str, migrated_postgresql: str) -> Iterator[Store]:
    """Likewise on PostgreSQL."""
    databases = PostgresDatabases(postgres_url)
    with open_store(databases.create(migrated_postgresql)) as store:
        yield store
    databases.drop_all()


@pytest.fixture(scope="module")
def by_user_store(postgres_url: str, migrated_by_user: str) -> Iterator[Store]:
    """Likewise where the tables are spread by user."""
    databases = PostgresDatabases(postgres_url)
    with open_store(databases.create(migrated_by_user)) as store:
        yield store
    databases.drop_all()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@example(WRITTEN)
@given(stories())
def test_batches_on_sqlite_do_not_mind_order_size_or_files(sqlite_store: Store, story: Story) -> None:
    """However they are ordered, repeated and cut up, the same matches and requests are stored."""
    rules, events, ways = story
    for arrival in ways:
        assert through_the_database(sqlite_store, rules, arrival) == wanted(rules, events)


@st.composite
def shards_in_any_order(draw: st.DrawFn) -> list[Shard]:
    """The shards that share the users, one of them perhaps twice."""
    of = draw(st.integers(1, 4))
    shards = draw(st.permutations([Shard(index, of) for index in range(of)]))
    return shards + draw(st.lists(st.sampled_from(shards), max_size=1))


@pytest.mark.faults
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@example(WRITTEN, [Shard(1, 2), Shard(0, 2)])
@given(stories(most=1), shards_in_any_order())
def test_shards_do_not_change_what_is_stored(sqlite_store: Store, story: Story, shards: list[Shard]) -> None:
    """However many share the work, in whatever order they come to it, and if one of them comes again."""
    rules, events, ways = story
    with TemporaryDirectory() as folder:
        for arrival in ways:
            assert through_shards(sqlite_store, rules, arrival, shards, Path(folder)) == wanted(rules, events)


@pytest.mark.faults
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@example(WRITTEN)
@given(stories())
def test_batches_on_postgresql_do_not_mind_order_size_or_files(postgresql_store: Store, story: Story) -> None:
    """However they are ordered, repeated and cut up, the same matches and requests are stored."""
    rules, events, ways = story
    for arrival in ways:
        assert through_the_database(postgresql_store, rules, arrival) == wanted(rules, events)


@pytest.mark.faults
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@example(WRITTEN)
@given(stories())
def test_batches_on_tables_by_user_do_not_mind_order_size_or_files(by_user_store: Store, story: Story) -> None:
    """However they are ordered, repeated and cut up, the same matches and requests are stored."""
    rules, events, ways = story
    for arrival in ways:
        assert through_the_database(by_user_store, rules, arrival) == wanted(rules, events)
