import gzip
import io
import json
import os
import random
import stat
import sys
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from marketing_cli.domain.lines import InputState
from marketing_cli.sources.compression import Archive, Compression, CorruptArchive, verified
from marketing_cli.sources.opening import ByteFile
from unit.sources.reading import read_file, read_stdin

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLAIN = b"".join(
    json.dumps({"event_id": f"evt_{number}", "amount": number * 7919 % 1009 / 8}).encode() + b"\n"
    for number in range(300)
)
LINES = PLAIN.splitlines()
CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}


def zstd_checked(data: bytes) -> bytes:
    """Pack into one frame with a checksum."""
    return zstd.compress(data, options=CHECKED)


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress, "zstd+": zstd_checked}


def packed(tmp_path: Path, data: bytes, name: str = "events.gz") -> Path:
    """Write an archive."""
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", ["events.ndjson.gz", "events.zst", "events.json", "-"])
def test_archives_are_known_by_their_first_bytes(tmp_path: Path, packer: str, name: str) -> None:
    """An archive is unpacked whatever its name is, on standard input too, and counted in its own bytes."""
    data = PACKERS[packer](PLAIN)
    result = read_stdin(data) if name == "-" else read_file(packed(tmp_path, data, name))

    assert result.raws == LINES
    assert (result.state, result.message) == (InputState.DONE, "")
    assert result.reader.compression == packer.removesuffix("+")
    assert result.reader.position == result.reader.size == len(data)


def test_plain_text_with_the_name_of_an_archive_is_plain(tmp_path: Path) -> None:
    """A name alone makes no archive."""
    result = read_file(packed(tmp_path, PLAIN, "events.gz"))

    assert (result.raws, result.state, result.reader.compression) == (LINES, InputState.DONE, "none")


SKIPPED = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(PLAIN[:5000]) + gzip.compress(b"") + gzip.compress(PLAIN[5000:]),
        gzip.compress(PLAIN) + bytes(70_000),
        gzip.compress(PLAIN[:5000]) + bytes(512) + gzip.compress(PLAIN[5000:]),
        zstd.compress(PLAIN[:5000]) + zstd_checked(PLAIN[5000:]),
        SKIPPED + zstd.compress(PLAIN[:5000]) + SKIPPED + zstd.compress(PLAIN[5000:]) + SKIPPED,
    ],
    ids=["gzip members", "zeros at the end", "zeros between", "zstd frames", "zstd frames without data"],
)
def test_members_are_read_as_one(tmp_path: Path, data: bytes) -> None:
    """What was packed piece by piece comes out as one text; padding and frames without data do not show."""
    result = read_file(packed(tmp_path, data))

    assert (result.raws, result.state) == (LINES, InputState.DONE)


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("garbage", [b"\n", b"x", b"more\n", b"\0\0x", b"{}" * 40_000])
def test_something_else_after_an_archive_is_corrupt(tmp_path: Path, packer: str, garbage: bytes) -> None:
    """An archive that is followed by anything but another of its kind is not trusted."""
    result = read_file(packed(tmp_path, PACKERS[packer](PLAIN) + garbage))

    assert (result.lines, result.state) == ([], InputState.CORRUPT)


@pytest.mark.parametrize("source", ["file", "-"])
@pytest.mark.parametrize("packer", ["gzip", "zstd+"])
def test_a_flipped_bit_gives_no_line(tmp_path: Path, packer: str, source: str) -> None:
    """One wrong bit, wherever it is: no line at all, or a bit that changes nothing of the content."""
    data = PACKERS[packer](PLAIN)
    rng = random.Random(5)  # noqa: S311
    for place in rng.sample(range(16, 8 * len(data)), 50):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        result = read_stdin(bytes(flipped)) if source == "-" else read_file(packed(tmp_path, bytes(flipped)))

        if result.state is InputState.DONE:
            assert result.raws == LINES
        else:
            assert result.lines == []
            assert result.state in (InputState.CORRUPT, InputState.TRUNCATED)
            assert result.message


