"""A connection to PostgreSQL that is cut at a COMMIT: before the server hears of it, or before it can answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The statement as a simple query of the wire protocol: its kind, its length, its text."""
CHUNK = 65536


@dataclass
class Proxy:
    """Hands everything on to the server's socket, and cuts the connection of the `cut_at`-th COMMIT, once."""

    target: Path
    cut_at: int
    after: bool
    port: int = 0
    commits: int = 0
    was_cut: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.target))
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        answers = threading.Thread(target=hand_on, args=(server, client), daemon=True)
        answers.start()
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if COMMIT in data and self._is_the_one():
                    self._cut(data, client, server)
                    return
                server.sendall(data)
        close(server, client)

    def _is_the_one(self) -> bool:
        self.commits += 1
        return self.commits == self.cut_at

    def _cut(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        # From here on nothing reaches the program.
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        if self.after:
            server.sendall(data)
            # The server closes once it has done what it was told and finds nobody to tell.
            server.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                while server.recv(CHUNK):
                    pass
        close(server, client)
        self.was_cut.set()


def hand_on(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until either end is gone."""
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def close(*sockets: socket.socket) -> None:
    """End connections."""
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def proxy(target: Path, *, cut_at: int, after: bool) -> Iterator[Proxy]:
    """A proxy on a port of this machine, for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Proxy(target, cut_at, after, listener.getsockname()[1])
        threading.Thread(target=running.serve, args=(listener,), daemon=True).start()
        yield running
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
