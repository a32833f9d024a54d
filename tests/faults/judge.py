"""The judge: compares what the program told the outside world with what its database holds."""

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import NullPool, RowMapping, create_engine

from faults.story import BATCH, TEMPLATES, Event, Identity, Match, State, Story, expected, matches_among, window
from marketing_cli.services.digest import digest_history
from support.digests import documented_digest
from support.verifying import verify

Row: TypeAlias = dict[str, Any]
Database: TypeAlias = Path | str
"""A SQLite file, or the URL of a PostgreSQL database."""
TABLES = (
    "runs",
    "run_inputs",
    "events",
    "event_properties",
    "user_traits",
    "send_requests",
    "suppressions",
    "rejects",
)
COUNTS = ("lines", "new", "duplicate", "rejected", "blank", "skipped")


@dataclass(frozen=True)
class Acked:
    """A batch of which the program said that it is stored: the run, and the lines of an input."""

    run_id: int
    path: str
    first: int
    last: int


def read_acked(ledger: Path) -> list[Acked]:
    """The outside ledger: a line of JSON for each batch."""
    return [Acked(**json.loads(line)) for line in ledger.read_text().splitlines()]


@dataclass(frozen=True)
class Evidence:
    """Every row of a database, the files that were read into it, and what was acknowledged."""

    rows: dict[str, list[Row]]
    damage: list[str]
    stories: dict[str, Story]
    acked: Sequence[Acked]

    @cached_property
    def stored(self) -> dict[int, Identity]:
        """The events by the number of their row."""
        return {row["id"]: (row["event_key"], row["user_id"]) for row in self.rows["events"]}

    @cached_property
    def kept(self) -> set[tuple[bytes, str]]:
        """The refused lines."""
        return {(row["raw"], row["reason"]) for row in self.rows["rejects"]}

    @cached_property
    def events(self) -> dict[Identity, Event]:
        """The events of the files that are stored."""
        told = {key: event for story in self.stories.values() for key, event in story.events.items()}
        return {key: told[key] for key in self.stored.values() if key in told}

    @cached_property
    def decided(self) -> Counter[Match]:
        """How often each event and rule was decided."""
        return Counter(
            (self.stored[row["event_id"]], row["rule_name"])
            for row in self.rows["send_requests"] + self.rows["suppressions"]
        )

    def story(self, row: Row) -> Story:
        """The file of a row that has a path."""
        return self.stories[row["path"]]


def judge(database: Database, stories: Sequence[Story], acked: Sequence[Acked]) -> list[str]:
    """What is wrong with a database, in sentences; nothing if all promises were kept.

    Of SQLite's it looks at a copy, so that recovery after a crash is left to the program.
    """
    rows, damage = _gathered(database)
    evidence = Evidence(rows, damage, {str(story.path): story for story in stories}, acked)
    return [problem for check in CHECKS for problem in check(evidence)]


def state_of(database: Database) -> State:
    """What a database says, apart from the numbers of its rows and the order of its runs."""
    evidence = Evidence(_gathered(database)[0], [], {}, [])
    requests = [(row["user_id"], row["template_name"], row["dedup_window"]) for row in evidence.rows["send_requests"]]
    return State(
        frozenset(evidence.stored.values()),
        frozenset(evidence.decided),
        frozenset(requests),
        frozenset(evidence.kept),
    )


def statuses(database: Database) -> list[str]:
    """How the runs stand, oldest first."""
    return [row["status"] for row in sorted(_gathered(database)[0]["runs"], key=itemgetter("id"))]


def digest_differs(database: Database, stories: Iterable[Story]) -> list[str]:
    """Whether `mmsg digest` is that of an undisturbed run, worked out by the documentation's code alone."""
    told = list(stories)
    state = expected(told)
    events = {key: event for story in told for key, event in story.events.items()}
    wanted = documented_digest(events.values(), [(*key, rule) for key, rule in state.matches], state.requests)
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    found = digest_history(url).digest
    return [] if found == wanted else [f"the digest is {found}, of an undisturbed run {wanted}"]


