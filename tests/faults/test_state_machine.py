"""Any sequence of runs, deaths, failures, overlaps, jumps of the clock and changes of the rules keeps every promise."""

import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeAlias

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from faults.sizes import size
from faults.truths import Held, problems
from faults.unreliable import KINDS, Attempt, Fault, Unreliable, clock_reading
from marketing_cli.errors import MmsgError
from marketing_cli.models import Base, SendRequest
from marketing_cli.repositories.decisions import SendRequestRepository
from marketing_cli.services import ingest, retrying
from marketing_cli.services.event_processing import EventProcessingService
from marketing_cli.services.history_loading import HistoryLoader
from property.reference import Json, expected
from property.strategies import LIMITS, OFFSETS, TEMPLATES, TYPES, event_sets
from support.databases import PostgresDatabases, SqliteDatabases
from support.deciding import field, make_rule, prior

NewDatabase: TypeAlias = Callable[[], str]
BROKEN, BLANK = "broken", "blank"
OTHER_LINES = {BROKEN: b'{"user_id": "u", "event_ty', BLANK: b""}

WHENS: tuple[list[Json], ...] = (
    [],
    [prior("signup", "2d")],
    [prior("failed", "2d")],
    [prior("link", "24h")],
    [prior("signup", "2d"), prior("link", "2d")],
    [field("properties.n", "gte", 2)],
)
faults = st.none() | st.builds(Fault, st.sampled_from(KINDS), st.integers(1, 70))
batch_sizes = st.sampled_from((1, 2, 3, 100))
contents = st.lists(st.integers(0, 9), min_size=2, max_size=6)
"""What a file holds: places among the events, with a broken and a blank line behind the last of them."""


@st.composite
def many_rules(draw: st.DrawFn) -> list[Json]:
    """Four rules of which most match something; those that share a template share its limit, as files must."""
    limits = {template: draw(st.sampled_from(LIMITS)) for template in TEMPLATES}
    choices = st.tuples(st.sampled_from(TEMPLATES), st.sampled_from(TYPES), st.sampled_from(WHENS))
    return [
        make_rule(template, name=f"r{number}", on=kind, when=when, **limits[template])
        for number, (template, kind, when) in enumerate(draw(st.lists(choices, min_size=4, max_size=4)))
    ]


