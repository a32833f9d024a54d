"""Archives and what may happen to them."""

import gzip
import json
import random
import sys
import zlib
from collections.abc import Callable, Iterator

from support.events import make_event

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
_ROUND = random.Random(11)  # noqa: S311 - examples, and no secrets


def zstd_checked(data: bytes) -> bytes:
    """Pack into one frame with a checksum."""
    return zstd.compress(data, options=CHECKED)


def in_members(data: bytes) -> bytes:
    """Pack piece by piece, as appending to a gzip file does."""
    return b"".join(gzip.compress(data[start : start + 9000]) for start in range(0, len(data), 9000))


def flushed(data: bytes) -> bytes:
    """Pack as a program does that wants its log readable at any time."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    parts = [packer.compress(data[i : i + 5000]) + packer.flush(zlib.Z_SYNC_FLUSH) for i in range(0, len(data), 5000)]
    return b"".join(parts) + packer.flush()


def fixed(data: bytes) -> bytes:
    """Pack by the codes that need no table."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31, 8, zlib.Z_FIXED)
    return packer.compress(data) + packer.flush()


def varied(number: int) -> bytes:
    """Events of which each is its own."""
    return b"".join(
        _line(f"evt_{n}", amount=_ROUND.randrange(10**6) / 100, who=f"{_ROUND.getrandbits(40):x}")
        for n in range(number)
    )


def alike(number: int) -> bytes:
    """Events that differ in their number only, so that they pack tightly."""
    return b"".join(_line(f"evt_{n:09}", amount=1, who="x") for n in range(number))


def _line(event_id: str, **properties: object) -> bytes:
    return json.dumps(make_event(event_id=event_id, event_type="page_viewed", properties=properties)).encode() + b"\n"


SHAPES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (lambda: varied(300), gzip.compress),
    "gzip, few lines": (lambda: varied(5), gzip.compress),
    "gzip, fast": (lambda: varied(300), lambda data: gzip.compress(data, 1)),
    "gzip, stored": (lambda: varied(100), lambda data: gzip.compress(data, 0)),
    "gzip, fixed codes": (lambda: varied(100), fixed),
    "gzip, members": (lambda: varied(300), in_members),
    "gzip, flushed": (lambda: varied(300), flushed),
    "gzip, tight": (lambda: alike(2000), gzip.compress),
    "gzip, one line often": (lambda: varied(1) * 2000, gzip.compress),
    "zstd": (lambda: varied(300), zstd_checked),
    "zstd, few lines": (lambda: varied(5), zstd_checked),
    "zstd, tight": (lambda: alike(2000), zstd_checked),
}


def with_flips(data: bytes, number: int, seed: int = 5) -> Iterator[bytes]:
    """The archive with one wrong bit, here and there, its signature aside."""
    rng = random.Random(seed)  # noqa: S311
    for place in rng.sample(range(32, 8 * len(data)), number):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


def cut_somewhere(data: bytes, number: int, seed: int = 3) -> Iterator[bytes]:
    """The archive without its end."""
    for cut in random.Random(seed).sample(range(4, len(data)), number):  # noqa: S311
        yield data[:cut]


def ended_in_zeros(data: bytes, number: int, seed: int = 4) -> Iterator[bytes]:
    """The archive in a file that has its full size or more, but was not written to its end."""
    rng = random.Random(seed)  # noqa: S311
    for cut in rng.sample(range(18, len(data) - 8), number):
        yield data[:cut] + bytes(len(data) - cut + rng.choice([0, 512, 70_000]))
