"""What a release says of itself agrees with itself."""

import re
import tomllib

from marketing_cli import __version__
from support.program import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    """Whoever upgrades finds what changed, under the number that `mmsg --version` shows."""
    assert re.findall(r"^## \[(.+?)\]", CHANGELOG, re.MULTILINE)[0] == __version__


def test_the_changelog_keeps_to_its_headings() -> None:
    """The kinds of change are always the same six words."""
    kinds = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert kinds


def test_every_tool_the_makefile_runs_is_a_development_dependency() -> None:
    """A fresh machine gets all it needs from the project's own lists."""
    wanted = {re.split(r"[<>=\[;]", line)[0] for line in PROJECT["dependency-groups"]["dev"]}
    used = set(re.findall(r"^\t.*\$\(BIN\)/(\w+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert used - {"python", "mmsg"} <= wanted
    assert used >= {"ruff", "mypy", "pytest"}
