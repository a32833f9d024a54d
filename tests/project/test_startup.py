"""What the program loads before it has anything to do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.program import Program

HEAVY = {"sqlalchemy", "alembic", "ruamel", "psycopg", "dotenv"}


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["ingest", "--help"],
        ["audit", "--help"],
        ["rules", "--help"],
        ["rules", "test", "--help"],
        ["rules", "lint", "--help"],
        ["doctor", "--help"],
        ["verify", "--help"],
        ["backtest", "--help"],
        ["stats", "--help"],
        ["digest", "--help"],
        ["copy", "--help"],
    ],
)
def test_help_and_version_load_no_database_library(args: list[str], tmp_path: Path) -> None:
    """Help comes at once: libraries that only work needs are loaded when there is work."""
    program = Program(tmp_path)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "marketing_cli", *args],
        env=program.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    loaded = set(re.findall(r"^import time:.*\|\s+(\w+)", done.stderr, re.MULTILINE))
    assert done.returncode == 0
    assert done.stdout
    assert {"marketing_cli", "typer"} <= loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("typed", ["mmsg ", "mmsg au", "mmsg audit --te", "mmsg rules ch", "mmsg --env-file x aud"])
def test_completion_loads_no_more_than_help(typed: str, tmp_path: Path) -> None:
    """Whoever presses the tab key waits for it."""
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    program = Program(tmp_path)
    done = subprocess.run(
        [Path(sys.executable).with_name("python"), "-X", "importtime", Path(sys.executable).with_name("mmsg")],
        env={**program.environment(), "_MMSG_COMPLETE": "complete_bash", **words},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    loaded = set(re.findall(r"^import time:.*\|\s+(\w+)", done.stderr, re.MULTILINE))
    expected = {"mmsg ": "ingest", "mmsg audit --te": "--template", "mmsg rules ch": "check"}.get(typed, "audit")
    assert expected in done.stdout.split()
    assert "typer" in loaded
    assert loaded & (HEAVY | {"pydantic"}) == set()
