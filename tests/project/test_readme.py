"""The README is true: its commands run and print what it shows, what it names exists."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from xml.etree import ElementTree as ET

import pytest

from marketing_cli.errors import ExitCode
from marketing_cli.schemas.event import OWN_ID_FIELDS, EventIn
from marketing_cli.services.rules_files import load_rules, parse_rules
from marketing_cli.settings import KNOWN_VARIABLES, load_settings
from support.program import ROOT, Program

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
MOST_LINES = 540

NOT_RUN = {
    "make": "the tests are a part of it; its targets are checked to exist",
    "pip install": "needs the network; the extra that it names is checked to exist",
    "umask 077; sqlite3": "may not be installed; tests/integration/test_backups.py takes the same backups without it",
    "umask 077; pg_dump": "needs a server; tests/integration/test_backups.py runs it",
    "systemctl": "changes the machine; the units that it starts are checked, their command is run",
}
"""How a command in an `sh` block begins → why it is not run here."""

PLACES = {"/opt/mmsg/.venv/bin/mmsg": "mmsg", "/srv/mmsg/": "", "/srv/mmsg": "."}
"""Where the recipes have things → where the scratch folder has them."""


@dataclass(frozen=True)
class Block:
    """A fenced block: the word after the fence, and its lines."""

    kind: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """The block's text."""
        return "\n".join(self.lines)


FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [Block(kind, tuple(text.splitlines())) for kind, text in FENCED.findall(TEXT)]


def blocks(kind: str) -> list[Block]:
    """The blocks of a kind, of which there must be some."""
    found = [block for block in BLOCKS if block.kind == kind]
    assert found
    return found


class Shell:
    """A scratch folder with the samples in it, where `mmsg` is the program under test and the database is new."""

    def __init__(self, folder: Path) -> None:
        """Set the folder up."""
        self._folder = folder / "scratch"
        shutil.copytree(ROOT / "sample_events", self._folder / "sample_events")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "mmsg").write_text(f'#!/bin/sh\nexec {sys.executable} -m marketing_cli "$@"\n')
        (programs / "mmsg").chmod(0o755)
        self._environment = Program(folder).environment()
        self._environment["PATH"] = f"{programs}{os.pathsep}{self._environment['PATH']}"

    def run(self, command: str) -> tuple[int, str]:
        """The exit code of a command line, and what it printed to both streams in its order."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A scratch folder to run the README's commands in."""
    return Shell(tmp_path)


def steady(text: str) -> str:
    """The text without what differs from run to run: every moment that is not of November 2025, as the samples are.

    And from machine to machine: room on the disk, SQLite's version and the journal that is safe with it.
    """
    text = re.sub(r"[\d.,]+ [KMG]?i?B\b", "<size>", text)
    text = re.sub(r"SQLite \d[\d.]+", "SQLite <version>", text)
    text = re.sub(r"with (WAL|a TRUNCATE journal) and", "with <journal> and", text)
    text = re.sub(r"\b(?!2025-11-)20\d\d-\d\d-\d\d(T[\d:.]+Z)?", "<time of the run>", text)
    return re.sub(r"[ \t]+$", "", re.sub(r"(<time of the run>) +", r"\1 ", text), flags=re.MULTILINE)


def as_it_runs(lines: tuple[str, ...], shell: Shell) -> Iterator[str]:
    """A `console` block with each command's true output below it, and its exit code where it was not announced."""
    for line in lines:
        if not line.startswith("$ "):
            continue
        code, output = shell.run(line.removeprefix("$ "))
        yield from [line, *output.splitlines()]
        if code and f"(exit code {code})" not in output:
            yield f"exit code {code}"


def test_every_command_prints_what_the_readme_shows(shell: Shell) -> None:
    """The `console` blocks, run in order against a new database, give their own output; none fails unannounced."""
    shown = [str(block) for block in blocks("console")]
    ran = ["\n".join(as_it_runs(block.lines, shell)) for block in blocks("console")]
    assert list(map(steady, ran)) == list(map(steady, shown))


def test_commands_that_are_not_run_are_known() -> None:
    """What stands in an `sh` block is on the list above, with the reason; a block that could be run is a `console`."""
    commands = [line for block in blocks("sh") for line in block.lines if line and not line.startswith("#")]
    assert [line for line in commands if not line.startswith(tuple(NOT_RUN))] == []
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in commands)] == []


def test_every_kind_of_block_is_checked() -> None:
    """No block escapes for its name."""
    assert {block.kind for block in BLOCKS} == {"console", "sh", "crontab", "ini", "yaml"}


def test_the_make_targets_it_names_exist() -> None:
    """In blocks and in the text."""
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join([*map(str, blocks("sh")), *re.findall(r"`(.+?)`", TEXT)])))
    assert named >= {"demo", "test", "picture"}
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_the_extras_it_names_exist() -> None:
    """What `pip install` is asked for is there to be installed."""
    named = set(re.findall(r"pip install '?[\w.]*\[(\w+)\]", TEXT))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert named == set(project["optional-dependencies"])


