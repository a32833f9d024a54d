"""`mmsg copy` from outside: what it prints, its JSON, and how it ends."""

import re
import signal
from pathlib import Path

import pytest

from support.copying import assert_same, copy_killed, only_sqlite_to_sqlite
from support.events import write_events
from support.ingesting import generated_events, ingest, query, wait_until
from support.listing import fill
from support.program import Program
from support.terminal import all_on_terminal

TABLES = {
    "rules_versions": 1,
    "runs": 5,
    "run_inputs": 5,
    "rejects": 3,
    "events": 5,
    "event_properties": 5,
    "user_traits": 5,
    "send_requests": 4,
    "suppressions": 2,
}
SUMMARY = """\
from {source} to {target}
rules_versions: 1 row, 1 copied
runs: 5 rows, 5 copied
run_inputs: 5 rows, 5 copied
rejects: 3 rows, 3 copied
events: 5 rows, 5 copied
event_properties: 5 rows, 5 copied
user_traits: 5 rows, 5 copied
send_requests: 4 rows, 4 copied
suppressions: 2 rows, 2 copied
copied: 35 rows; both databases have the digest {digest}
"""

pytestmark = [only_sqlite_to_sqlite, pytest.mark.faults]  # slow


@pytest.fixture
def filled(source_and_target: list[str], tmp_path: Path) -> list[str]:
    """A small history, and an empty database."""
    fill(source_and_target[0], tmp_path)
    return source_and_target


def test_the_summary_goes_to_standard_error(mmsg: Program, filled: list[str]) -> None:
    """Nothing on standard output; and nothing at all when quiet."""
    source, target = filled
    done = mmsg("copy", "--to", target, database_url=source)
    digest = mmsg("digest", "--json", database_url=target).json()["digest"]
    summary = SUMMARY.format(source=source, target=target, digest=digest)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", summary)
    again = mmsg("copy", "--to", target, database_url=source).stderr
    assert "events: 5 rows, 0 copied, 5 were there\n" in again
    assert again.endswith(f"copied: 0 rows; both databases have the digest {digest}\n")
    quiet = mmsg("copy", "--to", target, "--quiet", database_url=source)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_the_json_has_this_shape(mmsg: Program, filled: list[str]) -> None:
    """One value, pinned."""
    source, target = filled
    report = mmsg("copy", "--to", target, "--json", database_url=source).json()
    digest = mmsg("digest", "--json", database_url=source).json()["digest"]
    moments = [report.pop("started_at"), report.pop("finished_at")]
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", moment) for moment in moments)
    assert report == {
        "status": "copied",
        "exit_code": 0,
        "source": source,
        "target": target,
        "tables": [{"table": name, "copied": rows, "rows": rows, "rows_there": rows} for name, rows in TABLES.items()],
        "digests": {"source": digest, "target": digest},
        "warnings": [],
    }


def test_the_rows_are_counted_on_a_terminal(mmsg: Program, source_and_target: list[str], tmp_path: Path) -> None:
    """While it goes on; the last thing on the screen is the conclusion."""
    source, target = source_and_target
    ingest(source, write_events(tmp_path / "many.ndjson", *generated_events(20_000)))
    shown = all_on_terminal(mmsg, "copy", "--to", target, env={"DATABASE_URL": source})
    assert re.search(r"\rcopy  [━─]+ +\d+%  [\d,]+ rows  [\d,]+ rows/s", shown)
    assert "lines" not in shown
    assert re.search(r"\ncopied: [\d,]+ rows; both databases have the digest \w{64}\n$", shown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.faults
def test_a_signal_ends_it_after_the_batch_in_hand(
    mmsg: Program, source_and_target: list[str], tmp_path: Path, number: signal.Signals
) -> None:
    """With 128 and its number; the same command does the rest."""
    source, target = source_and_target
    ingest(source, write_events(tmp_path / "many.ndjson", *generated_events(20_000)))
    with mmsg.start("copy", "--to", target, "--json", database_url=source) as running:
        wait_until(lambda: query(target, "SELECT count(*) FROM events") > [(0,)])
        running.send_signal(number)
        stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert f"which stay; the same command goes on (exit code {128 + number})" in stderr.decode()
    assert b'"status": "interrupted"' in stdout
    assert b'"rows": null' in stdout
    done = mmsg("copy", "--to", target, database_url=source)
    assert (done.exit_code, " were there" in done.stderr) == (0, True)
    assert_same(source, target)


def test_a_copy_killed_midway_is_told_of_by_every_command(mmsg: Program, filled: list[str]) -> None:
    """One line when quiet, as from cron."""
    source, target = filled
    assert not copy_killed(source, target, batches=8)
    done = mmsg("ingest", "events.ndjson", "--quiet", "--empty-ok", database_url=target)
    assert done.exit_code in {6, 14}
    done = mmsg("sends", "--quiet", database_url=target)
    assert (done.exit_code, done.stderr.count("\n"), "mmsg copy" in done.stderr) == (14, 1, True)


@pytest.mark.parametrize(
    ("url", "exit_code", "words"),
    [
        ("mysql://u:hush@h/d", 2, "--to asks for 'mysql', which is not supported"),
        ("postgresql://u:hu@sh@h/d", 2, "--to has more than one @"),
        ("nonsense", 2, "--to is not a database URL"),
        ("sqlite://", 2, "--to: a SQLite database in memory"),
        ("postgresql://u:hush@127.0.0.1:1/d?password=hush", 14, "the database to copy to (--to): the connection"),
    ],
)
def test_an_unusable_url_is_told_without_its_password(
    mmsg: Program, filled: list[str], url: str, exit_code: int, words: str
) -> None:
    """By the name of the option."""
    done = mmsg("copy", "--to", url, "--json", database_url=filled[0], env={"MMSG_DEBUG": "1"})
    assert (done.exit_code, done.stdout, words in done.stderr) == (exit_code, "", True), done.stderr
    assert "hush" not in done.stderr
    assert "sh@h" not in done.stderr


def test_others_access_to_the_copy_is_warned_of(mmsg: Program, filled: list[str]) -> None:
    """It holds the same personal data."""
    source, target = filled
    for url in filled:
        Path(url.removeprefix("sqlite:///")).chmod(0o600)
    Path(target.removeprefix("sqlite:///")).chmod(0o644)
    done = mmsg("copy", "--to", target, database_url=source)
    assert f"warning: others than its owner have access to the database file {target[10:]}" in done.stderr


def test_it_asks_for_the_target(mmsg: Program, filled: list[str]) -> None:
    """There is no default; the help has examples and exit codes."""
    done = mmsg("copy", database_url=filled[0])
    assert (done.exit_code, "--to" in done.stderr) == (2, True)
    text = " ".join(mmsg("copy", "--help").stdout.split())
    for words in ("mmsg copy --to sqlite:///new.db --json", "Exit codes: 0 copied;", "8 the copy differs"):
        assert words in text