def not_reproduced(database: Database) -> list[str]:
    """What `mmsg verify --all` finds amiss: the second judge, which knows nothing of the files that were read."""
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    return [f"verify: {told.about}: stored {told.stored}, now {told.now}" for told in verify(url).differences]


def differences(found: State, wanted: State) -> list[str]:
    """In what a state differs from the state of an undisturbed run."""
    return [
        f"{kind} {name}: {thing}"
        for name in State.__dataclass_fields__
        for kind, things in (
            ("missing from", getattr(wanted, name) - getattr(found, name)),
            ("too much in", getattr(found, name) - getattr(wanted, name)),
        )
        for thing in sorted(things)
    ]


def _gathered(database: Database) -> tuple[dict[str, list[Row]], list[str]]:
    """All rows, and what the engine finds wrong with its own file."""
    if isinstance(database, str):
        return _fetched(database), []
    with _copied(database) as connection:
        damage = [str(row) for row in connection.execute("PRAGMA foreign_key_check")]
        damage += [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
        return _rows(connection), damage


def _fetched(url: str) -> dict[str, list[Row]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            name: [_as_in_sqlite(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}").mappings()]  # noqa: S608
            for name in TABLES
        }


def _as_in_sqlite(row: RowMapping) -> Row:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}


class _copied:  # noqa: N801 - used like a function
    """A connection to a copy of the database and of its journals."""

    def __init__(self, database: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()
        for part in database.parent.glob(f"{database.name}*"):
            shutil.copy(part, self._folder.name)
        self._connection = sqlite3.connect(Path(self._folder.name, database.name))
        self._connection.row_factory = sqlite3.Row

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        with closing(self._connection):
            pass
        self._folder.cleanup()


def _rows(connection: sqlite3.Connection) -> dict[str, list[Row]]:
    return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in TABLES}  # noqa: S608


def _sound(evidence: Evidence) -> Iterator[str]:
    """The engine itself finds nothing wrong."""
    yield from (f"damaged: {text}" for text in evidence.damage)


def _acked_is_stored(evidence: Evidence) -> Iterator[str]:
    """What was acknowledged is there."""
    reached = {(row["run_id"], row["path"]): row["lines"] for row in evidence.rows["run_inputs"]}
    for batch in evidence.acked:
        if reached.get((batch.run_id, batch.path), -1) < batch.last:
            yield f"acknowledged, but not in the books of its run: {batch}"
        yield from (
            f"acknowledged, but lost: {lost}"
            for lost in _lost(evidence, evidence.stories[batch.path], range(batch.first, batch.last + 1))
        )


def _lost(evidence: Evidence, story: Story, numbers: Sequence[int]) -> Iterator[str]:
    """The lines of a file that are neither stored nor kept."""
    for number in numbers:
        event, reason = story.parsed.get(number, (None, None))
        if reason and story.rejects[number] not in evidence.kept:
            yield f"refused line {number} of {story.path.name}"
        elif event and not reason and (event["event_id"], event["user_id"]) not in evidence.events:
            yield f"event of line {number} of {story.path.name}"


def _batches_are_whole(evidence: Evidence) -> Iterator[str]:
    """A run's books end where a batch ends, and what they name is there; nothing beyond them is."""
    for row in evidence.rows["run_inputs"]:
        story, lines = evidence.story(row), row["lines"]
        if lines % BATCH and lines != len(story.lines):
            yield f"torn: input {row['id']} ends in the middle of a batch, at line {lines}"
        yield from (f"torn, missing: {lost}" for lost in _lost(evidence, story, range(1, lines + 1)))
        for event in evidence.rows["events"]:
            if event["input_id"] == row["id"] and not _is_line(event, story, lines):
                yield f"torn: event row {event['id']} is not line {event['line']} of the {lines} lines in the books"


def _is_line(row: Row, story: Story, lines: int) -> bool:
    """Whether a stored event is what its line says."""
    event, reason = story.parsed.get(row["line"], (None, None))
    return (
        row["line"] <= lines
        and event is not None
        and reason is None
        and (row["event_key"], row["user_id"], row["event_type"])
        == (event["event_id"], event["user_id"], event["event_type"])
        and json.loads(row["properties"] or "null") == event.get("properties")
    )


def _projections_are_whole(evidence: Evidence) -> Iterator[str]:
    """An event has its rows beside it."""
    for table, field in (("event_properties", "properties"), ("user_traits", "user_traits")):
        beside = {row["event_id"] for row in evidence.rows[table]}
        for number, key in evidence.stored.items():
            if key in evidence.events and (number in beside) != (field in evidence.events[key]):
                yield f"torn: the row of {table} for event {key}"


def _decided_once(evidence: Evidence) -> Iterator[str]:
    """Each rule that matches an event ended as one request or one suppression."""
    matches = matches_among(evidence.events)
    yield from (f"matched, but not decided: {match}" for match in sorted(matches - evidence.decided.keys()))
    yield from (f"decided, but not matched: {match}" for match in sorted(evidence.decided.keys() - matches))
    yield from (f"decided {times} times: {match}" for match, times in sorted(evidence.decided.items()) if times > 1)


def _caps_hold(evidence: Evidence) -> Iterator[str]:
    """One request for each user, template and stretch of time that asks for one."""
    made: Counter[tuple[str, str, str]] = Counter()
    for row in evidence.rows["send_requests"]:
        key = evidence.stored[row["event_id"]]
        if key in evidence.events:
            made[window(evidence.events[key], row["template_name"])] += 1
    wanted = {window(evidence.events[key], TEMPLATES[rule]) for key, rule in matches_among(evidence.events)}
    yield from (f"requested {times} times: {place}" for place, times in made.items() if times > 1)
    yield from (f"never requested: {place}" for place in wanted - made.keys())
    known = {row["id"] for row in evidence.rows["send_requests"]}
    for row in evidence.rows["suppressions"]:
        if row["blocking_request_id"] not in known:
            yield f"suppression {row['id']} was blocked by nothing"


def _books_balance(evidence: Evidence) -> Iterator[str]:
    """Counts agree with each other and with the rows."""
    for run in evidence.rows["runs"]:
        inputs = [row for row in evidence.rows["run_inputs"] if row["run_id"] == run["id"]]
        if any(run[name] != sum(row[name] for row in inputs) for name in COUNTS):
            yield f"books: run {run['id']} is not the sum of its inputs"
        for table in ("send_requests", "suppressions"):
            if run[table] != sum(row["run_id"] == run["id"] for row in evidence.rows[table]):
                yield f"books: run {run['id']} miscounts its {table}"
    for row in evidence.rows["run_inputs"]:
        if row["lines"] != sum(row[name] for name in COUNTS[1:]) or not _is_counted(evidence, row):
            yield f"books: input {row['id']} does not balance"
    if sum(row["count"] for row in evidence.rows["rejects"]) != sum(run["rejected"] for run in evidence.rows["runs"]):
        yield "books: the rejects do not add up"


def _is_counted(evidence: Evidence, row: Row) -> bool:
    """Whether an input's counts are those of its first lines."""
    story = evidence.story(row)
    numbers = range(1, row["lines"] + 1)
    stored = sum(event["input_id"] == row["id"] for event in evidence.rows["events"])
    blank = sum(number not in story.parsed for number in numbers)
    rejected = sum(number in story.rejects for number in numbers)
    return (row["new"], row["blank"], row["rejected"]) == (stored, blank, rejected)


CHECKS = (
    _sound,
    _acked_is_stored,
    _batches_are_whole,
    _projections_are_whole,
    _decided_once,
    _caps_hold,
    _books_balance,
)
