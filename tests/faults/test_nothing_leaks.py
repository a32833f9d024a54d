"""What is personal or secret stays where it belongs: not in messages, summaries, logs, tracebacks or process lists.

What was typed on the command line may be shown again, and so may the one value in a rules file that a message is about;
nothing of an event ever, and no password.
"""

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from marketing_cli.cli.app import app
from support.databases import only_sqlite
from support.events import MISSING, make_event, ndjson, write_events
from support.ingesting import ingest, run_here
from support.program import Outcome

MARK = "Qx7marker"
LISTS = [["runs"], ["sends"], ["suppressions"], ["rejects"], ["sends", "--summary"], ["rules", "history"]]
READING = [
    *LISTS,
    ["audit", "nobodys"],
    ["audit", "--user", "nobody"],
    ["audit", "--row", "1"],
    ["rules", "show", "abcdef"],
]


def event(**overrides: Any) -> bytes:
    """An event as its producer sends it."""
    return ndjson(make_event(**overrides)).encode()


def nan_at(key: str) -> bytes:
    """An event with a number that is none under this key."""
    return event(properties={key: 0}).replace(b": 0}", b": NaN}")


def twice(first: dict[str, Any], second: dict[str, Any]) -> bytes:
    """The same event with two contents."""
    return event(event_id="twice", **first) + event(event_id="twice", **second)


PAYLOADS: dict[str, bytes] = {
    "a property": event(properties={"key": MARK}),
    "a property's name": event(properties={MARK: 1}),
    "a name further in": event(properties={"a": [{MARK: {"b": 1}}]}),
    "a value further in": event(properties={"a": [{"b": [MARK]}]}),
    "an amount": event(properties={"amount": MARK, "attempt_number": MARK, "failure_reason": [MARK]}),
    "a trait": event(user_traits={"country": MARK}),
    "a trait's name": event(user_traits={MARK: True}),
    "an e-mail address": event(user_traits={"email": f"{MARK}@example.com"}),
    "another field": event(other=MARK),
    "another field's name": event(**{MARK: 1}),
    "an event id": event(event_id=MARK),
    "a message id": event(event_id=MISSING, message_id=MARK),
    "a user id": event(user_id=MARK),
    "an event type": event(event_type=MARK),
    "a bad timestamp": event(event_timestamp=MARK),
    "a bad id": event(event_id=[MARK]),
    "a bad user id": event(user_id={MARK: MARK}),
    "a bad type": event(event_type=[MARK]),
    "properties that are none": event(properties=MARK),
    "traits that are none": event(user_traits=[MARK]),
    "an id that is too long": event(user_id=MARK * 50),
    "NUL after it": event(properties={"key": f"{MARK}\0"}),
    "NUL under it": event(properties={MARK: "\0"}),
    "NUL in it": event(properties={f"{MARK}\0": 1}),
    "half a character": event(properties={MARK: "\udc00"}),
    "no number under it": nan_at(MARK),
    "a large number under it": event(properties={MARK: 1 << 70}),
    "depth under it": event(properties={MARK: 0}).replace(b": 0}", b": " + b"[" * 120 + b"]" * 120 + b"}"),
    "broken JSON": event(properties={"key": MARK})[:-3] + b"'}\n",
    "a broken escape": event(properties={"key": MARK}).replace(b"Qx7", b"\\x"),
    "no JSON": f"{MARK}\n".encode(),
    "a bare text": f'"{MARK}"\n'.encode(),
    "no UTF-8": event(properties={"key": MARK}).replace(b"marker", b"\xffmarker"),
    "UTF-16": event(properties={"key": MARK}).decode().encode("utf-16"),
    "a long line": event(properties={"key": MARK * 1000}),
    "a line cut off": event(properties={"key": MARK})[:-20],
    "an array cut off": b"[" + event(properties={"key": MARK}) + b"," + event(other=MARK)[:-20],
    "an archive cut off": gzip.compress(event(properties={"key": MARK}) * 50)[:-12],
    "other contents": twice({}, {"properties": {"key": MARK}}),
    "another name in the contents": twice({"user_traits": {"a": 1}}, {"user_traits": {MARK: 1}}),
}
"""Where in an input the mark stands -> the input."""


