"""What a SQLite path leads to: a database is a plain file, and a link to one must be a trusted person's."""

import os
import stat
from collections.abc import Iterator
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
    target = os.path.realpath(path)
    if path.is_symlink() and (not os.path.lexists(target) or Path(target).is_symlink()):
        raise DatabaseUnavailable(
            f"{path.absolute()} is a symbolic link to {target}, which does not exist, and no database is made through a"
            " link. Name the file itself in DATABASE_URL."
        )
    for link in _links_on_the_way(path):
        if link.lstat().st_uid not in {0, os.geteuid()}:
            raise DatabaseUnavailable(
                f"{path.absolute()} leads by the symbolic link {link} to {target}, and the link is another user's, who"
                " could make it lead anywhere. Name the file itself in DATABASE_URL."
            )


def _links_on_the_way(path: Path) -> Iterator[Path]:
    """Every symbolic link that is followed to get there: of folders too, and links to links. It must lead somewhere."""
    at, ahead = Path("/"), list(reversed(path.absolute().parts[1:]))
    while ahead:
        part = ahead.pop()
        here = at.parent if part == ".." else at / part
        if part == ".." or not here.is_symlink():
            at = here
            continue
        yield here
        target = here.readlink()
        at = Path("/") if target.is_absolute() else at
        ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
