"""A PostgreSQL server of a test's own, which may be stopped, started and hurt; it keeps what it was told to keep."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support import postgres_server
from support.postgres_server import Account

# Unlike the server of other tests: COMMIT means what it says.
SETTINGS = {"listen_addresses": "", "shared_buffers": "32MB", "max_connections": "40", "timezone": "Asia/Kathmandu"}


@dataclass
class ServerAlone:
    """A server in a folder, running or not."""

    folder: Path
    owner: Account
    programs: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def data(self) -> Path:
        """Where it keeps everything, its socket included."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Its maintenance database."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.data}"

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self.data / ".s.PGSQL.5432"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        log = self.folder / "log"
        where = f"--unix_socket_directories={self.data}"
        command: list[str | Path] = [self.programs / "postgres", "-D", self.data, where, *options]
        self.process = self.owner.start(*command, log=log)
        postgres_server.wait_until_ready(self.process, self.data / "postmaster.pid", log)

    def stop_at_once(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: nobody is asked, nothing is written any more."""
        assert self.process is not None
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(postgres_server.START_SECONDS)


@contextmanager
def server_alone() -> Iterator[ServerAlone]:
    """A running server that is gone when the block ends. Raises SystemExit where there is none to be had."""
    with tempfile.TemporaryDirectory(prefix="mmsg-pg-alone-") as name:
        folder = Path(name)
        owner = postgres_server.account()
        data, log = folder / "data", folder / "log"
        if owner.name:
            folder.chmod(0o711)
            data.mkdir(mode=0o700)
            shutil.chown(data, owner.name)
        programs = postgres_server.programs(owner, folder)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"]
        owner.run(programs / "initdb", "-D", data, *options, log=log)
        server = ServerAlone(folder, owner, programs)
        server.start()
        try:
            yield server
        finally:
            server.stop_at_once()


def kill_process(pid: int) -> None:
    """SIGKILL for one of the server's processes, after which the server starts itself anew."""
    os.kill(pid, signal.SIGKILL)
