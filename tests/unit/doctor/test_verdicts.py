"""What `mmsg doctor` makes of what it finds: states, advice and exit codes."""

import os
from pathlib import Path

import pytest

from marketing_cli.errors import ExitCode
from marketing_cli.repositories.checks_database import SETTINGS, Server
from marketing_cli.schemas.doctor import CheckState
from marketing_cli.services.doctor_damage import judged_damage, judged_server
from marketing_cli.services.doctor_files import judged_space, permissions
from marketing_cli.services.doctor_findings import Finding, examples, ok, report, skipped, warning, worst, wrong
from marketing_cli.services.doctor_setup import judged_power_cut, rules_changed, rules_in_force

FINE, LATER, BAD = ok("fine"), warning("odd", "Look."), wrong("broken", "Mend it.")
MISSING = wrong("none", "Migrate.", ExitCode.DB_MISSING)
AWAY = wrong("away", "Start it.", ExitCode.DB_UNAVAILABLE)
RULES = wrong("no rules", "Mend them.", ExitCode.BAD_CONFIG)
AHEAD = wrong("ahead", "Upgrade.", ExitCode.DB_AHEAD)
SOUND = dict.fromkeys(SETTINGS, "on") | {"server_encoding": "UTF8", "TimeZone": "UTC"}


def a_server(settings: dict[str, str], checksum_failures: int = 0) -> Server:
    """A server with these settings and otherwise sound ones."""
    return Server(SOUND | settings, "mmsg", 8_000_000, standby=False, checksum_failures=checksum_failures)


@pytest.mark.parametrize(
    ("findings", "status", "exit_code"),
    [
        ([FINE, FINE], "ok", 0),
        ([FINE, skipped("not looked at")], "ok", 0),
        ([FINE, LATER], "warning", 0),
        ([LATER, BAD, FINE], "wrong", 8),
        ([BAD, MISSING], "wrong", 10),
        ([FINE, AHEAD], "wrong", 13),
        ([AWAY, LATER], "wrong", 14),
        ([MISSING, RULES], "wrong", 7),
    ],
)
def test_the_exit_code_is_that_of_the_worst(findings: list[Finding], status: str, exit_code: int) -> None:
    """8 for anything wrong; what keeps other commands from beginning has their code, in the order they look in."""
    found = report({f"check_{number}": finding for number, finding in enumerate(findings)})
    assert (found.status.value, found.exit_code) == (status, exit_code)
    assert [check.detail for check in found.checks] == [finding.detail for finding in findings]


def test_the_worst_of_several_findings_tells_all_that_is_not_ok() -> None:
    """One line, each advice once."""
    assert worst([FINE, FINE], "all well") == ok("all well")
    both = worst([FINE, LATER, BAD, LATER], "all well")
    assert (both.state, both.detail, both.advice) == (CheckState.WRONG, "odd; broken; odd", "Look. Mend it.")


@pytest.mark.parametrize(
    ("numbers", "text"), [([7], "7"), ([1, 2, 3], "1, 2, 3"), (range(1, 1005), "1, 2, 3 and 1,001 more")]
)
def test_long_lists_of_rows_are_cut(numbers: list[int], text: str) -> None:
    """An operator needs one to look at, and how many there are."""
    assert examples(numbers) == text


@pytest.mark.parametrize(
    ("free", "size", "state"),
    [
        (5 * 1024**3, 1024**3, "ok"),
        (5 * 1024**3, 6 * 1024**3, "warning"),
        (1024**3 - 1, 1024, "warning"),
        (100 * 1024**2, 1024, "warning"),
        (100 * 1024**2 - 1, 1024, "wrong"),
    ],
)
def test_room_on_the_disk(free: int, size: int, state: str) -> None:
    """Enough for the next runs, and for a copy of the database."""
    assert judged_space(free, size).state.value == state


def test_a_disk_without_room_for_another_file_is_wrong() -> None:
    """A journal is a file; free bytes do not help."""
    found = judged_space(10**12, 1, no_more_files=True)
    assert (found.state, "files" in found.detail) == (CheckState.WRONG, True)