class Machine(RuleBasedStateMachine):
    """Runs of files that hold the same few events, over and over, into one database.

    While the rules stay as they are, the database holds after every step what the naive decider makes of the events
    stored so far. Once they change, what can be said is less: a match is decided by the rules of the run that brought
    its last fact, if a rule of that name looked at the event when it came; a request found the window of its own
    rule's limit unused by what was requested before, and a suppression found it used.
    """

    new_database: NewDatabase

    @initialize(rules=many_rules(), events=event_sets(least=6), fixed=st.booleans())
    def begin(self, rules: list[Json], events: list[Json], *, fixed: bool) -> None:
        """An empty database, the rules, and the events that there are."""
        self.folder = tempfile.TemporaryDirectory()
        self.database = Unreliable(self.new_database())
        self.policy, self.fixed = rules, fixed
        self.events = {event["label"]: event for event in events}
        self.files: dict[Path, list[str]] = {}
        self.attempts: list[Attempt] = []
        self.now = datetime.now(UTC)
        self.clock = pytest.MonkeyPatch()
        self.clock.setattr(ingest, "datetime", clock_reading(lambda: self.now, datetime))
        self.clock.setattr(retrying, "_FIRST_PAUSE", 0)

    @rule(places=contents, offset=st.sampled_from(OFFSETS), batch_size=batch_sizes, fault=faults)
    def ingest_a_file(self, places: list[int], offset: int, batch_size: int, fault: Fault | None) -> None:
        """Some of the events in any order, undisturbed or not."""
        self.database.ingest(self.attempt(self.write(places, offset), batch_size, fault))

    @precondition(lambda self: self.attempts)
    @rule(fault=faults)
    def run_the_same_command_again(self, fault: Fault | None) -> None:
        """What one does after a crash."""
        last = self.attempts[-1]
        self.database.ingest(self.attempt(last.path, last.batch_size, fault))

    @rule(
        first=contents,
        second=st.none() | contents,
        batch_size=batch_sizes,
        turns=st.lists(st.integers(0, 1), max_size=8),
        troubles=st.tuples(faults, faults),
    )
    def overlap(
        self,
        first: list[int],
        second: list[int] | None,
        batch_size: int,
        turns: list[int],
        troubles: tuple[Fault | None, Fault | None],
    ) -> None:
        """Two runs over the same file, or over two, batch by batch."""
        path = self.write(first, 0)
        other = path if second is None else self.write(second, 0)
        attempts = [self.attempt(path, batch_size, troubles[0]), self.attempt(other, 1, troubles[1])]
        self.database.overlap(attempts, turns)

    @rule(days=st.sampled_from((-3650, -1, 1, 3650)))
    def set_the_clock(self, days: int) -> None:
        """Runs take place at any time."""
        self.now += timedelta(days=days)

    @precondition(lambda self: not self.fixed)
    @rule(place=st.integers(0, 3))
    def switch_a_rule(self, place: int) -> None:
        """Off or, later, on again."""
        chosen = place % len(self.policy)
        self.policy = [
            known | {"enabled": not known.get("enabled", True)} if number == chosen else known
            for number, known in enumerate(self.policy)
        ]

    @precondition(lambda self: not self.fixed)
    @rule(template=st.sampled_from(TEMPLATES), limit=st.sampled_from(LIMITS))
    def set_a_limit(self, template: str, limit: Json) -> None:
        """Of all rules of a template, as files must."""
        self.policy = [
            {key: value for key, value in known.items() if key != "timezone"} | limit
            if known["message"]["template"] == template
            else known
            for known in self.policy
        ]

    @invariant()
    def every_promise_is_kept(self) -> None:
        """After each step."""
        found = problems(Held.by(self.database.engine, self.events), self.acked())
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        """In the end every file is read again, twice: all is there then, and the second time nothing is new."""
        if not hasattr(self, "clock"):
            return
        try:
            self.finish()
        finally:
            self.clock.undo()
            self.database.close()
            self.folder.cleanup()

    def finish(self) -> None:
        """Read all files again."""
        once, twice = (
            [self.attempt(path, 100, None) for path in self.files],
            [self.attempt(path, 100, None) for path in self.files],
        )
        for attempt in (*once, *twice):
            self.database.ingest(attempt)
        self.every_promise_is_kept()
        held = Held.by(self.database.engine, self.events)
        told = {label for labels in self.files.values() for label in labels} & self.events.keys()
        assert set(held.labels.values()) == told
        if len(held.rules) == 1:
            assert set(held.decided) == expected(self.policy, [self.events[label] for label in told])[0]
        assert all(again.report and not again.report.totals.new for again in twice)
        assert all(again.report and not again.report.totals.send_requests for again in twice)

    def attempt(self, path: Path, batch_size: int, fault: Fault | None) -> Attempt:
        """A run that is noted, whatever becomes of it; each has a fault of its own."""
        own = Fault(fault.kind, fault.at) if fault else None
        self.attempts.append(Attempt(path, batch_size, self.policy, own))
        return self.attempts[-1]

    def write(self, places: list[int], offset: int) -> Path:
        """A new file; its name is its number."""
        lines = [*self.events, BROKEN, BLANK]
        labels = [lines[place % len(lines)] for place in places]
        path = Path(self.folder.name, f"{len(self.files)}.ndjson")
        path.write_bytes(b"".join(self.line(label, offset) + b"\n" for label in labels))
        self.files[path] = labels
        return path

    def line(self, label: str, offset: int) -> bytes:
        """A line as its producer writes it this time."""
        if label in OTHER_LINES:
            return OTHER_LINES[label]
        moment = datetime.fromisoformat(self.events[label]["event_timestamp"])
        moment = moment.astimezone(timezone(timedelta(minutes=offset)))
        event = self.events[label] | {"event_timestamp": moment.isoformat(), "received": len(self.files)}
        return json.dumps(event).encode()

    def acked(self) -> list[str]:
        """The events of all acknowledged batches."""
        return [
            label
            for attempt in self.attempts
            for first, last in attempt.acked
            for label in self.files[attempt.path][first - 1 : last]
            if label in self.events
        ]


