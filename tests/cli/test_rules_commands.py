"""`mmsg rules`: check a file, print the rules in force or those of then, list the versions."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from support.databases import only_sqlite
from support.events import make_event, write_events
from support.ingesting import ingest, query, run_here
from support.listing import change, listed
from support.program import Program
from support.rule_texts import HEAD, flow_rule

SHIPPED = (resources.files("marketing_cli") / "rules" / "default.yaml").read_bytes()
# As somebody's editor may leave it: a mark at the beginning, other line ends, no end of the last line.
ODD = ("\ufeff" + (HEAD + flow_rule()).replace("\n", "\r\n") + "# ends like thís").encode()
NOWHERE = "sqlite:////nowhere/at/all.db"
NEXT = "Next: `mmsg rules test` runs the cases beside the rules; `mmsg rules lint` finds rules that can never match.\n"


def rules_file(folder: Path, text: str, name: str = "rules.yaml") -> Path:
    """A file of rules."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HEAD + flow_rule(), "1 rule, 1 enabled"),
        (HEAD + flow_rule("a") + flow_rule("b", rest="limit: none, enabled: false"), "2 rules, 1 enabled"),
        ("version: 1\nrules: []\n", "0 rules, 0 enabled"),
    ],
)
def test_valid_rules_are_counted(tmp_path: Path, text: str, found: str) -> None:
    """On standard error; standard output is for what was asked for, and nothing was. Needs no database."""
    path = rules_file(tmp_path, text)
    done = run_here("rules", "check", path, url=NOWHERE)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{path}: {found}\n{NEXT}")
    quiet = run_here("rules", "check", path, "--quiet", url=NOWHERE)
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


def test_invalid_rules_are_7_with_a_line_for_each_problem(tmp_path: Path) -> None:
    """Each with its line and column, what was found and what is allowed."""
    text = HEAD + flow_rule("a", rest="limit: twice") + flow_rule("b", rest="limit: none, onn: x")
    path = rules_file(tmp_path, text)
    done = run_here("rules", "check", path, url=NOWHERE)
    assert (done.exit_code, done.stdout) == (7, "")
    places = [line.removeprefix("mmsg: ") for line in done.stderr.splitlines()]
    assert [line.startswith(f"{path}:{number}:") for number, line in zip((3, 4), places, strict=True)] == [True, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "absent.yaml", "no such file"),
        (lambda folder: folder, "is a directory"),
        (lambda folder: rules_file(folder, "version: 1\nrules: [\x00]"), "rules.yaml:"),
    ],
)
def test_a_file_that_is_no_rules_is_7(tmp_path: Path, make: object, message: str) -> None:
    """A missing file is bad configuration, too."""
    done = run_here("rules", "check", make(tmp_path), url=NOWHERE)  # type: ignore[operator]
    assert (done.exit_code, done.stdout) == (7, "")
    assert message in done.stderr


def shown(program: Program, *args: str | Path, **env: str) -> bytes:
    """What `rules show` prints, as bytes."""
    import subprocess

    command = program.command("rules", "show", *args)
    environment = {**program.environment(), **env}
    return subprocess.run(command, env=environment, cwd=program.home, capture_output=True, check=True).stdout


def test_the_rules_in_force_are_printed_byte_for_byte(tmp_path: Path) -> None:
    """The shipped ones, those of MMSG_RULES, those of --rules; whatever the terminal's encoding; without a database."""
    program = Program(tmp_path, NOWHERE)
    odd = tmp_path / "odd.yaml"
    odd.write_bytes(ODD)
    assert shown(program) == SHIPPED
    assert shown(program, MMSG_RULES=str(odd), PYTHONIOENCODING="ascii") == ODD
    assert shown(program, "--rules", odd, MMSG_RULES=str(tmp_path / "absent")) == ODD
    assert list(tmp_path.iterdir()) == [odd]


def test_rules_in_force_that_are_broken_are_7(tmp_path: Path) -> None:
    """What cannot be decided by is not in force."""
    done = run_here("rules", "show", "--rules", rules_file(tmp_path, "version: 2\n"), url=NOWHERE)
    assert (done.exit_code, done.stdout) == (7, "")


