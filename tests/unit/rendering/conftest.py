"""Streams in memory, programs on a real terminal, and strings that break things."""

import errno
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import marketing_cli
from marketing_cli.rendering import Streams

Run: TypeAlias = Callable[..., Any]

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# One of each kind that the list of naughty strings may lack.
EXTRA = [
    "\x00",
    "\x1b]52;c;AAAA\x07",
    "\x9b31m",
    "\x7f",
    "\u202e",
    "\u2028",
    "\ue000",
    "\U000e0041",
    "\r\n",
    "\ud800",
    "ㅤ",
]


class Terminal(io.StringIO):
    """Memory that calls itself a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class Printed:
    """Streams in memory and what was printed to them."""

    def __init__(self, *, terminal: bool = False, quiet: bool = False, no_color: bool = False) -> None:
        """Both streams are of the same kind."""
        make = Terminal if terminal else io.StringIO
        # Line ends as they were written: the default translates them.
        self._out, self._err = make(newline=""), make(newline="")
        self.streams = Streams(self._out, self._err, quiet=quiet, no_color=no_color)

    @property
    def out(self) -> str:
        """What standard output got."""
        return self._out.getvalue()

    @property
    def err(self) -> str:
        """What standard error got."""
        return self._err.getvalue()


@pytest.fixture
def printed() -> type[Printed]:
    """Makes streams in memory."""
    return Printed


@pytest.fixture(scope="session")
def naughty() -> list[str]:
    """Strings that have broken other programs, and one of each kind of invisible character."""
    text = (Path(__file__).parent / "data" / "blns.json").read_text(encoding="utf-8")
    return [*json.loads(text), *EXTRA, *(f"a{char}=1+1" for char in EXTRA)]


@pytest.fixture
def hidden_in() -> Callable[[str], set[str]]:
    """Tells which characters of a text cannot be seen, line feeds aside."""

    def find(text: str) -> set[str]:
        return {char for char in text if unicodedata.category(char) in HIDDEN} - {"\n"}

    return find


@pytest.fixture
def environment() -> dict[str, str]:
    """What a program of these tests finds in its environment."""
    return _environment({})


def _environment(extra: dict[str, str]) -> dict[str, str]:
    root = str(Path(marketing_cli.__file__).parent.parent)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": root, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **extra}


@pytest.fixture
def run_program() -> Run:
    """Runs Python code in a process of its own."""

    def run(code: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[bytes]:
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 60, **options}
        command = [sys.executable, "-W", "error", "-c", code]
        return subprocess.run(command, env=_environment(env or {}), check=False, **options)

    return run


@pytest.fixture
def run_on_terminal() -> Run:
    """Runs Python code with a terminal, 100 columns wide, at the named streams; returns what the terminal got."""

    def run(code: str, env: dict[str, str] | None = None, on: tuple[str, ...] = ("stdout", "stderr")) -> str:
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        streams: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            **dict.fromkeys(on, follower),
        }
        command = [sys.executable, "-W", "error", "-c", code]
        with subprocess.Popen(command, env=_environment(env or {}), stdin=subprocess.DEVNULL, **streams) as process:
            os.close(follower)
            text = _read_all(leader)
            assert process.wait(timeout=60) == 0
        os.close(leader)
        return text.decode().replace("\r\n", "\n")

    return run


def _read_all(descriptor: int) -> bytes:
    chunks: list[bytes] = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError as error:
            # How Linux says that the last writer of a terminal has gone.
            if error.errno != errno.EIO:
                raise
            chunk = b""
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