def test_a_wrong_bit_that_hides_the_end_is_no_cut(tmp_path: Path) -> None:
    """A gzip file that seems to lack its end because a bit in it is wrong gives no altered line."""
    data = gzip.compress(PLAIN)
    seemingly_cut = 0
    for place in range(80, 8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        member = zlib.decompressobj(wbits=31)
        try:
            content = member.decompress(bytes(flipped))
        except zlib.error:
            continue
        if member.eof or PLAIN.startswith(content):
            continue
        seemingly_cut += 1
        result = read_file(packed(tmp_path, bytes(flipped)))
        assert (result.lines, result.state) == ([], InputState.CORRUPT)
    assert seemingly_cut > 3


ALIKE = b"".join(b'{"event_id":"evt_%09d","user_id":"u_1","event_type":"page_viewed"}\n' % n for n in range(3000))


@pytest.mark.parametrize(
    "data",
    [gzip.compress(ALIKE), gzip.compress(LINES[0] * 9000), gzip.compress(PLAIN[:9000]) + gzip.compress(PLAIN[9000:])],
    ids=["lines that are alike", "one line often", "2 members"],
)
def test_a_wrong_bit_in_what_is_packed_tightly_gives_no_line(data: bytes) -> None:
    """Where a bit stands for much text, a wrong one shifts the end far, and is still noticed."""
    whole = set(gzip.decompress(data).split(b"\n"))
    rng = random.Random(5)  # noqa: S311
    for place in rng.sample(range(80, 8 * len(data)), 300):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        assert set(unpacked(bytes(flipped)).split(b"\n")[:-1]) <= whole


def unpacked(data: bytes) -> bytes:
    """What is handed out of a gzip file after it was verified."""
    try:
        return b"".join(verified(ByteFile(io.BytesIO(data)), Compression.GZIP).chunks())
    except CorruptArchive:
        return b""


@pytest.mark.parametrize("plain", [PLAIN, ALIKE, LINES[0] * 9000], ids=["300 lines", "alike", "1 line often"])
@pytest.mark.parametrize("more", [0, 1, 4096, 70_000])
def test_zeros_instead_of_an_end_are_not_unpacked(plain: bytes, more: int, tmp_path: Path) -> None:
    """A file that was given its size and not written to its end gives a true start of its content, or nothing."""
    data = gzip.compress(plain)
    for cut in random.Random(7).sample(range(30, len(data) - 8), 40):  # noqa: S311
        damaged = data[:cut] + bytes(len(data) - cut + more)
        assert plain.startswith(unpacked(damaged))
    result = read_file(packed(tmp_path, data[: len(data) // 2] + bytes(len(data) + more)))
    assert result.state in (InputState.TRUNCATED, InputState.CORRUPT)
    assert result.state is InputState.CORRUPT or f"ends at byte {len(data) // 2 + len(data) + more}," in result.message


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("place", range(4))
def test_a_damaged_signature_gives_no_line(tmp_path: Path, packer: str, place: int) -> None:
    """A file named as an archive that no longer begins like one, and is no text, is corrupt."""
    data = bytearray(PACKERS[packer](PLAIN))
    data[place] ^= 4
    result = read_file(packed(tmp_path, bytes(data)))

    assert result.lines == [] or result.raws == LINES
    assert result.state is (InputState.CORRUPT if result.lines == [] else InputState.DONE)


@pytest.mark.parametrize("packer", PACKERS)
def test_a_cut_archive_keeps_what_came_before(tmp_path: Path, packer: str) -> None:
    """Cut anywhere, an archive gives a true start of its content, and says at which byte and line it ends."""
    rng = random.Random(3)  # noqa: S311
    plain = b"".join(b'{"n": %d}\n' % rng.getrandbits(60) for _ in range(30_000))
    data = PACKERS[packer](plain)
    found = set()
    for cut in [4, 8, 17, *(len(data) * part // 16 for part in range(1, 16)), len(data) - 4, len(data) - 1]:
        result = read_file(packed(tmp_path, data[:cut]))
        tail = [line.is_tail for line in result.lines]

        assert result.state is InputState.TRUNCATED
        assert plain.startswith(b"\n".join(result.raws))
        assert not any(tail[:-1])
        assert f"ends at byte {cut}, after line {tail.count(False)};" in result.message
        found.add(len(result.lines))
    assert len(found) > 3


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(PLAIN),
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(b"\n".join(LINES[:2]), mtime=0),
        gzip.compress(LINES[0]) + gzip.compress(LINES[1], mtime=0),
        gzip.compress(b"x" * 70_000),
        gzip.compress(LINES[0] * 9000),
    ],
    ids=["300 lines", "no time", "2 lines", "2 members", "1 long line", "1 line often"],
)
def test_every_start_of_an_archive_is_a_cut_one(data: bytes) -> None:
    """Wherever a sound archive is cut, its checksum and length included, it is cut and not corrupt."""
    whole = b"".join(Archive(ByteFile(io.BytesIO(data)), Compression.GZIP).chunks())
    for cut in range(4, len(data)):
        archive = Archive(ByteFile(io.BytesIO(data[:cut])), Compression.GZIP)
        assert whole.startswith(b"".join(archive.chunks()))
        assert archive.cut_short or whole_members(data, cut)


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH])
@pytest.mark.parametrize("alike", [True, False])
def test_a_log_that_was_flushed_and_never_ended_is_cut(flush: int, alike: bool) -> None:
    """Its writer was killed after a flush, which leaves 00 00 ff ff: all that was flushed is kept."""
    packer = zlib.compressobj(wbits=31)
    data = plain = b""
    for number in range(200):
        line = b'{"n": %d}\n' % (0 if alike else number**5) * 20
        plain += line
        data += packer.compress(line) + packer.flush(flush)
        archive = Archive(ByteFile(io.BytesIO(data)), Compression.GZIP)
        assert (b"".join(archive.chunks()), archive.cut_short) == (plain, True)


def whole_members(data: bytes, cut: int) -> bool:
    """True where a cut falls between members, or leaves so little of one that its start is not known for one."""
    return data.find(b"\x1f\x8b", 4) == cut


def test_a_window_that_needs_too_much_memory_is_no_damage(tmp_path: Path) -> None:
    """A sound zstd archive that was packed with a very large window cannot be read, and says how to pack it."""
    packer = zstd.ZstdCompressor(options=CHECKED | {zstd.CompressionParameter.window_log: 28})
    result = read_file(packed(tmp_path, packer.compress(PLAIN) + packer.flush()))

    assert (result.lines, result.state) == ([], InputState.UNREADABLE)
    assert "window is larger than 128 MiB" in result.message
    assert result.message.endswith("pack it again without --long")


@pytest.mark.parametrize("cut", range(2, 21))
def test_an_archive_cut_in_its_header_is_cut(tmp_path: Path, cut: int) -> None:
    """A header full of zeros is not taken for the end of an archive."""
    result = read_file(packed(tmp_path, gzip.compress(PLAIN, mtime=0)[:cut]))

    assert (result.lines, result.state) == ([], InputState.TRUNCATED)


def test_a_cut_array_in_an_archive(tmp_path: Path) -> None:
    """The elements before the cut are kept, the rest is one refusal."""
    array = b"[" + b",".join(LINES) + b"]"
    result = read_file(packed(tmp_path, gzip.compress(array)[:-900]))

    assert result.state is InputState.TRUNCATED
    assert result.raws[:-1] == LINES[: len(result.lines) - 1]
    assert [number for number, _ in result.refusals] == [len(result.lines)]
    assert f"after element {len(result.lines) - 1};" in result.message


@pytest.mark.parametrize("inner", [gzip.compress(PLAIN), zstd.compress(PLAIN)])
@pytest.mark.parametrize("packer", PACKERS)
def test_nothing_is_unpacked_twice(tmp_path: Path, packer: str, inner: bytes) -> None:
    """An archive in an archive is named as what it is, and left alone."""
    result = read_file(packed(tmp_path, PACKERS[packer](inner)))

    assert (result.lines, result.state) == ([], InputState.UNREADABLE)
    assert "archive" in result.message


@pytest.mark.parametrize("packer", PACKERS)
def test_a_bomb_needs_little_memory(tmp_path: Path, packer: str) -> None:
    """An archive of a few kilobytes that holds one line of 40 MB is read in less than 4 MB."""
    path = packed(tmp_path, PACKERS[packer](bytes(b" " * 40_000_000)))

    tracemalloc.start()
    result = read_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [line.length for line in result.lines] == [40_000_000]
    assert peak < 4_000_000


def test_spooled_standard_input_is_private_and_goes_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The copy has no name, nobody else may read it, and standard input itself stays open."""
    copies: list[IO[bytes]] = []
    make = tempfile.TemporaryFile

    def make_copy() -> IO[bytes]:
        copies.append(make())
        return copies[0]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", make_copy)
    seen = []
    rewind = ByteFile.rewind

    def look(file: ByteFile) -> None:
        seen.append((stat.S_IMODE(os.fstat(copies[0].fileno()).st_mode), list(tmp_path.iterdir())))
        rewind(file)

    monkeypatch.setattr(ByteFile, "rewind", look)
    result = read_stdin(gzip.compress(PLAIN))

    assert result.raws == LINES
    assert seen == [(0o600, [])]
    assert copies[0].closed


def test_no_room_for_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the copy cannot be made, the message says how to help."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    result = read_stdin(gzip.compress(PLAIN))

    assert (result.lines, result.state) == ([], InputState.UNREADABLE)
    assert "TMPDIR" in result.message
