"""The program on a real terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path

from support.program import Program


def on_terminal(mmsg: Program, *args: str | Path, width: int = 100, env: dict[str, str] | None = None) -> str:
    """Runs the program, which must end well, with a terminal of this width at both streams; what stays on that."""
    # A line of progress is written over.
    return re.sub(r"[^\n]*\r", "", all_on_terminal(mmsg, *args, width=width, env=env))


def all_on_terminal(mmsg: Program, *args: str | Path, width: int = 100, env: dict[str, str] | None = None) -> str:
    """The same, and what was written over."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    environment = mmsg.environment(env={"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})})
    with subprocess.Popen(
        mmsg.command(*args),
        env=environment,
        cwd=mmsg.home,
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        shown = b"".join(iter(lambda: _read_or_end(leader), b""))
        os.close(leader)
        assert process.wait(60) == 0, shown
    return shown.decode().replace("\r\n", "\n")


def _read_or_end(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how Linux says that the last writer of a terminal has gone
        return b""
