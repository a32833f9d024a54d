"""The digest of a history: as documented, the same in any order, and another when anything else changes."""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from marketing_cli.services import reading
from marketing_cli.services.digest import digest_history
from support.databases import not_by_user
from support.digests import documented_digest, documented_hash, page_code
from support.events import write_events
from support.ingesting import generated_events, ingest, query, run_here, wait_until
from support.listing import change
from support.program import ROOT, Program

PAGE = (ROOT / "docs" / "digest.md").read_text(encoding="utf-8")
VECTOR = re.search(
    r"## Example.*?```json\n(.*?)```.*?```text\n(.*?)```.*?```text\n(.*?)```.*?```text\n(.*?)\n```", PAGE, re.DOTALL
)
NOTHING = {"count": 0, "sum": "0" * 64}


def test_the_documented_example(database_url: str, tmp_path: Path) -> None:
    """The page's events have the page's entries, the page's text and the page's digest, by its own code too."""
    assert VECTOR
    lines, entries, text, digest = VECTOR.groups()
    (tmp_path / "events.ndjson").write_text(lines, encoding="utf-8")
    ingest(database_url, tmp_path / "events.ndjson")
    found = digest_history(database_url)
    assert found.digest == digest == hashlib.sha256(text.encode()).hexdigest()
    parts = [(name, getattr(found, name)) for name in ("events", "matches", "requests")]
    assert [f"{name} {part.count} {part.sum}" for name, part in parts] == text.splitlines()[1:]
    rows = [tuple(entry.split("|")) for entry in entries.splitlines()]
    by_kind = [[row[1:] for row in rows if row[0] == kind] for kind in ("event", "match", "request")]
    assert page_code("digest.md")["digest"](*by_kind) == digest
    assert [row[2] for row in by_kind[0]] == [documented_hash(json.loads(line)) for line in lines.splitlines()]


def test_an_empty_database_has_one_too(database_url: str) -> None:
    """The JSON has this shape, pinned to the value."""
    done = run_here("digest", "--json", url=database_url)
    assert done.exit_code == 0
    text = "mmsg digest 1\n" + "".join(f"{name} 0 {'0' * 64}\n" for name in ("events", "matches", "requests"))
    assert list(done.json().items()) == [
        ("digest", hashlib.sha256(text.encode()).hexdigest()),
        ("events", NOTHING),
        ("matches", NOTHING),
        ("requests", NOTHING),
        ("without_event", 0),
    ]


EVENTS = list(generated_events(300))
MANY = "b8c634a731eb4285a0cf7cebaacfc16b6118fe924b0b186c60caab0617ba4fd7"
"""The digest of these events under the shipped rules, on every database and however they came."""


def at_once(url: str, folder: Path) -> None:
    """One file, in order."""
    ingest(url, write_events(folder / "events.ndjson", *EVENTS))


def backwards_in_small_batches(url: str, folder: Path) -> None:
    """The last line first, seven at a time."""
    ingest(url, write_events(folder / "events.ndjson", *reversed(EVENTS)), "--batch-size", "7")


def again_and_overlapping(url: str, folder: Path) -> None:
    """Three files that overlap, each read twice, as an archive the second time."""
    for start in (200, 0, 100):
        path = write_events(folder / f"{start}.ndjson", *EVENTS[start : start + 150])
        ingest(url, path)
        ingest(url, path, "--backfill")


def sharded_by_user(url: str, folder: Path) -> None:
    """The users dealt out over four files, read by four processes at once."""
    shards: list[list[Any]] = [[] for _ in range(4)]
    for told in EVENTS:
        shards[hashlib.sha256(told["user_id"].encode()).digest()[0] % 4].append(told)
    program = Program(folder, url)
    paths = [write_events(folder / f"{n}.ndjson", *shard) for n, shard in enumerate(shards)]
    with ExitStack() as running:
        started = [running.enter_context(program.start("ingest", path, "--batch-size", "20")) for path in paths]
        assert [process.wait(60) for process in started] == [0, 0, 0, 0]


def killed_again_and_again(url: str, folder: Path) -> None:
    """Killed as soon as it has stored something more, five times, and then left alone."""
    path, program = write_events(folder / "events.ndjson", *EVENTS), Program(folder, url)
    for _ in range(5):
        before = count(url)
        with program.start("ingest", path, "--batch-size", "1") as process:
            wait_until(partial(_has_stored, url, before + 1))
            process.kill()
    assert query(url, "SELECT count(*) FROM runs WHERE status = 'running'") > [(0,)]
    ingest(url, path)


def _has_stored(url: str, least: int) -> bool:
    return count(url) >= least


def count(url: str) -> int:
    """How many events are stored."""
    ((number,),) = query(url, "SELECT count(*) FROM events")
    return int(number)


@pytest.mark.faults
@pytest.mark.parametrize(
    "way", [at_once, backwards_in_small_batches, again_and_overlapping, sharded_by_user, killed_again_and_again]
)
def test_no_way_of_arriving_changes_it(database_url: str, tmp_path: Path, way: Callable[[str, Path], None]) -> None:
    """Order, batches, repeats, shards and crashes, on SQLite and PostgreSQL: it is one and the same digest."""
    way(database_url, tmp_path)
    assert digest_history(database_url).digest == MANY


