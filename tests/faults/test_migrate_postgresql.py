"""`mmsg migrate` on PostgreSQL: killed or cut off midway, several at once, and as one of eight first starts."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from faults.fork_server import ForkServer
from faults.judge import differences
from faults.scene import OK, UNAVAILABLE, Run
from faults.sizes import size, spread, sweep
from faults.story import BATCH, State, Story, expected
from marketing_cli.database.migration import REVISIONS, migrate
from support.databases import PostgresDatabases
from support.ingesting import query
from support.program import Outcome, Program

NUMBERS = count(1)
SCHEMA = (
    (
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 2"
    ),
    (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
    ),
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' ORDER BY 1",
    "SELECT version_num FROM alembic_version",
)
NEWEST = REVISIONS[-1]
Play = Callable[..., Outcome]


@pytest.fixture
def databases(postgres_url: str) -> Iterator[PostgresDatabases]:
    """Makes databases without a schema."""
    made = PostgresDatabases(postgres_url)
    yield made
    made.drop_all()


@pytest.fixture
def play(server: ForkServer, tmp_path: Path) -> Play:
    """Runs the program on a database to its end: `play(url, "migrate", builds=(...))`."""

    def run(url: str, *arguments: str, builds: tuple[str, ...] = ()) -> Outcome:
        folder = tmp_path / str(next(NUMBERS))
        folder.mkdir()
        out, err = folder / "out", folder / "err"
        env = Program(folder, url).environment()
        command = [*builds, "--", *arguments]
        forked = server.fork(command, env=env, cwd=folder, out=out, err=err, ledger=folder / "acked")
        return Run(forked, out, err).outcome()

    return run


def schema(url: str) -> list[list[tuple[object, ...]]]:
    """All that a database's schema is made of."""
    return [query(url, statement) for statement in SCHEMA]


@pytest.fixture
def wanted(migrated_postgresql: str) -> list[list[tuple[object, ...]]]:
    """The newest schema."""
    return schema(migrated_postgresql)


def statements(url: str) -> int:
    """How many statements a migration of this database executes, which is then migrated."""
    seen = []

    def note(*_: object) -> None:
        seen.append(1)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert migrate(url).after == NEWEST
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(seen)


@pytest.mark.parametrize(("whom", "exit_code"), [("kill", -9), ("backend", UNAVAILABLE)])
def test_struck_at_the_kth_statement(
    databases: PostgresDatabases, play: Play, wanted: list[object], whom: str, exit_code: int
) -> None:
    """The program killed, or its backend: either way nothing is half there, and the next migration does it all."""
    last = statements(databases.create())
    assert last > 20

    def ordeal(number: int) -> list[str]:
        url = databases.create()
        struck = play(url, "migrate", builds=(f"strike-at-statement={number}:{whom}",))
        found = [] if struck.exit_code == exit_code else [f"ended with {struck.exit_code}: {struck.stderr}"]
        if query(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"):
            found.append("something is half there")
        again = play(url, "migrate")
        if (again.exit_code, again.stderr.partition("warning: ")[0]) != (OK, f"schema none → {NEWEST}\n"):
            found.append(f"the second migration ended with {again.exit_code}: {again.stderr}")
        return found if schema(url) == wanted else [*found, "it made another schema"]

    assert sweep(spread(range(1, last), 6), ordeal) == {}


@pytest.mark.parametrize("runs", [2, 8])
def test_several_at_once(databases: PostgresDatabases, play: Play, wanted: list[object], runs: int) -> None:
    """One makes the schema and says so; the others wait, and find it there."""
    for _ in range(size(3, 50)):
        url = databases.create()
        with ThreadPoolExecutor(runs) as pool:
            outcomes = list(pool.map(lambda _, url=url: play(url, "migrate"), range(runs)))
        assert {outcome.exit_code for outcome in outcomes} == {OK}, outcomes
        said = sorted(outcome.stderr.partition("warning: ")[0] for outcome in outcomes)
        assert said == [*[f"schema {NEWEST} → {NEWEST}\n"] * (runs - 1), f"schema none → {NEWEST}\n"]
        assert schema(url) == wanted


def test_eight_first_starts_at_once(databases: PostgresDatabases, play: Play, story: Story) -> None:
    """Eight times `migrate` and then `ingest` of the same file at once: each event is new to one of them."""
    ingest = ["ingest", str(story.path), "--batch-size", str(BATCH), "--rejects-ok"]
    for _ in range(size(3, 50)):
        url = databases.create()

        def first_start(_number: int, url: str = url) -> list[int]:
            return [play(url, "migrate").exit_code, play(url, *ingest).exit_code]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(first_start, range(8))) == [[OK, OK]] * 8
        assert differences(state_of(url), expected([story])) == []
        news = query(url, "SELECT CAST(sum(new) AS INTEGER), max(lines), count(*) FROM runs WHERE status = 'ok'")
        assert news == [(len(story.events), len(story.lines), 8)]


def state_of(url: str) -> State:
    """What the database says in the end."""
    decided = " UNION ALL ".join(
        f"SELECT e.event_key, e.user_id, d.rule_name FROM {table} d JOIN events e ON e.id = d.event_id"  # noqa: S608
        for table in ("send_requests", "suppressions")
    )
    matches = query(url, decided)
    assert len(set(matches)) == len(matches)
    return State(
        frozenset((key, user) for key, user in query(url, "SELECT event_key, user_id FROM events")),
        frozenset(((key, user), rule) for key, user, rule in matches),
        frozenset(
            (user, template, window)
            for user, template, window in query(url, "SELECT user_id, template_name, dedup_window FROM send_requests")
        ),
        frozenset((bytes(raw), reason) for raw, reason in query(url, "SELECT raw, reason FROM rejects")),
    )