def assert_silent(done: Outcome, *, stdout: bool = True) -> None:
    """The mark is not on standard error, nor, unless that is for data, on standard output; nor is a traceback."""
    shown = done.stderr + (done.stdout if stdout else "")
    assert MARK.lower() not in shown.lower()
    assert "Traceback" not in shown


@pytest.mark.parametrize("place", PAYLOADS)
def test_nothing_of_an_input_is_shown(database_url: str, tmp_path: Path, place: str, caplog: Any) -> None:
    """Whatever becomes of the line: the summary, the JSON report, the log, and what later commands say beside it."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "events"
    path.write_bytes(PAYLOADS[place])
    for options in (["--dry-run"], ["--json"], ["--quiet", "--strict"]):
        done = run_here("ingest", path, *options, "--max-line-bytes", "4000", url=database_url)
        assert done.exit_code in {0, 3, 5}, done.stderr
        assert_silent(done)
    for command in (*LISTS, ["rejects", "--output", "raw"]):
        assert_silent(run_here(*command, "--limit", "1", url=database_url), stdout=False)
    assert MARK not in caplog.text


def raising(failure: Exception) -> Callable[..., Any]:
    """Something that fails so."""

    def fail(*_: object, **__: object) -> Any:
        raise failure

    return fail


FAILURES = {
    "a bug": KeyError(MARK),
    "a failure of the database": OperationalError(f"INSERT {MARK}", {"x": MARK}, Exception(f"DETAIL: Key={MARK}")),
    "a lost connection": OperationalError("SELECT", {}, Exception(MARK), connection_invalidated=True),
    "a failure of the system": OSError(5, "Input/output error", MARK),
    "a text that cannot be encoded": UnicodeEncodeError("ascii", MARK, 0, 1, MARK),
}
WRITING = {
    "parsing": "marketing_cli.services.batching.parse_line",
    "storing": "marketing_cli.services.event_processing.lock_users",
    "closing": "marketing_cli.services.run_ledger.RunLedger.close",
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("place", WRITING)
def test_a_run_that_breaks_shows_nothing(
    database_url: str, tmp_path: Path, place: str, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What broke may quote what it had in hand; its own words are never passed on."""
    monkeypatch.setattr(WRITING[place], raising(FAILURES[failure]))
    path = write_events(tmp_path / "events.ndjson", make_event(event_id=MARK))
    done = run_here("ingest", path, "--json", url=database_url)
    assert done.exit_code not in {0, 3}
    assert_silent(done)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("command", READING, ids=" ".join)
