"""`mmsg stats` and `mmsg digest` from outside: on a terminal and in a pipe, beside a run at work, and how they end."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url
from sqlalchemy.orm import Session

from marketing_cli.database import migration
from marketing_cli.repositories import digest as digest_rows
from marketing_cli.repositories.audit import AuditRepository
from marketing_cli.services import reading, stats_looks
from marketing_cli.services.digest import digest_history
from support.counted import fill_counted
from support.databases import only_postgresql, only_sqlite
from support.ingesting import everybody_locked, generated_file, ingest, query, run_here, stored_lines, wait_until
from support.listing import change
from support.program import Program
from support.terminal import on_terminal

pytestmark = pytest.mark.faults  # slow

BOTH = ["stats", "digest"]
WHOLE = """\
What was stored and decided

Runs:
  runs:     2
  lines:    33: 13 new, 14 duplicate, 4 rejected, 2 blank, 0 skipped
  events:   13
  decided:  4 requested, 0 historical, 2 suppressed, 9 not matched

By template:
  Template  Requested  Historical  Suppressed  Not matched
  A                 1           0           1            4
  B                 1           0           0            5
  C                 2           0           1            0

Suppressed:
  Template  Code                    Count
  A         daily_cap_reached           1
  C         already_sent_once_ever      1

Not matched, by the first condition that failed:
  Rule  Template  Condition                    Code                        Count
  b     B         prior_event start within 1h  prior_event_outside_window      3
  a     A         properties.n gte 3           condition_false                 2
  b     B         prior_event start within 1h  prior_event_missing             2
  a     A         properties.code equals "X"   value_not_comparable            1
  a     A         properties.n gte 3           value_not_comparable            1

Values that could not be compared:
  Rule  Template  Condition                   Count
  a     A         properties.code equals "X"      1
  a     A         properties.n gte 3              1

Rejected lines:
  Reason         Lines  Times
  bad_json           1      2
  missing_field      1      2

Event types that no rule is on:
  Type   Prior event of a rule  Count
  seen   no                         2
  first  yes                        1

By day and template:
  Day (UTC)   Template  Requested  Historical  Suppressed  Not matched
  2025-11-02  A                 0           0           0            4
  2025-11-02  B                 0           0           0            4
  2025-11-02  C                 1           0           1            0
  2025-11-01  A                 1           0           1            0
  2025-11-01  B                 1           0           0            1
  2025-11-01  C                 1           0           0            0

Lines by day:
  Day (UTC)   Runs  Lines  New  Duplicate  Rejected  Blank  Skipped
  2025-12-02     1     17    1         13         2      1        0
  2025-12-01     1     16   12          1         2      1        0

