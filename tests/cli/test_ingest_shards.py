"""The option `--shard` of `mmsg ingest`: what is no shard, what its options count, what it prints and enters."""

import gzip
from pathlib import Path

import pytest

from marketing_cli.database.sessions import open_database
from marketing_cli.domain.slots import Shard, slot_of
from marketing_cli.services.ingest import IngestOptions, IngestService
from marketing_cli.services.rules_files import load_rules
from marketing_cli.sources.discovery import find_inputs
from support.databases import only_sqlite
from support.events import make_event, ndjson, write_events
from support.ingesting import ingest, query, run_here

USAGE = 2
TOO_MANY = 5
USERS = [f"u_{number}" for number in range(40)]
FIRST, SECOND = ([user for user in USERS if slot_of(user) % 2 == index] for index in range(2))


def of(*users: str) -> str:
    """A good line for each user."""
    return ndjson(*(make_event(event_id=f"evt_{user}", user_id=user) for user in users))


def bad(*users: str) -> str:
    """A line for each user that is refused, though the user is legible."""
    return ndjson(*(make_event(event_id=f"evt_{user}", user_id=user, event_type=None) for user in users))


def write(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text)
    return path


@pytest.mark.parametrize("shard", ["2/2", "-1/3", "a/b", "0/257"])
def test_what_is_no_shard_is_a_usage_error(tmp_path: Path, shard: str) -> None:
    """In plain words, before anything is opened."""
    done = run_here("ingest", tmp_path / "none.ndjson", "--shard", shard, url="sqlite:////nowhere/at/all.db")
    assert (done.exit_code, done.stdout) == (USAGE, "")
    words = "--shard takes I/N, slice I of N counted from 0, N at most 256, such as 0/4 for the first of four; not"
    assert f"{words} '{shard}'" in " ".join(done.stderr.split())


def test_the_books_and_the_summary_say_what_was_skipped(database_url: str, tmp_path: Path) -> None:
    """Per input and in total, in the report, the summary, the ledger, and in what checks the books."""
    path = write(tmp_path / "events.ndjson", of(*USERS) + "\n")
    report = ingest(database_url, path, "--shard", "1/2")
    counts = {"lines": 41, "new": len(SECOND), "duplicate": 0, "rejected": 0, "blank": 0, "skipped": 41 - len(SECOND)}
    assert {name: report["totals"][name] for name in counts} == counts
    assert {name: report["inputs"][0][name] for name in counts} == counts
    (run,) = run_here("runs", "--json", url=database_url).json()
    assert {name: run[name] for name in counts} == counts
    done = run_here("ingest", path, "--shard", "0/2", url=database_url)
    last = done.stderr.splitlines()[-1]
    assert last == f"run 2, shard 0/2: ok, 41 lines: {len(FIRST)} new, 1 blank, {len(SECOND)} skipped"
    verified = run_here("verify", "--all", url=database_url)
    assert "82 = 40 new + 0 duplicate + 0 rejected + 1 blank + 41 skipped" in verified.stdout
    assert verified.exit_code == 0


SHARES = [
    # A share is of the shard's own lines: what it passes over does not hide its rejects.
    (of(*SECOND) * 9 + of(*FIRST[:9]) + bad(FIRST[9]), "0/2", "9.9%", TOO_MANY),
    (of(*SECOND) * 9 + of(*FIRST[:9]) + bad(FIRST[9]), "0/2", "10%", 3),
    (of(*SECOND) * 9 + of(*FIRST[:9]) + bad(FIRST[9]), "1/2", "0%", 0),
    # What is nobody's counts where it is kept.
    (of(*SECOND) + "broken\n", "0/2", "99%", TOO_MANY),
    (of(*SECOND) + "broken\n", "1/2", "0", 0),
    (bad(*SECOND[:3]), "1/2", "2", TOO_MANY),
    (bad(*SECOND[:3]) + bad(*FIRST), "1/2", "3", 3),
]