def machine(new: NewDatabase) -> type[Machine]:
    """The machine on databases of this kind."""
    return type("TheMachine", (Machine,), {"new_database": staticmethod(new)})


def settings(examples: int, steps: int, **more: Any) -> hypothesis.settings:
    """How long to go on."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return hypothesis.settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=checks, **more)


@pytest.fixture
def new_sqlite(tmp_path: Path, migrated_sqlite: str) -> NewDatabase:
    """Makes empty SQLite databases, one in place of the other."""

    def new() -> str:
        for path in tmp_path.glob("messaging_*"):
            path.unlink()
        return SqliteDatabases(tmp_path).create(migrated_sqlite)

    return new


@pytest.fixture
def new_postgresql(postgres_url: str, migrated_postgresql: str) -> Iterator[NewDatabase]:
    """Empties one PostgreSQL database over and over."""
    databases = PostgresDatabases(postgres_url)
    url = databases.create(migrated_postgresql)
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)

    def new() -> str:
        database = Unreliable(url)
        with database.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        database.close()
        return url

    yield new
    databases.drop_all()


def test_on_sqlite(new_sqlite: NewDatabase) -> None:
    """Nothing that can happen breaks a promise."""
    run_state_machine_as_test(machine(new_sqlite), settings=settings(size(100, 5000), size(20, 50)))


def test_on_postgresql(new_postgresql: NewDatabase) -> None:
    """Neither on PostgreSQL."""
    run_state_machine_as_test(machine(new_postgresql), settings=settings(size(25, 500), size(15, 50)))


def commit_apart(patch: pytest.MonkeyPatch) -> None:
    """Events are committed before what is decided about them."""
    store = EventProcessingService._store_decisions  # noqa: SLF001

    def store_apart(self: Any, session: Any, decisions: Any) -> None:
        session.connection().exec_driver_sql("COMMIT")
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        store(self, session, decisions)

    patch.setattr(EventProcessingService, "_store_decisions", store_apart)


def forget_caps_of_late_events(patch: pytest.MonkeyPatch) -> None:
    """What events that are decided late have used up is not looked up."""
    load = HistoryLoader._load_used_windows  # noqa: SLF001

    def load_some(self: Any, pairs: Any, history: Any) -> None:
        load(self, [(known, event) for known, event in pairs if not known.prior_conditions], history)

    patch.setattr(HistoryLoader, "_load_used_windows", load_some)


def forget_caps_of_other_limits(patch: pytest.MonkeyPatch) -> None:
    """A request counts only for a window of the name that it was made with."""
    find = SendRequestRepository.find_used

    def find_named(self: Any, lookups: Any) -> Any:
        named = select(SendRequest.user_id, SendRequest.template_name, SendRequest.dedup_window)
        made = set(self._session.execute(named).tuples())
        return {key: request for key, request in find(self, lookups).items() if key in made}

    patch.setattr(SendRequestRepository, "find_used", find_named)


@pytest.mark.parametrize("bug", [commit_apart, forget_caps_of_late_events, forget_caps_of_other_limits])
def test_a_planted_bug_is_found(
    new_sqlite: NewDatabase, monkeypatch: pytest.MonkeyPatch, bug: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Soon, by the same machine: so it would be found in the program."""
    bug(monkeypatch)
    quick = settings(100, 20, phases=[Phase.generate], derandomize=True, database=None, print_blob=False)
    with pytest.raises((AssertionError, MmsgError)):
        run_state_machine_as_test(machine(new_sqlite), settings=quick)
