"""The form of look-ups that Citus takes, tried on partitions: Citus itself is not at hand."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from marketing_cli.domain.layouts import Spread
from support.auditing import audit
from support.databases import only_by_user
from support.events import ndjson
from support.ingesting import decisions, generated_events, ingest, query, run_here
from support.plans import statements
from support.verifying import past

pytestmark = pytest.mark.faults  # slow

ONE_FOR_EACH_ROW = re.compile(r"\(SELECT (\w+)\.id\s+FROM \w+ AS \1\s+WHERE \1\.user_id = wanted\.user_id")
"""A subquery that looks for one row of each user that the parameter names."""

Tell = Callable[[Spread], None]


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Makes commands believe that the tables lie like this."""

    def told(spread: Spread) -> None:
        monkeypatch.setattr("marketing_cli.database.layouts.spread_of", lambda _: spread)

    return told


def in_batches(url: str, number: int, *, size: int) -> None:
    """Generated events of few users, many of them late, in small batches."""
    events = ndjson(*generated_events(number, seed=size)).encode()
    ingest(url, "-", "--batch-size", str(size), stdin=events)


@only_by_user
@pytest.mark.parametrize("size", [1, 7, 100])
def test_what_is_decided_is_the_same(
    make_database: Callable[[], str], database_url: str, tell: Tell, size: int
) -> None:
    """As in one piece, whatever the batches; and verify, which asks the engine alone, reproduces all of it."""
    other = make_database()
    tell(Spread.CITUS)
    in_batches(database_url, 300, size=size)
    tell(Spread.PARTITIONS)
    in_batches(other, 300, size=size)
    found = decisions(database_url)
    assert all(len(rows) > 10 for rows in found.values())
    assert found == decisions(other)
    assert run_here("verify", "--all", url=database_url).exit_code == 0


@only_by_user
def test_rules_that_change_and_late_facts(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """Windows that were used under another name, by an archive, or by an event of the same day."""
    tell(Spread.CITUS)
    past(database_url, tmp_path)
    assert run_here("verify", "--all", url=database_url).exit_code == 0


@only_by_user
def test_the_audit_says_the_same(database_url: str, tell: Tell) -> None:
    """Prior events, those that came after, and what used up a limit."""
    in_batches(database_url, 200, size=20)
    for (key,) in query(database_url, "SELECT event_key FROM events ORDER BY id LIMIT 40"):
        tell(Spread.CITUS)
        there = audit(database_url, key)
        tell(Spread.PARTITIONS)
        assert there == audit(database_url, key), key


@only_by_user
def test_no_subquery_looks_for_one_row_each(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """Which Citus would refuse, as it would the look-ups of other databases."""
    for spread in (Spread.PARTITIONS, Spread.CITUS):
        tell(spread)
        with statements() as asked:
            if spread is Spread.PARTITIONS:
                past(database_url, tmp_path)
            in_batches(database_url, 60, size=20 if spread is Spread.CITUS else 30)
            for args in (["audit", "late_1"], ["audit", "--user", "u_late"], ["verify", "--all"]):
                run_here(*args, url=database_url)
        refused = {sql for sql, _ in asked if ONE_FOR_EACH_ROW.search(sql)}
        assert bool(refused) is (spread is Spread.PARTITIONS), refused
