"""Checks of the file a SQLite database is in: who can read it, and whether there is room for it to grow."""

import os
import shlex
import stat
from pathlib import Path

from marketing_cli.services.doctor_findings import Finding, ok, skipped, warning, worst, wrong

_BESIDE = ("", "-journal", "-wal", "-shm")
_OTHERS = stat.S_IRWXO
_MEGABYTE, _GIGABYTE = 1024**2, 1024**3
ROOM_WRONG, ROOM_WARNING = 100 * _MEGABYTE, _GIGABYTE


def files_of(path: Path) -> list[Path]:
    """The database file and those that SQLite keeps beside it, as far as they are there."""
    file = os.path.realpath(path) if path.is_symlink() else path
    return [part for part in (Path(f"{file}{end}") for end in _BESIDE) if part.is_file()]


def permissions(path: Path) -> Finding:
    """Who but the owner can read or write the files; and whether the owner is whoever asks."""
    files = files_of(path)
    if not files:
        return skipped("there is no file")
    modes = {file: file.stat() for file in files}
    findings = [_access({file: stat.S_IMODE(status.st_mode) for file, status in modes.items()})]
    owners = {status.st_uid for status in modes.values()}
    me = os.geteuid()
    if len(owners) > 1:
        findings.append(
            wrong(
                f"the database and its journal belong to several users (ids {', '.join(map(str, sorted(owners)))})",
                f"Give them all to one: chown OWNER {shlex.join(map(str, files))}",
            )
        )
    elif me and me not in owners:
        findings.append(
            warning(f"the file belongs to user id {owners.pop()}, and this is user id {me}", "Run mmsg as one user.")
        )
    return worst(findings, f"only the owner can read or write {files[0]} and its journal")


def _access(modes: dict[Path, int]) -> Finding:
    """What the modes allow to others than the owner."""
    open_files = [file for file, mode in modes.items() if mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if not open_files:
        return ok("")
    shown = ", ".join(f"{file.name} has mode {modes[file]:04o}" for file in open_files)
    advice = f"Run: {shlex.join(['chmod', '600', *map(str, open_files)])}"
    if any(modes[file] & (_OTHERS | stat.S_IWGRP) for file in open_files):
        return wrong(f"others than the owner can read or write the data: {shown}", advice)
    return warning(f"the owner's group can read the data: {shown}", advice)


def disk_space(path: Path) -> Finding:
    """Whether the next runs, and a copy of the database, have room."""
    folder = Path(os.path.realpath(path)).parent
    try:
        room = os.statvfs(folder)
    except OSError as error:
        return wrong(f"the folder {folder} cannot be looked at: {error.strerror}", "Check DATABASE_URL.")
    size = sum(file.stat().st_size for file in files_of(path))
    return judged_space(room.f_bavail * room.f_frsize, size, no_more_files=room.f_files > 0 and room.f_favail == 0)


def judged_space(free: int, size: int, *, no_more_files: bool = False) -> Finding:
    """The verdict on so many bytes free beside a database of this size."""
    detail = f"{human_size(free)} free, the database has {human_size(size)}"
    if no_more_files:
        return wrong(f"no more files can be made on the disk; {detail}", "Delete files, or the next run fails.")
    if free < ROOM_WRONG:
        return wrong(detail, "Make room now: a run that finds the disk full stops.")
    if free < max(ROOM_WARNING, size):
        return warning(detail, "Make room: a backup or a dry run needs as much again as the database has.")
    return ok(detail)


def human_size(count: int) -> str:
    """A number of bytes in the largest unit that fits."""
    for unit, size in (("GiB", _GIGABYTE), ("MiB", _MEGABYTE), ("KiB", 1024)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"