def test_what_was_shown_can_be_used_again(database_url: str, mmsg: Program, tmp_path: Path) -> None:
    """Standard output fed to `--rules` is the same version; a version used before is shown as it was."""
    odd = tmp_path / "odd.yaml"
    odd.write_bytes(ODD)
    events = write_events(tmp_path / "events.ndjson", make_event())
    ingest(database_url, events, "--rules", odd)
    sha256 = hashlib.sha256(ODD).hexdigest()
    odd.unlink()
    again = tmp_path / "again.yaml"
    for prefix in (sha256[:6].upper(), sha256):
        again.write_bytes(shown(mmsg, prefix))
        assert again.read_bytes() == ODD
    assert ingest(database_url, events, "--rules", again)["rules"]["sha256"] == sha256
    assert query(database_url, "SELECT count(*) FROM rules_versions") == [(1,)]


@pytest.mark.parametrize(
    ("sha", "exit_code", "message"),
    [
        ("abcdef0", 4, "no rules version begins with abcdef0; `mmsg rules history` lists them"),
        ("0" * 64, 4, "no rules version begins"),
        ("00000", 2, "6 to 64 of its first hex digits"),
        ("0" * 65, 2, "6 to 64 of its first hex digits"),
        ("rules.yaml", 2, "A file of rules is shown with --rules FILE"),
        ("%%%%%%", 2, "6 to 64 of its first hex digits"),
        ("", 2, "6 to 64 of its first hex digits"),
    ],
)
def test_a_version_that_is_not_there(database_url: str, sha: str, exit_code: int, message: str) -> None:
    """Not found is 4; what cannot be a version is 2."""
    done = run_here("rules", "show", sha, url=database_url)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert message in done.stderr


def test_a_prefix_of_several_versions_asks_for_more_digits(database_url: str, tmp_path: Path) -> None:
    """None of them is guessed."""
    events = write_events(tmp_path / "events.ndjson", make_event())
    for name in "ab":
        ingest(database_url, events, "--rules", rules_file(tmp_path, HEAD + flow_rule(name)))
    for number in (1, 2):
        change(
            database_url, "UPDATE rules_versions SET sha256 = :sha WHERE id = :id", sha=f"abcdef{number:058}", id=number
        )
    done = run_here("rules", "show", "abcdef", url=database_url)
    assert (done.exit_code, done.stdout) == (4, "")
    assert "several rules versions begin with abcdef; give more digits" in done.stderr


def test_a_version_and_a_file_exclude_each_other(tmp_path: Path) -> None:
    """Only one of them can be meant."""
    done = run_here("rules", "show", "abcdef", "--rules", rules_file(tmp_path, ""), url=NOWHERE)
    assert done.exit_code == 2


def test_a_version_needs_a_migrated_database(empty_database_url: str) -> None:
    """Its text is nowhere else."""
    done = run_here("rules", "show", "abcdef", url=empty_database_url)
    assert (done.exit_code, done.stdout) == (10, "")


def test_history_says_which_version_decided_what(database_url: str, tmp_path: Path) -> None:
    """The last one first; runs without new events count as runs; using a version again does not make it newer."""
    first = rules_file(tmp_path, HEAD + flow_rule("a").replace("on: x", "on: signup_completed"), "first.yaml")
    events = write_events(tmp_path / "events.ndjson", make_event(event_id="a"), make_event(event_id="b"))
    later = write_events(tmp_path / "later.ndjson", make_event(event_id="c"), make_event(event_id="d"))
    ingest(database_url, events, "--rules", first)
    ingest(database_url, later)
    ingest(database_url, events, "--rules", first)
    shipped, own = listed(database_url, "rules", "history")
    assert shipped["sha256"] == hashlib.sha256(SHIPPED).hexdigest()
    assert own["sha256"] == hashlib.sha256(first.read_bytes()).hexdigest()
    books = ("runs", "first_run_id", "last_run_id", "send_requests", "suppressions")
    assert [own[key] for key in books] == [2, 1, 3, 2, 0]
    assert [shipped[key] for key in books] == [1, 2, 2, 1, 1]


@only_sqlite
def test_a_version_that_no_run_used_is_listed_all_the_same(database_url: str) -> None:
    """As after a run that was deleted."""
    change(database_url, "INSERT INTO rules_versions (sha256, text, in_force) VALUES ('ab', '', '[]')")
    (row,) = listed(database_url, "rules", "history")
    assert (row["runs"], row["first_run_id"], row["send_requests"]) == (0, None, 0)


def test_rules_alone_shows_help() -> None:
    """What can be done with rules."""
    done = run_here("rules")
    assert done.exit_code == 2
    assert all(name in done.stdout + done.stderr for name in ("check", "show", "history"))
