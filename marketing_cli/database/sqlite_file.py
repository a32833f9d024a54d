"""What a SQLite path leads to: a database is a plain file, and a link to one must be a trusted person's."""

import os
import stat
from pathlib import Path

from marketing_cli.errors import DatabaseMissing, DatabaseUnavailable

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def require_file(path: Path) -> None:
    """Raise unless the path leads to a plain file: looking must neither create one nor wait for a pipe.

    A symbolic link is followed if it is this user's own or root's. Raises DatabaseMissing where there is nothing, and
    DatabaseUnavailable for anything else that is no plain file, or that cannot be found out.
    """
    try:
        _check_link(path)
        kind = stat.S_IFMT(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise DatabaseMissing(
            f"there is no database at {path.absolute()}. Run `mmsg migrate` first, or set DATABASE_URL."
        ) from None
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database file {path} cannot be reached: {error.strerror}. Check its folder, or set DATABASE_URL."
        ) from None
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "no plain file")
        raise DatabaseUnavailable(f"{path.absolute()} is {what}, and a database is a file. Check DATABASE_URL.")


def _check_link(path: Path) -> None:
    """Raise DatabaseUnavailable for a link that leads nowhere, or that somebody else could lead us astray by."""
    found = path.lstat()
    if not stat.S_ISLNK(found.st_mode):
        return
    target = os.path.realpath(path)
    if not os.path.lexists(target) or Path(target).is_symlink():
        problem = "which does not exist, and no database is made through a link"
    elif found.st_uid not in {0, os.geteuid()}:
        problem = "and the link is another user's, who could make it lead anywhere"
    else:
        return
    raise DatabaseUnavailable(
        f"{path.absolute()} is a symbolic link to {target}, {problem}. Name the file itself in DATABASE_URL."
    )
