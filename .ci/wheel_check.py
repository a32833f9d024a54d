"""Build the wheel, install it alone, and use it far from the checkout with an empty environment.

What the program needs beyond its code, the migrations and the shipped rules, must travel inside the wheel. Run it with
a Python that has `build`: `.venv/bin/python .ci/wheel_check.py`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_PACKED = shutil.ignore_patterns(".git", ".venv", ".demo", "build", "dist", "*_cache", "__pycache__", "*.db", ".env")
NEEDED = (
    "marketing_cli/py.typed",
    "marketing_cli/rules/default.yaml",
    "marketing_cli/rules/default.tests.yaml",
    "marketing_cli/_migrations/env.py",
    "marketing_cli/_migrations/versions/",
)
EVENTS = (
    '{"event_id":"e1","user_id":"u1","event_type":"signup_completed","event_timestamp":"2025-11-01T10:00:00Z",'
    '"user_traits":{"marketing_opt_in":true}}\n'
    '{"event_id":"e2","user_id":"u1"}\n'
)


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and what it depends on, and a folder to work in."""

    bin_folder: Path
    folder: Path

    def run(self, program: str, *args: str) -> subprocess.CompletedProcess[bytes]:
        """Runs a program of the environment with no variables at all."""
        return subprocess.run(
            [self.bin_folder / program, *args], cwd=self.folder, env={}, capture_output=True, timeout=300, check=False
        )

    def mmsg(self, *args: str, exit_code: int = 0) -> bytes:
        """What the program prints. Ends the check if it exits otherwise than expected."""
        done = self.run("mmsg", *args)
        print(f"  mmsg {' '.join(args)} -> {done.returncode}")
        expect(done.returncode == exit_code, f"exit code {exit_code}, but: {done.stderr.decode()}")
        return done.stdout


def expect(holds: object, what: str) -> None:
    """Ends the check with a sentence unless something holds."""
    if not holds:
        sys.exit(f"The wheel is not good. Expected {what}")


def build(folder: Path) -> Path:
    """Builds the source archive from a clean copy of the checkout, and the wheel from that archive."""
    copy = shutil.copytree(ROOT, folder / "copy", ignore=NOT_PACKED)
    command = [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(copy)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"`python -m build` to work, but: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """The wheel holds all that is needed and nothing that is ours alone."""
    names = zipfile.ZipFile(wheel).namelist()
    for needed in NEEDED:
        expect(any(name.startswith(needed) for name in names), f"{needed} in the wheel")
    strangers = [name for name in names if not name.startswith(("marketing_cli/", "mmsg-"))]
    expect(not strangers, f"only the package in the wheel, not {strangers}")


def install(wheel: Path, folder: Path) -> Installed:
    """Installs the wheel into a new environment."""
    venv.create(folder / "venv", with_pip=True)
    bin_folder = folder / "venv" / "bin"
    pip = [str(bin_folder / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", str(wheel)]
    subprocess.run(pip, cwd=folder, check=True)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "events.ndjson").write_text(EVENTS)
    return Installed(bin_folder, elsewhere)


def check_origin(installed: Installed) -> None:
    """Code, migrations and rules are those of the wheel: the checkout is out of reach."""
    code = "import marketing_cli.database.migration as m; print(m.__file__); print(m.migrations_folder())"
    done = installed.run("python", "-c", code)
    paths = done.stdout.decode().split()
    inside = str(installed.bin_folder.parent)
    expect(len(paths) == 2 and all(path.startswith(inside) for path in paths), f"all below {inside}, not {paths}")  # noqa: PLR2004
    shipped = (ROOT / "marketing_cli" / "rules" / "default.yaml").read_bytes()
    expect(installed.mmsg("rules", "show") == shipped, "`mmsg rules show` to print the rules of the checkout")
    installed.mmsg("rules", "test")


def check_use(installed: Installed) -> None:
    """Migrates, ingests and audits, with the exit codes that scripts rely on."""
    version = installed.mmsg("--version").decode()
    expect(version.strip().endswith(declared_version()), f"version {declared_version()}, not {version!r}")
    installed.mmsg("audit", "e1", exit_code=10)
    installed.mmsg("migrate")
    installed.mmsg("migrate", "--check")
    totals = json.loads(installed.mmsg("ingest", "--json", "events.ndjson", exit_code=3))["totals"]
    found = {name: totals[name] for name in ("lines", "new", "rejected", "send_requests")}
    expect(found == {"lines": 2, "new": 1, "rejected": 1, "send_requests": 1}, f"other totals than {found}")
    again = json.loads(installed.mmsg("ingest", "--json", "--rejects-ok", "events.ndjson"))["totals"]
    expect((again["duplicate"], again["send_requests"]) == (1, 0), f"a second run to do nothing, not {again}")
    decisions = json.loads(installed.mmsg("audit", "e1", "--json"))["decisions"]
    expect([decision["outcome"] for decision in decisions] == ["requested"], f"one request, not {decisions}")
    installed.mmsg("audit", "e2", exit_code=4)
    mode = (installed.folder / "messaging.db").stat().st_mode & 0o777
    expect(mode == 0o600, f"a database only its owner can read, not mode {mode:o}")  # noqa: PLR2004


def declared_version() -> str:
    """The version that the source declares."""
    for line in (ROOT / "marketing_cli" / "__init__.py").read_text().splitlines():
        if line.startswith("__version__"):
            return line.split('"')[1]
    sys.exit("marketing_cli/__init__.py declares no version")


def main() -> None:
    """Runs all of it in a temporary folder outside the checkout."""
    with tempfile.TemporaryDirectory(prefix="mmsg-wheel-") as name:
        folder = Path(name).resolve()
        wheel = build(folder)
        print(f"built {wheel.name}")
        check_contents(wheel)
        installed = install(wheel, folder)
        check_origin(installed)
        check_use(installed)
    print("the wheel works alone")


if __name__ == "__main__":
    main()