About these figures:
"""
CHARTS = ["Requested per day, by template", "Suppressed per day, by template", "Not matched per day, by template"]


@pytest.fixture
def counted(database_url: str, tmp_path: Path) -> str:
    """A small history."""
    fill_counted(database_url, tmp_path)
    return database_url


def test_a_pipe_gets_plain_tables_and_charts(mmsg: Program, counted: str) -> None:
    """Every table to the letter, a chart for each outcome that there is, and nothing on standard error."""
    done = mmsg("stats", "--by-event-day", database_url=counted)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(WHOLE)
    assert "\x1b" not in done.stdout
    drawn = done.stdout.removeprefix(WHOLE)
    assert re.findall(r"^.* per day, by template$", drawn, re.MULTILINE) == CHARTS
    assert max(len(line) for line in drawn.split(CHARTS[0])[1].splitlines()) == 80
    first, second, third = (chart.splitlines() for chart in re.split("|".join(CHARTS), drawn)[1:])
    assert first[1] == "██ C  ░░ A  ▓▓ B"
    assert second[1] == "██ A  ░░ C"
    assert third[1] == "██ B  ░░ A"
    for chart in (first, second, third):
        assert chart[-1 if chart is third else -2].split() == ["2025-11-01", "2025-11-02"]
    assert [line.split("┤")[0].strip() for line in third if "┤" in line] == ["4", "3", "2", "1", "0"]


def test_ascii_is_enough(mmsg: Program, counted: str) -> None:
    """Where the encoding has no blocks, charts are drawn with what it has."""
    done = mmsg("stats", database_url=counted, env={"PYTHONIOENCODING": "ascii"})
    assert (done.exit_code, done.stdout.isascii(), "##" in done.stdout) == (0, True, True)


@only_sqlite
@pytest.mark.parametrize("width", [60, 120])
def test_a_terminal_gets_colours_and_its_own_width(mmsg: Program, counted: str, width: int) -> None:
    """The same tables and charts; no line is wider than the terminal."""
    assert counted
    seen = on_terminal(mmsg, "stats", "--by-event-day", width=width)
    assert "\x1b[" in seen.split(CHARTS[0])[1]
    bare = re.sub(r"\x1b\[[\d;]*m", "", seen)
    assert max(map(len, bare.splitlines())) <= width
    assert max(map(len, bare.split(CHARTS[0])[1].splitlines())) == width
    assert [title for title in CHARTS if title in bare] == CHARTS
    plain = on_terminal(mmsg, "stats", "--by-event-day", width=width, env={"NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert plain.splitlines() == [line.rstrip() for line in bare.splitlines()]


@only_sqlite
def test_the_digest_on_a_terminal(mmsg: Program, counted: str) -> None:
    """Whole, also where it does not fit on the line."""
    found = digest_history(counted)
    for width in (50, 120):
        bare = re.sub(r"\x1b\[[\d;]*m|[\s│┃]", "", on_terminal(mmsg, "digest", width=width))
        at_once = bare if width == 120 else "".join(char for char in bare if char in "0123456789abcdef")
        assert found.digest in at_once
    assert on_terminal(mmsg, "digest", "--json", width=50).startswith("{")


@pytest.mark.parametrize("command", BOTH)
def test_quiet_prints_nothing_but_json(mmsg: Program, counted: str, command: str) -> None:
    """As in every command."""
    done = mmsg(command, "--quiet", database_url=counted)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    both = mmsg(command, "--quiet", "--json", database_url=counted)
    assert (both.exit_code, both.stderr) == (0, "")
    assert both.json() == mmsg(command, "--json", database_url=counted).json()
    assert both.stdout.isascii()


@pytest.mark.parametrize("command", BOTH)
@pytest.mark.parametrize("exit_code", [10, 12, 13])
def test_a_schema_that_is_not_the_newest_is_told(
    database_url: str, command: str, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is on standard output."""
    if exit_code == 12:
        monkeypatch.setattr(migration, "REVISIONS", (*migration.REVISIONS, "9999"))
    else:
        statements = {10: "DELETE FROM alembic_version", 13: "UPDATE alembic_version SET version_num = 'later'"}
        change(database_url, statements[exit_code])
    done = run_here(command, "--json", url=database_url)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert done.stderr.startswith("mmsg: ")


@pytest.mark.parametrize("command", BOTH)
def test_no_database_is_not_made(command: str, empty_database_url: str) -> None:
    """It is 10, with what to do."""
    done = run_here(command, url=empty_database_url)
    assert (done.exit_code, done.stdout, "mmsg migrate" in done.stderr) == (10, "", True)
    if empty_database_url.startswith("sqlite"):
        assert not Path(make_url(empty_database_url).database or "").exists()


@pytest.mark.parametrize("command", BOTH)
@pytest.mark.parametrize(
    ("args", "exit_code"),
    [
        (["--no-such-option"], 2),
        (["too much"], 2),
        (["--env-file", "/nowhere/settings.env"], 7),
        ([], 14),
    ],
)
def test_faults(command: str, args: list[str], exit_code: int) -> None:
    """Options before settings, settings before the database; the password is not shown."""
    done = run_here(command, *args, url="postgresql://someone:sesame@127.0.0.1:1/nothing")
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    "args", [["--since", "yesterday"], ["--since", "2025-11-01"], ["--until", "7d", "--since", "1d"]]
)
def test_a_time_that_cannot_be_understood_is_2(args: list[str]) -> None:
    """Before anything else is looked at."""
    assert run_here("stats", *args, url="nonsense").exit_code == 2


@only_sqlite
@pytest.mark.parametrize("command", BOTH)
def test_the_examples_of_the_help_run(mmsg: Program, counted: str, command: str) -> None:
    """Each of them, as it stands there, and all exit codes are named."""
    shown = mmsg(command, "--help").stdout
    examples = re.findall(rf"^ *(mmsg {command}(?: \S+)*)", shown, re.MULTILINE)
    examples = [example.split(" |")[0] for example in examples if not example.startswith("mmsg stats [OPT")]
    assert len(examples) >= 2
    for example in examples:
        assert mmsg(*example.split()[1:], database_url=counted).exit_code == 0
    assert {int(code) for code in re.findall(r"\b\d+\b", shown.split("Exit codes:")[1])} == {0, 2, 7, 10, 12, 13, 14}