def test_the_urls_it_shows_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever copies a DATABASE_URL has one that mmsg takes."""
    urls = re.findall(r"DATABASE_URL=(\S+?)[`\"']?(?:\s|$)", TEXT)
    assert len(urls) > 1
    for url in urls:
        monkeypatch.setenv("DATABASE_URL", url.strip("'"))
        assert load_settings().database_url


def run_recipe(command: str, shell: Shell) -> int:
    """Runs the command of a recipe on a migrated database and a folder of exports in the scratch folder."""
    for place, here in PLACES.items():
        command = command.replace(place, here)
    code, output = shell.run(f"mkdir exports && cp sample_events/0* exports && mmsg migrate --quiet && {command}")
    assert "usage" not in output.lower()
    return code


def test_the_crontab_works(shell: Shell) -> None:
    """Its line has five fields of time; its command ingests, and says nothing more about lines it knows are bad."""
    (block,) = blocks("crontab")
    *variables, line = (text for text in block.lines if not text.startswith("#"))
    assert all(re.fullmatch(r"[A-Z_]+=\S+", text) for text in variables)
    fields = line.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
    command = fields[5]
    assert "%" not in command  # which cron would turn into line ends
    assert run_recipe(command, shell) == ExitCode.PARTIAL
    assert shell.run("mmsg ingest exports --quiet --known-rejects-ok") == (0, "")


def test_the_systemd_units_work(shell: Shell) -> None:
    """They parse, name the same unit, and a run with rejected lines ends with the code they call success."""
    units = []
    for block in blocks("ini"):
        unit = ConfigParser(interpolation=None, strict=True)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(str(block))
        units.append(unit)
    service, timer = units
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert run_recipe(service["Service"]["ExecStart"], shell) == int(service["Service"]["SuccessExitStatus"])


def test_the_options_it_names_exist(shell: Shell) -> None:
    """Every `mmsg COMMAND --option` in the text is one that the command's own help lists."""
    spans = [*re.findall(r"`(mmsg [^`\n]+)`", TEXT), *(line for block in blocks("console") for line in block.lines)]
    commands = {word for span in spans for word in re.findall(r"\bmmsg ((?:rules )?[a-z]+)", span)}
    helps = {command: shell.run(f"mmsg {command} --help") for command in sorted(commands)}
    assert {command for command, (code, _) in helps.items() if code} == set()
    known = "".join(text for _, text in helps.values()) + shell.run("mmsg --help")[1]
    own = FENCED.sub(lambda block: "" if block[1] == "sh" else block[0], TEXT)
    named = set(re.findall(r"(?<=[\s`])--[a-z][a-z-]+", own))
    assert len(named) > 10
    assert {option for option in named if not re.search(rf"{option}\b", known)} == set()


def test_the_links_lead_somewhere() -> None:
    """Files beside it, and headings within them."""
    targets = re.findall(r"\]\(([^)\s]+)\)", TEXT)
    assert targets
    for target in targets:
        path, _, heading = target.partition("#")
        text = (ROOT / path).read_text(encoding="utf-8") if path else TEXT
        headings = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in text.splitlines()}
        assert not heading or heading in headings


def first_cells(heading: str) -> set[str]:
    """The words in code quotes in the first column of the table below a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def test_the_rule_it_shows_is_the_shipped_one() -> None:
    """Key by key, but for the description."""
    (block,) = blocks("yaml")
    (shown,) = parse_rules(f"version: 1\nrules:\n{indent(str(block), '  ')}\n", "README.md").rules
    (shipped,) = (rule for rule in load_rules(None).rule_set.rules if rule.name == shown.name)
    assert shown == shipped.model_copy(update={"description": shown.description})


def test_the_table_of_settings_is_complete() -> None:
    """Every variable that settings read is there, but for those that only tests set."""
    known = {name for name in KNOWN_VARIABLES if not name.startswith("MMSG_TEST_")}
    assert first_cells("Settings") == {"DATABASE_URL", "NO_COLOR", *known}


def test_the_table_of_an_events_fields_is_complete() -> None:
    """Every field of an event has its line."""
    assert first_cells("Events") == {*EventIn.model_fields, *OWN_ID_FIELDS}


def test_it_stays_short_enough_to_be_read() -> None:
    """For an operator in a hurry."""
    assert len(TEXT.splitlines()) <= MOST_LINES


def words(picture: Path) -> str:
    """The text in a picture, without its spaces: how it is cut into pieces is up to the library that draws."""
    return "".join("".join(ET.fromstring(picture.read_text(encoding="utf-8")).itertext()).split())  # noqa: S314 - our own


def test_the_picture_is_up_to_date(tmp_path: Path) -> None:
    """`make picture` gives a picture that says what the one here says, and the same picture each time."""
    drawn = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for target in drawn:
        command: list[str | Path] = [sys.executable, ROOT / "docs" / "picture.py", target]
        subprocess.run(command, env=Program(tmp_path).environment(), cwd=tmp_path, check=True, timeout=120)
    assert drawn[0].read_bytes() == drawn[1].read_bytes()
    assert words(drawn[0]) == words(ROOT / "docs" / "audit.svg")
    assert "docs/picture.py docs/audit.svg" in MAKEFILE
