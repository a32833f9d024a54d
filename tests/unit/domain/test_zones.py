"""Where time zones come from."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from support.program import Program
from support.source import PACKAGE, imports, modules, tree

ASK = """
from datetime import datetime
from marketing_cli.domain.zones import ZoneInfo, available_timezones
print(datetime(2025, 7, 1, tzinfo=ZoneInfo("Europe/Lisbon")).utcoffset(), "Mars/Base" in available_timezones())
"""


def test_a_systems_own_zones_do_not_matter(tmp_path: Path) -> None:
    """Two machines with the same packages agree on what a day is, whatever their systems say."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Mars").mkdir()
    tokyo = (files("tzdata") / "zoneinfo" / "Asia" / "Tokyo").read_bytes()
    for name in ("Europe/Lisbon", "Mars/Base"):
        (tmp_path / name).write_bytes(tokyo)
    environment = Program(tmp_path).environment(env={"PYTHONTZPATH": str(tmp_path)})
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1:00:00 False\n"


def test_nobody_takes_zones_from_elsewhere() -> None:
    """One module has them for all."""
    zones = {"zoneinfo.ZoneInfo", "zoneinfo.available_timezones"}
    found = {str(path.relative_to(PACKAGE)) for path in modules() if zones & imports(tree(path))}
    assert found == {"domain/zones.py"}