@pytest.mark.faults
@pytest.mark.parametrize("command", BOTH)
def test_a_run_at_work_is_not_disturbed(
    database_url: str, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again and again, slice by slice, while batches are stored, a run that waits for nobody long ends well."""
    monkeypatch.setattr(reading, "_FIRST_ROWS", 50)
    path = generated_file(tmp_path / "events.ndjson", 3_000)
    program = Program(tmp_path, database_url)
    times = 0
    with program.start("ingest", path, "--batch-size", "30", "--busy-timeout", "2", "--quiet") as process:
        wait_until(lambda: stored_lines(database_url) > 100)
        while process.poll() is None:
            done = run_here(command, "--json", url=database_url)
            assert done.exit_code == 0, done.stderr
            times += 1
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, b"")
    assert times
    assert query(database_url, "SELECT status, new FROM runs") == [("ok", 3000)]


@pytest.mark.parametrize("command", BOTH)
def test_they_do_not_wait_for_a_run_in_its_batch(counted: str, command: str) -> None:
    """What was stored before is there to be read while another run holds its locks."""
    before = run_here(command, "--json", url=counted).json()
    with everybody_locked(counted):
        found = run_here(command, "--json", url=counted)
    assert (found.exit_code, found.json()) == (0, before)


@only_postgresql
@pytest.mark.parametrize("command", BOTH)
def test_postgresql_is_read_in_one_snapshot_that_writes_nothing(counted: str, command: str) -> None:
    """Whatever is read, it is in the same transaction, which nobody has to wait for."""
    seen: set[tuple[Any, ...]] = set()
    begin = "SELECT now(), current_setting('transaction_isolation'), current_setting('transaction_read_only')"

    def watch(_: object, cursor: Any, statement: str, *__: object) -> None:
        if statement != begin:
            cursor.connection.execute(begin)
            seen.add(tuple(cursor.connection.execute(begin).fetchone()))

    event.listen(Engine, "after_cursor_execute", watch)
    try:
        assert run_here(command, "--quiet", url=counted).exit_code == 0
    finally:
        event.remove(Engine, "after_cursor_execute", watch)
    reading = {row for row in seen if row[1] == "repeatable read"}
    assert [row[1:] for row in reading] == [("repeatable read", "on")]


@only_sqlite
@pytest.mark.parametrize("command", BOTH)
def test_no_reading_takes_long(
    database_url: str, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite a reader keeps a writer from its COMMIT: where rows are slow to read, fewer are read at a time."""
    ingest(database_url, generated_file(tmp_path / "events.ndjson", 400))
    clock, spent = SlowClock(), [0.0]

    def slow(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(session: Session, *rest: Any) -> Any:
            found = function(session, *rest)
            clock.now += 0.004 * len(found)
            spent[-1] += 0.004 * len(found)
            return found

        return counted

    def piece_begins(reader: reading.Reading) -> float:
        spent.append(0.0)
        return begin(reader)

    begin = reading.Reading._begin  # noqa: SLF001 - where every slice begins
    monkeypatch.setattr(reading, "time", clock)
    monkeypatch.setattr(stats_looks, "time", clock)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 20)
    monkeypatch.setattr(reading.Reading, "_begin", piece_begins)
    monkeypatch.setattr(AuditRepository, "first_events", _slow_method(AuditRepository.first_events, clock, spent))
    for name in ("events", "matches", "requests"):
        monkeypatch.setattr(digest_rows, name, slow(getattr(digest_rows, name)))
    assert run_here(command, "--quiet", url=database_url).exit_code == 0
    assert sum(spent) > 0.5
    assert 0.05 < max(spent) <= 0.2


class SlowClock:
    """Time that passes by being told to."""

    now = 0.0

    def monotonic(self) -> float:
        """What time it is."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """At once."""
        self.now += seconds


def _slow_method(method: Callable[..., Any], clock: SlowClock, spent: list[float]) -> Callable[..., Any]:
    def slow(audit: AuditRepository, event_ids: Sequence[int], enough: Callable[[], bool]) -> Any:
        clock.now += 0.004 * len(event_ids)
        spent[-1] += 0.004 * len(event_ids)
        return method(audit, event_ids, enough)

    return slow