@only_sqlite
def test_a_reading_command_that_breaks_shows_nothing(
    database_url: str, command: list[str], failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Likewise."""
    monkeypatch.setattr("sqlalchemy.orm.Session.execute", raising(FAILURES[failure]))
    monkeypatch.setattr("sqlalchemy.orm.Session.scalars", raising(FAILURES[failure]))
    for options in ([], ["--quiet"]):
        done = run_here(*command, *options, url=database_url)
        assert done.exit_code in {1, 14}
        assert_silent(done)


def test_a_constraint_that_names_the_values_shows_nothing(database_url: str) -> None:
    """PostgreSQL tells the key that is there already."""
    from marketing_cli.database.failures import explain
    from marketing_cli.database.sessions import open_database
    from marketing_cli.models import RulesVersion

    said = []
    with open_database(database_url, writes=True) as transactions:
        for _ in range(2):
            try:
                with transactions() as session:
                    session.add(RulesVersion(sha256=MARK, text=MARK, in_force=[]))
            except Exception as error:  # noqa: BLE001 - whatever the driver raises
                said.append(str(explain(error)))  # type: ignore[arg-type]
    assert len(said) == 1
    assert MARK not in said[0]


def around(password: str) -> str:
    """The URL of a server that is not there, with this password."""
    return f"postgresql://somebody:{password}@127.0.0.1:1/nothing"


PASSWORDS: dict[str, str] = {
    "plain": around(MARK),
    "with @": around(f"p@{MARK}"),
    "with @ at its end": around(f"{MARK}@"),
    "with @ and /": around(f"p@{MARK}/{MARK}"),
    "with @ and ?": around(f"p@x?{MARK}"),
    "with @, / and @": around(f"p@x/{MARK}@{MARK}"),
    "with @ and #": around(f"p@x#{MARK}"),
    "with @ and :": around(f"p@{MARK}:{MARK}"),
    "with /": around(f"p/{MARK}"),
    "with #": around(f"p#{MARK}"),
    "with ?": around(f"p?{MARK}"),
    "with :": around(f":{MARK}:"),
    "with %": around(f"%{MARK}%"),
    "with [": around(f"[{MARK}"),
    "with ]": around(f"{MARK}]"),
    "with a space": around(f" {MARK} "),
    "escaped": around(f"p%40%2F{MARK}"),
    "no user": f"postgresql://:{MARK}@127.0.0.1:1/nothing",
    "as the user's": f"postgresql://somebody{MARK}:{MARK}@127.0.0.1:1/nothing",
    "as the port": f"postgresql://somebody@127.0.0.1:{MARK}/nothing",
    "before a port that is none": f"postgresql://somebody:{MARK}@127.0.0.1:port/nothing",
    "before a port that is too large": f"postgresql://somebody:{MARK}@127.0.0.1:99999/nothing",
    "before another host": f"postgresql://somebody:{MARK}@[::1]:1/nothing",
    "before no host": f"postgresql://somebody:{MARK}@/nothing?host=/nowhere",
    "as a parameter": f"postgresql://127.0.0.1:1/nothing?user=somebody&password={MARK}",
    "as a parameter with @": f"postgresql://127.0.0.1:1/nothing?user=somebody&password=p@{MARK}",
    "as a key's": f"postgresql://127.0.0.1:1/nothing?sslpassword={MARK}",
    "before a parameter that is none": f"postgresql://somebody:{MARK}@127.0.0.1:1/nothing?unknown={MARK}",
    "of another database": f"mysql://somebody:{MARK}@127.0.0.1:1/nothing",
    "of another driver": f"postgresql+asyncpg://somebody:{MARK}@127.0.0.1:1/nothing",
    "without a scheme": f"somebody:{MARK}@127.0.0.1:1/nothing",
    "with one slash": f"postgresql:/somebody:{MARK}@127.0.0.1:1/nothing",
    "in libpq's own words": f"host=127.0.0.1 port=1 password={MARK}",
    "over two lines": around(f"p\n{MARK}"),
}
"""How a password stands in a URL -> the URL."""

CONNECTING = [
    ["migrate"],
    ["migrate", "--check"],
    ["ingest", "EVENTS"],
    ["ingest", "-n", "EVENTS"],
    ["runs"],
    ["audit", "e"],
]


@pytest.mark.parametrize("how", PASSWORDS)
@pytest.mark.parametrize("debug", ["", "1"])
def test_no_password_is_shown(tmp_path: Path, how: str, debug: str) -> None:
    """By no command, whether the server is not there or the URL means nothing; not even in a traceback."""
    path = str(write_events(tmp_path / "events.ndjson", make_event()))
    for command in CONNECTING:
        args = [path if word == "EVENTS" else word for word in command]
        done = run_here(*args, url=PASSWORDS[how], MMSG_DEBUG=debug)
        assert done.exit_code in {1, 7, 14}, done.stderr
        assert MARK.lower() not in (done.stdout + done.stderr).lower(), (command, done.stderr)


def servers(url: str) -> Iterator[tuple[str, str]]:
    """URLs of a true server at which something is wrong, with the mark as the password."""
    right = make_url(url).set(password=MARK)
    yield "database", right.set(database="nowhere").render_as_string(hide_password=False)
    yield "user", right.set(username="nobody").render_as_string(hide_password=False)


def test_no_password_is_shown_by_a_server_that_refuses(postgres_url: str) -> None:
    """No such database, no such user: the server's words are not passed on."""
    for _, url in servers(postgres_url):
        for command in (["migrate"], ["runs"]):
            done = run_here(*command, url=url)
            assert done.exit_code == 14
            assert_silent(done)


RULES: dict[str, str] = {
    "a comment": f"version: 1\n# {MARK}\nrules: 3\n",
    "a comment at the fault": f"version: 1\nrules: 3 # {MARK}\n",
    "the name of the rule": f"version: 1\nrules:\n- {{name: {MARK}, on: x, limit: sometimes}}\n",
    "the rule's description": f"version: 1\nrules:\n- {{name: a, description: {MARK}, on: x, limit: sometimes}}\n",
    "another value": "version: 1\nrules:\n- name: a\n  on: x\n  when: [{field: properties.x, equals: "
    f"{MARK}}}]\n  message: {{template: {MARK}, channel: pigeon}}\n  limit: none\n",
    "a value in a list": f"version: 1\nrules:\n- {{name: a, on: x, limit: [{MARK}]}}\n",
    "a value below": f"version: 1\nrules: {{{MARK}: {MARK}}}\n",
    "broken YAML": f"version: 1\nrules: [{MARK}\n",
    "a quote left open": f'version: 1\nrules: "{MARK}\n',
    "a tab": f"version: 1\nrules:\n\t- {MARK}\n",
    "an anchor": f"version: 1\nrules: &{MARK} []\n",
    "an alias": f"version: 1\nrules: *{MARK}\n",
    "a tag": f"version: 1\nrules: !{MARK} []\n",
    "a directive": f"%{MARK} x\n---\nversion: 1\n",
    "a settings file": f"DATABASE_URL=postgresql://somebody:{MARK}@127.0.0.1/nothing\nOTHER=1\n",
    "a settings file of one line": f"SECRET={MARK}\n",
    "an event": ndjson(make_event(user_id=MARK, properties={"a": MARK})),
    "events": ndjson(make_event(user_id=MARK), make_event(user_id=MARK)),
    "an array of events": json.dumps([make_event(user_id=MARK)]),
    "a table": f"user,mail\n{MARK},{MARK}@example.com\n",
}
"""Where in what was given as rules the mark stands, away from the fault or in what are no rules at all -> the file."""


@pytest.mark.parametrize("where", RULES)
@only_sqlite
def test_no_more_of_a_rules_file_is_shown_than_its_faults(database_url: str, tmp_path: Path, where: str) -> None:
    """A wrong file may be named by mistake, and a file of rules may hold what is nobody's business."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES[where])
    path = str(write_events(tmp_path / "events.ndjson", make_event()))
    for command in (
        ["rules", "check", str(rules)],
        ["ingest", path, "--rules", str(rules)],
        ["audit", "--user", "u", "--template", "T", "--rules", str(rules)],
    ):
        done = run_here(*command, url=database_url)
        assert done.exit_code == 7, done.stderr
        assert_silent(done)


SETTINGS = {
    "a broken line of ours": f"DATABASE_URL 'sqlite:///{MARK}\n",
    "a broken line of others": f"OTHER {MARK}\n",
    "an unknown setting": f"MMSG_PASSWORD={MARK}\n",
    "another program's": f"AWS_SECRET_ACCESS_KEY={MARK}\n",
    "a descriptor": f"MMSG_TEST_ACK_FD={MARK}\n",
}


@pytest.mark.parametrize("what", SETTINGS)
@only_sqlite
def test_no_setting_is_shown(database_url: str, tmp_path: Path, what: str) -> None:
    """A settings file is full of secrets, also other programs'."""
    settings = tmp_path / "settings.env"
    settings.write_text(SETTINGS[what])
    done = run_here("runs", "--env-file", str(settings), url=database_url)
    assert_silent(done)


def options(command: Any) -> Iterator[str]:
    """Every name under which a command and those below it take something."""
    for parameter in command.params:
        yield from [parameter.name, *parameter.opts]
    for below in getattr(command, "commands", {}).values():
        yield from options(below)


def test_no_option_takes_a_secret() -> None:
    """Anybody on a machine can see what stands on a command line; not what stands in the environment."""
    names = set(options(typer.main.get_command(app)))
    assert {"--env-file", "--user", "paths"} <= names
    words = ("password", "passwd", "secret", "token", "url", "dsn", "uri", "host", "database")
    assert [name for name in names if any(word in name for word in words)] == []


@only_sqlite
def test_what_was_typed_may_be_shown_harmless(database_url: str, tmp_path: Path) -> None:
    """A file or an id that somebody asks for is theirs to see, without what a terminal would obey."""
    for command in (["ingest", str(tmp_path / f"{MARK}\x1b[31m")], ["audit", f"{MARK}\x1b[31m"]):
        done = run_here(*command, url=database_url)
        assert f"{MARK}\\u001b[31m" in done.stderr
    ingest(database_url, write_events(tmp_path / f"{MARK}.ndjson", make_event()))