@only_sqlite
@pytest.mark.parametrize(("text", "shard", "limit", "exit_code"), SHARES)
def test_rejects_are_counted_among_a_shards_own_lines(  # noqa: PLR0913, PLR0917 - a row of the table
    database_url: str, tmp_path: Path, text: str, shard: str, limit: str, exit_code: int
) -> None:
    """`--max-errors` judges what the shard keeps, not what others do."""
    path = write(tmp_path / "events.ndjson", text)
    report = ingest(database_url, path, "--shard", shard, "--max-errors", limit, exit_code=exit_code)
    if exit_code == TOO_MANY:
        own = report["totals"]["lines"] - report["totals"]["skipped"]
        assert f"of {own} lines of shard {shard} refused, more than --max-errors {limit}" in report["error"]


def test_a_share_is_looked_at_from_1000_own_lines_on(database_url: str, tmp_path: Path) -> None:
    """Not from the thousandth line that is read."""
    text = bad(FIRST[0]) + of(*SECOND[:10]) * 120 + of(*FIRST[:10])
    path = write(tmp_path / "events.ndjson", text)
    report = ingest(database_url, path, "--shard", "0/2", "--batch-size", "1", "--max-errors", "50%", exit_code=3)
    assert report["inputs"][0]["state"] == "done"


def test_long_stretches_of_others_are_entered_now_and_then(database_url: str, tmp_path: Path) -> None:
    """So that the ledger and the progress say how far a shard has come, though it keeps nothing."""
    path = write(tmp_path / "events.ndjson", of(*SECOND[:10]) * 10)
    told: list[tuple[int, int]] = []
    options = IngestOptions(batch_size=3, shard=Shard(0, 2))
    with open_database(database_url, writes=True) as transactions:
        service = IngestService(
            transactions, load_rules(None), options, acknowledge=lambda _run, _path, *lines: told.append(lines)
        )
        service.run(find_inputs([str(path)]))
    assert told == [(1, 30), (31, 60), (61, 90), (91, 100)]
    assert query(database_url, "SELECT lines, skipped, new FROM runs") == [(100, 100, 0)]


def test_an_input_that_is_cut_short_is_so_for_each_shard(database_url: str, tmp_path: Path) -> None:
    """Each verifies and reads all of it, keeps its own of what came before, and says where it ended."""
    whole = gzip.compress(of(*USERS).encode())
    (tmp_path / "cut.ndjson.gz").write_bytes(whole[: len(whole) - 20])
    corrupt = bytearray(whole)
    corrupt[-6] ^= 1
    (tmp_path / "corrupt.ndjson.gz").write_bytes(corrupt)
    for shard in ("0/2", "1/2"):
        report = ingest(
            database_url,
            *(tmp_path / f"{name}.ndjson.gz" for name in ("cut", "corrupt", "missing")),
            *("--shard", shard),
            exit_code=3,
        )
        assert [books["state"] for books in report["inputs"]] == ["truncated", "corrupt", "unreadable"]
        assert report["inputs"][0]["skipped"] > 0
        assert len(report["warnings"]) >= 3


@only_sqlite
def test_standard_input_can_be_sharded(database_url: str) -> None:
    """Where each shard is given a copy of its own."""
    for shard, users in (("0/2", FIRST), ("1/2", SECOND)):
        report = ingest(database_url, "-", "--shard", shard, stdin=of(*USERS).encode())
        assert report["totals"]["new"] == len(users)


@only_sqlite
def test_quiet_shards_name_themselves_when_something_is_wrong(database_url: str, tmp_path: Path) -> None:
    """The one line that a silent run prints says whose it is."""
    path = write_events(tmp_path / "events.ndjson", make_event(user_id=None))
    assert run_here("ingest", path, "--shard", "1/2", "--quiet", url=database_url).stderr == ""
    done = run_here("ingest", path, "--shard", "0/2", "--quiet", url=database_url)
    assert done.stderr == "mmsg: run 2, shard 0/2: partial, 1 line: 0 new, 1 rejected (exit code 3)\n"
