"""The same events in other kinds of files; none of them is held in memory."""

import gzip
import shutil
import sys
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def array(events: Path) -> Path:
    """A JSON array."""
    path = events.with_suffix(".json")
    with events.open("rb") as source, path.open("wb") as target:
        target.write(b"[")
        for number, line in enumerate(source):
            target.write((b",\n" if number else b"") + line.rstrip(b"\n"))
        target.write(b"]\n")
    return path


def gz(events: Path) -> Path:
    """A gzip archive, packed as `gzip` does by itself."""
    path = events.with_name(f"{events.name}.gz")
    with events.open("rb") as source, gzip.open(path, "wb", compresslevel=6) as target:
        shutil.copyfileobj(source, target)
    return path


def zst(events: Path) -> Path:
    """A zstd archive with its checksum, as `zstd` makes it."""
    path = events.with_name(f"{events.name}.zst")
    options: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    with events.open("rb") as source, zstd.open(path, "wb", options=options) as target:
        shutil.copyfileobj(source, target)
    return path