@pytest.mark.parametrize(
    ("mode", "state"), [(0o600, "ok"), (0o400, "ok"), (0o640, "warning"), (0o660, "wrong"), (0o604, "wrong")]
)
@pytest.mark.parametrize("ending", ["", "-journal", "-wal", "-shm"])
def test_who_may_read(tmp_path: Path, ending: str, mode: int, state: str) -> None:
    """A group's reading may be meant, its writing or anybody's access never; the journal holds the same data."""
    path = tmp_path / "a b.db"
    for name in (path, path.with_name(f"a b.db{ending}")):
        name.touch()
        name.chmod(0o600)
    path.with_name(f"a b.db{ending}").chmod(mode)
    found = permissions(path)
    assert found.state.value == state
    if state != "ok":
        assert found.advice is not None
        assert f"chmod 600 '{path}{ending}'" in found.advice


def test_another_owner_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not root leaves files that the owner's runs cannot use."""
    path = tmp_path / "m.db"
    path.touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert permissions(path).state is CheckState.WARNING


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    """That it is missing is another check's."""
    assert permissions(tmp_path / "none.db").state is CheckState.SKIPPED


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ({}, "ok"),
        ({"synchronous_commit": "off"}, "ok"),
        ({"full_page_writes": "off"}, "warning"),
        ({"fsync": "off"}, "wrong"),
        ({"fsync": "off", "full_page_writes": "off"}, "wrong"),
    ],
)
def test_what_a_power_cut_leaves(settings: dict[str, str], state: str) -> None:
    """The server's synchronous_commit does not matter: each of our transactions sets it."""
    assert judged_power_cut(a_server(settings)).state.value == state


@pytest.mark.parametrize(
    ("failures", "checksums", "invalid", "state"),
    [(0, "on", [], "ok"), (0, "off", [], "skipped"), (2, "on", [], "wrong"), (0, "off", ["uq_events"], "wrong")],
)
def test_damage_that_a_server_knows_of(failures: int, checksums: str, invalid: list[str], state: str) -> None:
    """Without checksums nothing was looked at, and that is said."""
    assert judged_server(a_server({"data_checksums": checksums}, failures), invalid).state.value == state


@pytest.mark.parametrize(
    ("found", "state"), [([], "ok"), (["*** in database main ***\nTree 5 page 9: broken"], "wrong"), (None, "warning")]
)
def test_damage_that_sqlite_finds(found: list[str] | None, state: str) -> None:
    """Not to have been able to look is no proof of anything."""
    assert judged_damage(found, full=False).state.value == state


def test_rules_other_than_the_last_runs_are_told(tmp_path: Path) -> None:
    """Both versions are named; a broken file and one without enabled rules are findings of their own."""
    finding, loaded = rules_in_force(None)
    assert loaded is not None
    assert rules_changed(finding, loaded, 3, loaded.sha256) == finding
    changed = rules_changed(finding, loaded, 3, "ab" * 32)
    assert changed.state is CheckState.WARNING
    assert f"version {loaded.sha256[:12]}" in changed.detail
    assert "run 3 decided by abababababab" in changed.detail
    (tmp_path / "broken.yaml").write_text("version: 1\nrules: [{}]\n")
    broken, nothing = rules_in_force(tmp_path / "broken.yaml")
    assert (broken.state, broken.stops, nothing) == (CheckState.WRONG, ExitCode.BAD_CONFIG, None)
    (tmp_path / "idle.yaml").write_text(
        "version: 1\nrules:\n  - {name: a, on: x, enabled: false, message: {template: T, channel: sms}, limit: none}\n"
    )
    idle, loaded = rules_in_force(tmp_path / "idle.yaml")
    assert idle.state is CheckState.WARNING
    assert loaded is not None
    assert rules_changed(idle, loaded, 3, "ab" * 32).detail.endswith("for any message; run 3 decided by abababababab")
