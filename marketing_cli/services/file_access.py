"""Who can read the files of a SQLite database, without opening them: that would disturb SQLite's locks."""

import os
import shlex
import stat
from pathlib import Path

_SCHEME = "sqlite:///"
_BESIDE = ("", "-journal", "-wal", "-shm")
_OTHERS = 0o077


def access_warning(database_url: str) -> str | None:
    """A sentence if anybody but the owner has access to the database's files, with the command that ends this.

    `database_url` is as settings normalise it. None for another database than SQLite, and where there is no file.
    """
    if not database_url.startswith(_SCHEME):
        return None
    path = os.path.realpath(database_url.removeprefix(_SCHEME))
    open_to_others = [name for name in (f"{path}{end}" for end in _BESIDE) if _others_have_access(name)]
    if not open_to_others:
        return None
    command = shlex.join(["chmod", "600", *open_to_others])
    return f"others than its owner have access to the database file {path}, which holds personal data; run: {command}"


def linked_file(database_url: str) -> str | None:
    """The file that a SQLite database's path leads to by symbolic links; None where it names the file itself."""
    path = Path(database_url.removeprefix(_SCHEME))
    return os.path.realpath(path) if database_url.startswith(_SCHEME) and path.is_symlink() else None


def _others_have_access(name: str) -> bool:
    try:
        mode = Path(name).stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & _OTHERS)
