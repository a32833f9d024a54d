"""A process that has imported the program and forks for each run, which then takes a third of the time.

What is forked is a process like any other: it is killed, stopped and let down by its disk in the same way. The server
ends with its standard input.
"""

import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.program import ROOT

STEP_SECONDS = 0.002
NUMBER = struct.Struct("!i")
WRITE = os.O_CREAT | os.O_APPEND | os.O_WRONLY


@dataclass
class Forked:
    """A process of the server's, with as much of `Popen` as is needed."""

    pid: int
    connection: socket.socket
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and select.select([self.connection], [], [], 0)[0]:
            self.returncode = received(self.connection)
            self.connection.close()
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for the exit code."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, "the program takes too long"
            time.sleep(STEP_SECONDS)
        return code


@dataclass(frozen=True)
class ForkServer:
    """A running server, by the address where it listens."""

    address: str

    def fork(  # noqa: PLR0913 - what a process is made of
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, out: Path, err: Path, ledger: Path
    ) -> Forked:
        """Run `faults.builds` with these arguments, its output going to files."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        request = {"arguments": list(arguments), "env": dict(env), "cwd": str(cwd)}
        request |= {"out": str(out), "err": str(err), "ledger": str(ledger)}
        connection.sendall(json.dumps(request).encode() + b"\n")
        return Forked(received(connection), connection)


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """A server for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder, "socket"))
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        with subprocess.Popen(
            [sys.executable, __file__, address],
            env=environment,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield ForkServer(address)
            server.communicate()


def serve(address: str) -> None:
    """Take one request a connection until standard input ends."""
    warm_up()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                watch(connection)
                os._exit(0)
            connection.close()


def warm_up() -> None:
    """Import everything that the program may want."""
    package = importlib.import_module("marketing_cli")
    names = [module.name for module in pkgutil.walk_packages(package.__path__, "marketing_cli.")]
    for name in ["alembic.command", "sqlalchemy.dialects.sqlite", "faults.builds", *names]:
        if not name.endswith("__main__"):
            importlib.import_module(name)


def watch(connection: socket.socket) -> None:
    """Fork the process that was asked for, which tells its number, and tell in the end how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(connection.makefile().readline())
    pid = os.fork()
    if pid == 0:
        os.setsid()
        connection.sendall(NUMBER.pack(os.getpid()))
        connection.close()
        os._exit(play(request))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):
        connection.sendall(NUMBER.pack(code))


def play(request: dict[str, Any]) -> int:
    """Be the program; returns its exit code."""
    os.chdir(request["cwd"])
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], WRITE),
        (2, request["err"], WRITE),
    ):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    ledger = os.open(request["ledger"], WRITE, 0o600)
    os.environ.clear()
    os.environ.update(request["env"], MMSG_TEST_ACK_FD=str(ledger))
    time.tzset()
    try:
        importlib.import_module("faults.builds").main(request["arguments"])
    except SystemExit as ending:
        return int(ending.code or 0)
    except BaseException:  # noqa: BLE001 - as Python itself would end
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def received(connection: socket.socket) -> int:
    """The next number that the other end has sent, and nothing of the one after it."""
    return int(NUMBER.unpack(connection.recv(NUMBER.size, socket.MSG_WAITALL))[0])


if __name__ == "__main__":
    serve(sys.argv[1])
