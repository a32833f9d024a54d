"""Notice that a SQLite file was deleted or replaced while it is open: what is written to it then is lost."""

from pathlib import Path

from marketing_cli.errors import DatabaseUnavailable


class OpenedFile:
    """The file that is open under a path. To look costs one `stat`."""

    def __init__(self, path: Path) -> None:
        """Remember which file it is now."""
        self._path = path
        self._opened = self._found()

    def check(self) -> None:
        """Raise DatabaseUnavailable unless the path still leads to that file."""
        if self._opened is None or self._found() != self._opened:
            raise DatabaseUnavailable(
                f"the database file {self._path} was deleted or replaced while it was in use;"
                " what was stored meanwhile may be lost. Find out by whom, then run the same command again."
            )

    def _found(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
