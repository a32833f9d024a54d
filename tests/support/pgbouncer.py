"""A throw-away PgBouncer in transaction mode, in front of the tests' server, on a socket of its own."""

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from support.postgres_server import START_SECONDS, account, end_of

PORT = 6432
PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
"""Where packages put it, beside PATH: no place for programs that only root starts."""

CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 60
query_wait_timeout = {patience}
auth_type = any
unix_socket_dir = {folder}
listen_port = {port}
"""
"""What is not set is as it comes: above all, it takes no startup parameters but those that it knows."""


class NoPgBouncer(Exception):
    """There is none here; the message says why."""


def program() -> str:
    """The path of the program. Raises NoPgBouncer."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path=PLACES)
    if found is None:
        raise NoPgBouncer("pgbouncer is not installed; on Debian and Ubuntu: apt-get install pgbouncer")
    return found


class PgBouncer:
    """It is running; `folder` is where its socket is."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder."""
        self._folder = folder

    def way_to(self, url: str) -> str:
        """The URL of a database of the server, through it."""
        way = make_url(url).set(host=None, port=None, query={"host": str(self._folder), "port": str(PORT)})
        return way.render_as_string(hide_password=False)


@contextmanager
def running_pgbouncer(server_url: str, *, pool_size: int, patience: int = 60) -> Iterator[PgBouncer]:
    """A PgBouncer with so many connections to each database, for which a client waits so many seconds.

    It lives as long as the block. Raises NoPgBouncer.
    """
    found, owner = program(), account()  # like PostgreSQL it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="mmsg-pgb-") as name:
        folder, log = Path(name), Path(name) / "log"
        settings = folder / "pgbouncer.ini"
        values = {"pool_size": pool_size, "patience": patience, "folder": folder, "port": PORT}
        settings.write_text(CONFIGURATION.format(server=_server(server_url), **values))
        log.touch()
        if owner.name:
            for path in (folder, settings):
                shutil.chown(path, owner.name)
        process = owner.start(found, settings, log=log)
        try:
            socket, deadline = folder / f".s.PGSQL.{PORT}", time.monotonic() + START_SECONDS
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NoPgBouncer(f"pgbouncer did not start: {end_of(log)}")
                time.sleep(0.02)
            yield PgBouncer(folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(START_SECONDS)


def _server(url: str) -> str:
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host")
    parts = {"host": host, "port": parsed.port, "user": parsed.username or "postgres", "password": parsed.password}
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)
