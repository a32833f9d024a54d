"""The lists as people and programs get them: shapes, formats, notes, data that bites, and how they fail."""

import base64
import csv
import io
import json
import os
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from marketing_cli.cli.app import app
from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here
from support.listing import BROKEN, change, filled_once, listed
from support.program import Program

LISTS = [["sends"], ["suppressions"], ["rejects"], ["runs"], ["rules", "history"]]
MOMENT = "a moment"

SEND = {
    "id": 2,
    "run_id": 1,
    "user_id": "u_2",
    "template": "INSUFFICIENT_FUNDS_EMAIL",
    "channel": "email",
    "rule": "insufficient_funds",
    "status": "requested",
    "reason": 'insufficient_funds matched: properties.failure_reason is "INSUFFICIENT_FUNDS"',
    "event_id": "evt_3",
    "event_timestamp": "2025-11-01T10:41:00Z",
    "decided_at": MOMENT,
    "amount": 12.5,
    "attempt_number": 3,
    "failure_reason": "INSUFFICIENT_FUNDS",
    "email": None,
    "country": None,
    "risk_segment": None,
}
SUPPRESSION = {
    "id": 1,
    "run_id": 1,
    "user_id": "u_1",
    "template": "WELCOME_EMAIL",
    "channel": "email",
    "rule": "welcome_email",
    "reason": "skipped WELCOME_EMAIL: already sent at 2025-11-01T10:00:00Z (event evt_1)",
    "event_id": "evt_2",
    "event_timestamp": "2025-11-02T10:00:00Z",
    "decided_at": MOMENT,
    "amount": None,
    "attempt_number": None,
    "failure_reason": None,
    "email": "a@example.com",
    "country": "PT",
    "risk_segment": "LOW",
    "reason_code": "already_sent_once_ever",
    "blocked_by": {"send_request_id": 1, "event_id": "evt_1", "event_timestamp": "2025-11-01T10:00:00Z"},
    "matched_because": "welcome_email matched: user_traits.marketing_opt_in is true",
}
REJECT = {
    "run_id": 3,
    "last_run_id": 3,
    "count": 1,
    "path": "broken_0.ndjson",
    "line": 1,
    "reason": "missing_field",
    "detail": "event_timestamp: is required",
    "user_id": "u_9",
    "event_type": "x",
    "event_id": "evt_9",
    "raw": BROKEN[0].decode(),
    "raw_base64": None,
    "raw_length": len(BROKEN[0]),
    "created_at": MOMENT,
}
COUNTS = {"lines": 2, "new": 0, "duplicate": 1, "rejected": 1, "blank": 0, "skipped": 0}
RUN = {
    "run_id": 3,
    "status": "partial",
    "exit_code": 3,
    "started_at": MOMENT,
    "finished_at": MOMENT,
    "backfill": False,
    **COUNTS,
    "send_requests": 0,
    "suppressions": 0,
    "rules_sha256": "a hash",
    "rules_source": "shipped",
    "inputs": [
        {
            "path": "broken_0.ndjson",
            "format": "ndjson",
            "compression": "none",
            "state": "done",
            **COUNTS,
            "message": None,
        }
    ],
}
RULES_VERSION = {
    "sha256": "a hash",
    "first_used_at": MOMENT,
    "runs": 5,
    "first_run_id": 1,
    "last_run_id": 5,
    "send_requests": 4,
    "suppressions": 2,
}
SEND_COUNT = {"template": "HIGH_RISK_ALERT", "status": "requested", "day": "2025-11-01", "count": 1}
SUPPRESSION_COUNT = {
    "template": "WELCOME_EMAIL",
    "reason_code": "already_sent_once_ever",
    "day": "2025-11-02",
    "count": 1,
}
SHAPES = [
    (["sends", "--template", "INSUFFICIENT_FUNDS_EMAIL"], SEND),
    (["sends", "--summary", "--by-event-day", "--channel", "internal_alert"], SEND_COUNT),
    (["suppressions", "--user", "u_1"], SUPPRESSION),
    (["suppressions", "--summary", "--by-event-day", "--user", "u_1"], SUPPRESSION_COUNT),
    (["rejects", "--run", "3"], REJECT),
    (["runs"], RUN),
    (["rules", "history"], RULES_VERSION),
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs the module's tests on each database, with one filled database of each kind."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def story(
    request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The story; only to be read."""
    with filled_once(request, database_kind, tmp_path_factory.mktemp("story")) as url:
        yield url


def settled(value: Any, key: str = "") -> Any:
    """The value with what differs from run to run made the same: times of now, folders, the rules' hash."""
    if isinstance(value, dict):
        return {name: settled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    if key in {"decided_at", "started_at", "finished_at", "first_used_at", "created_at"} and value is not None:
        assert value.endswith("Z")
        return MOMENT
    if key in {"sha256", "rules_sha256"}:
        assert len(value) == 64
        return "a hash"
    return Path(value).name if key == "path" else value


@pytest.mark.parametrize(("args", "expected"), SHAPES, ids=[" ".join(args) for args, _ in SHAPES])
def test_the_shape_of_each_row_is_a_promise(story: str, args: list[str], expected: dict[str, Any]) -> None:
    """Every key with its value, in this order: programs read them by these names."""
    rows = settled(listed(story, *args))
    row = rows[-3] if args == ["runs"] else rows[0]
    assert row == expected
    assert list(row) == list(expected)


@pytest.mark.parametrize(("args", "expected"), SHAPES, ids=[" ".join(args) for args, _ in SHAPES])
def test_each_format_has_the_same_rows(story: str, args: list[str], expected: dict[str, Any]) -> None:
    """JSON, one object per line, CSV and table differ in form only; `--json` is short for `--output json`."""
    rows = listed(story, *args)
    printed = {name: run_here(*args, "--output", name, url=story) for name in ("json", "ndjson", "csv", "table")}
    assert {done.exit_code for done in printed.values()} == {0}
    assert {done.stderr for done in printed.values()} == {""}
    assert json.loads(printed["json"].stdout) == rows
    assert [json.loads(line) for line in printed["ndjson"].stdout.splitlines()] == rows
    records = list(csv.DictReader(io.StringIO(printed["csv"].stdout)))
    assert len(records) == len(rows)
    assert all(record.keys() == expected.keys() for record in records)
    assert len(printed["table"].stdout.splitlines()) == len(rows) + 1


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
@pytest.mark.parametrize(
    ("output", "out"), [("json", "[]\n"), ("ndjson", ""), ("csv", "a header"), ("table", "")], ids=lambda value: value
)
def test_an_empty_list_is_no_failure(database_url: str, command: list[str], output: str, out: str) -> None:
    """`[]`, nothing, or a header; for people a sentence, which is not part of the output."""
    done = run_here(*command, "--output", output, url=database_url)
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1 if output == "csv" else done.stdout == out
    assert len(done.stderr.splitlines()) == (output == "table")


@pytest.mark.parametrize("output", ["json", "ndjson", "csv", "table"])
@pytest.mark.parametrize("command", ["sends", "suppressions", "rejects", "runs"])
def test_a_limit_that_cuts_is_told_in_every_format(story: str, command: str, output: str) -> None:
    """On standard error, unless `--quiet`."""
    noisy = run_here(command, "--limit", "1", "--output", output, url=story)
    quiet = run_here(command, "--limit", "1", "--output", output, "--quiet", url=story)
    assert "There are more than the 1 shown here: --limit 0" in noisy.stderr
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, noisy.stdout, "")


def test_fifty_rows_unless_asked(database_url: str, tmp_path: Path) -> None:
    """And all of them with `--limit 0`."""
    events = [make_event(event_id=f"evt_{number}", user_id=f"u_{number}") for number in range(51)]
    ingest(database_url, write_events(tmp_path / "events.ndjson", *events))
    assert [len(listed(database_url, "sends", *options)) for options in ([], ["--limit", "0"])] == [50, 51]


def test_event_data_is_in_the_table(story: str) -> None:
    """What operators look for first, without opening the event."""
    done = run_here("sends", "--template", "INSUFFICIENT_FUNDS_EMAIL", url=story)
    assert "amount=12.5 attempt_number=3 failure_reason=INSUFFICIENT_FUNDS" in done.stdout
    done = run_here("suppressions", "--user", "u_1", url=story)
    assert "email=a@example.com country=PT risk_segment=LOW" in done.stdout
    assert "skipped WELCOME_EMAIL: already sent at 2025-11-01T10:00:00Z (event evt_1)" in done.stdout


def test_a_killed_run_is_running_and_never_ended(database_url: str, tmp_path: Path) -> None:
    """The ledger does not pretend to know."""
    ingest(database_url, write_events(tmp_path / "events.ndjson", make_event()))
    change(database_url, "UPDATE runs SET status = 'running', finished_at = NULL, exit_code = NULL")
    (row,) = listed(database_url, "runs")
    assert (row["status"], row["finished_at"], row["exit_code"]) == ("running", None, None)
    assert row["new"] == 1


LONG = b'{"user_id": "u_1", "text": "' + b"x" * 100 + b'"}'
KEPT = {
    b'{"user_id": "caf\xc3\xa9"}': 'café"}',
    b"\x80\xff\x00": None,
    b'\x1b[2J{"a": "=1+1"}': "\x1b[2J",
}


def test_kept_bytes_come_back_exactly(database_url: str, tmp_path: Path) -> None:
    """As text where they are UTF-8, else as base64."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"\n".join(KEPT) + b"\n")
    ingest(database_url, path, "--format", "ndjson", exit_code=3)
    rows = listed(database_url, "rejects")
    assert all((row["raw"] is None) is not (row["raw_base64"] is None) for row in rows)
    found = {base64.b64decode(row["raw_base64"]) if row["raw"] is None else row["raw"].encode() for row in rows}
    assert found == set(KEPT)
    assert run_here("rejects", "--json", url=database_url).stdout.isascii()


@only_sqlite
def test_raw_lines_are_printed_as_they_came(mmsg: Program, database_url: str, tmp_path: Path) -> None:
    """Byte for byte, all of them, the oldest first: fit to be mended and ingested again."""
    lines = [*KEPT, LONG]
    for number, line in enumerate(lines):
        path = tmp_path / f"{number}.ndjson"
        path.write_bytes(line + b"\n")
        # Too long for its run, but short enough to be kept whole.
        ingest(database_url, path, "--format", "ndjson", "--max-line-bytes", "50", exit_code=3)
    command = mmsg.command("rejects", "--output", "raw")
    done = subprocess.run(command, env=mmsg.environment(), capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"\n".join(lines) + b"\n", b"")


def test_raw_lines_have_a_limit_only_if_asked(database_url: str, tmp_path: Path) -> None:
    """All 60 without one: a line that is not printed is not mended."""
    path = tmp_path / "events.ndjson"
    path.write_text("".join(f"broken {number}\n" for number in range(60)))
    ingest(database_url, path, "--format", "ndjson", exit_code=3)
    printed = [run_here("rejects", "--output", "raw", *limit, url=database_url) for limit in ([], ["--limit", "7"])]
    assert [len(done.stdout.splitlines()) for done in printed] == [60, 7]
    assert [done.stderr for done in printed] == ["", "There are more: --limit 0 gives all of them.\n"]


def test_json_wins_over_raw(story: str) -> None:
    """`--json` is one JSON value, whatever else is said."""
    assert run_here("rejects", "--output", "raw", "--json", url=story).json() == listed(story, "rejects")


def test_an_over_long_line_shows_its_beginning_and_its_length(database_url: str, tmp_path: Path) -> None:
    """64 KiB are kept of it."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'"' + b"y" * 100_000 + b'"\n')
    ingest(database_url, path, "--max-line-bytes", "70000", exit_code=3)
    (row,) = listed(database_url, "rejects")
    assert (row["reason"], row["raw_length"], len(row["raw"])) == ("line_too_long", 100_002, 64 * 1024)
    done = run_here("rejects", "--output", "raw", url=database_url)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Left out: 1 over the line limit" in done.stderr


def test_a_table_of_kept_lines_does_not_show_them(story: str) -> None:
    """Neither does it read them: they may be a megabyte each."""
    assert "evt_9" in run_here("rejects", url=story).stdout
    assert BROKEN[0].decode() not in run_here("rejects", url=story).stdout


HOSTILE = "[bold]x[/] :skull: \x1b[31m\u202e\ue000\r\n\u2028\U000e0041=1+1"
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
RULES = """\
version: 1
rules:
  - name: "=rule [/red]"
    on: payment_failed
    message: {template: "@T [/]", channel: sms}
    limit: once_ever
"""


@pytest.fixture
def hostile(database_url: str, tmp_path: Path) -> str:
    """Requests, a suppression, a kept line, a run and rules, in all of which every text that can be is hostile."""
    rules = tmp_path / "=[red]rules.yaml"
    rules.write_text(RULES)
    events = [
        make_event(
            event_id=f"={HOSTILE}{number}",
            user_id=f"@{HOSTILE}",
            event_type="payment_failed",
            properties={"failure_reason": f"-{HOSTILE}"},
            user_traits={"email": f"+{HOSTILE}", "country": HOSTILE, "risk_segment": "\t=1"},
        )
        for number in range(2)
    ]
    bad = make_event(event_id=f"={HOSTILE}", user_id=f"@{HOSTILE}", event_type=HOSTILE, event_timestamp=HOSTILE)
    path = write_events(tmp_path / "=\x1b[31m[red]\u202eevents.ndjson", *events, bad)
    ingest(database_url, path, "--rules", rules, exit_code=3)
    return database_url


def is_seen(text: str) -> bool:
    """Whether nothing in a text, line ends aside, is invisible or obeyed by a terminal."""
    return not [char for char in text if unicodedata.category(char) in HIDDEN and char not in "\r\n"]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_hostile_data_is_shown_and_not_obeyed(hostile: str, command: list[str]) -> None:
    """Tables and CSV are plain text on one line a row, CSV runs nothing, JSON loses nothing."""
    rows = listed(hostile, *command)
    table = run_here(*command, url=hostile).stdout
    assert is_seen(table)
    assert len(table.splitlines()) == len(rows) + 1
    text = run_here(*command, "--output", "csv", url=hostile).stdout
    assert is_seen(text)
    cells = [cell for record in csv.reader(io.StringIO(text)) for cell in record]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []
    for output in ("json", "ndjson"):
        printed = run_here(*command, "--output", output, url=hostile).stdout
        assert printed.isascii()
        assert is_seen(printed)


def test_hostile_data_comes_back_from_json_as_it_went_in(hostile: str) -> None:
    """Every character."""
    for row in [*listed(hostile, "sends"), *listed(hostile, "suppressions")]:
        assert row["user_id"] == f"@{HOSTILE}"
        assert row["event_id"][:-1] == f"={HOSTILE}"
        assert (row["failure_reason"], row["email"], row["country"]) == (f"-{HOSTILE}", f"+{HOSTILE}", HOSTILE)
        assert (row["template"], row["rule"]) == ("@T [/]", "=rule [/red]")
    (kept,) = listed(hostile, "rejects", "--user", f"@{HOSTILE}")
    assert (kept["event_id"], kept["event_type"]) == (f"={HOSTILE}", HOSTILE)
    assert "[/]" in run_here("sends", url=hostile).stdout


def on_a_terminal(program: Program, *args: str, env: dict[str, str]) -> str:
    """What a terminal 250 columns wide gets."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 250, 0, 0))
    environment = {**program.environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
    with subprocess.Popen(
        program.command(*args), env=environment, stdout=follower, stdin=subprocess.DEVNULL
    ) as process:
        os.close(follower)
        chunks: list[bytes] = []
        try:
            while chunk := os.read(leader, 65536):
                chunks.append(chunk)
        except OSError:  # how Linux says that the last writer has gone
            pass
        assert process.wait(timeout=60) == 0
    os.close(leader)
    return b"".join(chunks).decode()


@only_sqlite
def test_colour_is_for_terminals_that_want_it(hostile: str, tmp_path: Path) -> None:
    """None with NO_COLOR, none in a pipe whatever is asked for; data colours nothing, and a pipe is never cut."""
    program = Program(tmp_path, hostile)
    colored = on_a_terminal(program, "runs", env={})
    assert "\x1b[33mpartial\x1b[0m" in colored
    plain = on_a_terminal(program, "runs", env={"NO_COLOR": "1"})
    assert "\x1b" not in plain
    assert "[red]" in plain
    piped = program("sends", env={"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "COLUMNS": "20"})
    assert is_seen(piped.stdout)
    assert "…" not in piped.stdout
    assert len(piped.stdout.splitlines()) == 2


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
@pytest.mark.parametrize("options", [["--json"], ["--output", "ndjson"], ["--output", "csv"], []])
def test_a_database_that_was_never_migrated_is_10(
    empty_database_url: str, command: list[str], options: list[str]
) -> None:
    """Nothing on standard output; what to do on standard error; no file is made."""
    done = run_here(*command, *options, url=empty_database_url)
    assert (done.exit_code, done.stdout) == (10, "")
    assert "Run `mmsg migrate`" in done.stderr
    assert not Path(empty_database_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["sends", "--since", "yesterday"],
            '--since does not understand "yesterday"; write 2025-11-01T10:00:00Z, or 90s',
        ),
        (["sends", "--until", "2025-11-01"], "write 2025-11-01T00:00:00Z for the beginning of that day in UTC"),
        (["sends", "--channel", "mail"], 'not "mail"; did you mean "email"?'),
        (["sends", "--run", "0"], "`mmsg runs` lists them"),
        (["sends", "--reason-code", "daily_cap_reached"], "No such option: --reason-code"),
        (["suppressions", "--reason-code", "daily_cap"], 'did you mean "daily_cap_reached"?'),
        (["suppressions", "--by-event-day"], "add --summary"),
        (["suppressions", "--limit", "-1"], "or 0 for all"),
        (["rejects", "--reason", "bad_jason"], 'did you mean "bad_json"?'),
        (["rejects", "--output", "xml"], "--output"),
        (["sends", "--output", "raw"], "--output"),
        (["runs", "--since", "2h", "--until", "3h"], "--since is not before --until"),
        (["rules", "history", "--limit", "-1"], "or 0 for all"),
    ],
)
def test_an_option_that_cannot_be_understood_is_2(empty_database_url: str, args: list[str], message: str) -> None:
    """Before the database is looked for; the message says what is allowed."""
    done = run_here(*args, url=empty_database_url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize("option", ["--env-file", "environment"])
def test_the_database_is_the_one_that_settings_name(story: str, tmp_path: Path, option: str) -> None:
    """The environment, or a file of settings."""
    settings = tmp_path / "settings"
    settings.write_text(f"DATABASE_URL={story}\n")
    if option == "--env-file":
        done = run_here("runs", "--json", "--env-file", settings)
    else:
        done = run_here("runs", "--json", url=story)
    assert len(done.json()) == query(story, "SELECT count(*) FROM runs")[0][0]


def commands(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Every command below this one, with its full name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(names), command
    for name, child in (inner or {}).items():
        yield from commands(child, *names, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_exit_codes(name: str) -> None:
    """Of every command, with an example that begins with the command itself."""
    done = run_here(*name.split(), "--help")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Examples:\n" in done.stdout
    assert f"  mmsg {name}" in done.stdout.partition("Examples:")[2]
    assert "Exit codes: 0 " in done.stdout
    assert COMMANDS[name].help


def test_every_list_is_a_command() -> None:
    """What is tested above is what there is."""
    assert {" ".join(command) for command in LISTS} | {"rules check", "rules show"} <= set(COMMANDS)