def test_that_digest_is_what_the_page_makes_of_the_rows(database_url: str, tmp_path: Path) -> None:
    """Worked out by the page's code from what the tables hold, event by event."""
    at_once(database_url, tmp_path)
    joined = "FROM {} made JOIN events ON events.id = made.event_id"
    matches = [
        row
        for table in ("send_requests", "suppressions")
        for row in query(database_url, f"SELECT event_key, made.user_id, rule_name {joined.format(table)}")
    ]
    requests = query(database_url, "SELECT user_id, template_name, dedup_window FROM send_requests")
    assert documented_digest(EVENTS, matches, requests) == MANY


@pytest.fixture
def filled(database_url: str, tmp_path: Path) -> str:
    """A database with requests and suppressions of every rule."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", *generated_events(200)))
    return database_url


def test_people_see_the_parts_with_their_counts(filled: str) -> None:
    """A line each, the digest over all last; quiet, nothing."""
    found = digest_history(filled)
    assert found.events.count == 200
    assert found.matches.count > found.requests.count > 0
    lines = [line.split() for line in run_here("digest", url=filled).stdout.splitlines()]
    assert lines[1:] == [
        ["events", "200", found.events.sum],
        ["matches", str(found.matches.count), found.matches.sum],
        ["requests", str(found.requests.count), found.requests.sum],
        ["all", found.digest],
    ]
    quiet = run_here("digest", "--quiet", url=filled)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


CHANGES = {
    "another event": ("events", "UPDATE events SET event_key = 'evt_x' WHERE id = 9"),
    "another content": ("events", "UPDATE events SET content_hash = (SELECT content_hash FROM events WHERE id = 8)"),
    "another rule": ("matches", "UPDATE suppressions SET rule_name = 'x' WHERE id = 1"),
    "a suppression less": ("matches", "DELETE FROM suppressions WHERE id = 1"),
    "another window": ("requests", "UPDATE send_requests SET dedup_window = 'x' WHERE id = 1"),
    "another template": ("requests", "UPDATE send_requests SET template_name = 'x' WHERE id = 1"),
    "another user": ("requests", "UPDATE send_requests SET user_id = 'x' WHERE id = 1"),
}  # fmt: skip
UNSEEN = (
    "UPDATE send_requests SET status = 'historical', reason = 'x', caused_by_event_id = 1",
    "UPDATE suppressions SET reason_code = 'x', caused_by_event_id = 1",
    "UPDATE events SET line = line + 1",
    "UPDATE runs SET duplicate = 9",
)
BLOCKED = (
    "SELECT made.id, made.event_id, held.id, held.event_id FROM suppressions held"
    " JOIN send_requests made ON made.id = held.blocking_request_id ORDER BY held.id LIMIT 1"
)


@not_by_user  # where a row's key holds the user, the user cannot be changed
@pytest.mark.parametrize(("part", "statement"), CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_changes_it(filled: str, part: str, statement: str) -> None:
    """The digest, and the part where the change is."""
    before = digest_history(filled)
    change(filled, statement)
    after = digest_history(filled)
    assert after.digest != before.digest
    assert getattr(after, part) != getattr(before, part)


def test_what_depends_on_the_order_changes_nothing(filled: str) -> None:
    """Reasons, causes, lines and books are not in it, nor whether a match was a request or a suppression."""
    before = digest_history(filled)
    for statement in UNSEEN:
        change(filled, statement)
    assert digest_history(filled) == before
    request, of_request, suppression, of_suppression = query(filled, BLOCKED)[0]
    change(filled, "UPDATE send_requests SET event_id = :event WHERE id = :id", event=of_suppression, id=request)
    change(filled, "UPDATE suppressions SET event_id = :event WHERE id = :id", event=of_request, id=suppression)
    assert digest_history(filled) == before


def test_a_decision_whose_event_is_gone_is_counted(filled: str) -> None:
    """It can name no event, and so is no match; its request remains one."""
    before = digest_history(filled)
    change(filled, "DELETE FROM events WHERE id = (SELECT event_id FROM send_requests WHERE id = 1)")
    after = digest_history(filled)
    assert after.without_event > 0
    assert after.matches.count == before.matches.count - after.without_event
    assert after.requests == before.requests
    assert f"no longer stored: {after.without_event}." in run_here("digest", url=filled).stderr


def test_what_is_stored_meanwhile_is_left_out(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later events and later decisions on earlier events, however many slices there are."""
    before, once = digest_history(filled), reading.Reading.once

    def look_and_ingest(reader: reading.Reading, look: Callable[[Session], Any]) -> Any:
        found = once(reader, look)
        ingest(filled, write_events(tmp_path / "more.ndjson", *generated_events(50, seed=8)))
        return found

    monkeypatch.setattr(reading.Reading, "once", look_and_ingest)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 7)
    assert digest_history(filled) == before
    monkeypatch.undo()
    assert digest_history(filled).events.count == before.events.count + 50
