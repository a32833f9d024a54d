"""The program as a real process, in an environment as bare as cron's."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Outcome:
    """How a process ended. A negative exit code is the signal that killed it."""

    exit_code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        """Standard output as the one JSON value that it must be."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Program:
    """`mmsg` as a command. `home` is its HOME and working directory; `database_url` None leaves DATABASE_URL unset."""

    home: Path
    database_url: str | None = None

    def __call__(
        self,
        *args: str | Path,
        database_url: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = b"",
        cwd: Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Outcome:
        """Runs the program to its end. `env` is added to its environment; output must be UTF-8."""
        done = subprocess.run(
            self.command(*args),
            env=self.environment(database_url, env),
            cwd=cwd or self.home,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(
        self,
        *args: str | Path,
        database_url: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Starts the program and hands over the process, to be signalled or fed; use it in a `with` block."""
        return subprocess.Popen(
            self.command(*args),
            env=self.environment(database_url, env),
            cwd=cwd or self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def command(self, *args: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "marketing_cli", *map(str, args)]

    def environment(self, database_url: str | None = None, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """PATH, HOME, an odd time zone, the checkout to import from, and what the caller names."""
        url = database_url or self.database_url
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "TZ": os.environ.get("TZ", "UTC"),
            "PYTHONPATH": str(ROOT),
            **({"DATABASE_URL": url} if url else {}),
            **(env or {}),
        }
