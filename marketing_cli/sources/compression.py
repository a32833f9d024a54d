"""Unpacks gzip and zstd archives piece by piece, and tells a sound one from a cut or a corrupt one."""

import sys
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from marketing_cli.sources.opening import CHUNK_BYTES, ByteFile, CannotRead

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP_WITH_CHECKSUM = 31
_SMALLEST_GZIP = 64  # Packed in fewer bytes there is no event.
_NEAR_BYTES = 64 * 1024
_NEAR_BYTES_PACKED_TIGHTLY = 4 * 1024 * 1024
_TIGHT_RATIO = 16
_LARGEST_RATIO = 1032
_TRAILER_BYTES = 8
_WINDOW_TOO_LARGE = "requires too much memory"


class Compression(StrEnum):
    """How an input is packed, by its first bytes and not by its name."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_SIGNATURES = {
    Compression.GZIP: (b"\x1f\x8b",),
    # The sixteen others begin frames without data, which some packers write first.
    Compression.ZSTD: (b"\x28\xb5\x2f\xfd", *(bytes([kind]) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60))),
}


class CorruptArchive(Exception):
    """An archive's checksum or format is wrong, so nothing that came out of it can be trusted."""


class _Member(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def compression_of(start: bytes) -> Compression:
    """Recognise an archive by its first four bytes."""
    for kind, signatures in _SIGNATURES.items():
        if start.startswith(signatures):
            return kind
    return Compression.NONE


def verified(file: ByteFile, kind: Compression) -> "Archive":
    """Unpack a whole archive, keep nothing, and go back to its start; returns the archive, ready to be unpacked again.

    Raises CorruptArchive, CannotRead and OSError.
    """
    trial = Archive(file, kind)
    for _ in trial.chunks():
        pass
    file.rewind()
    return Archive(file, kind, end=trial.solid_end if trial.cut_short else None)


class Archive:
    """An archive that is unpacked once, from where its file stands; members after each other are read as one."""

    def __init__(self, file: ByteFile, kind: Compression, end: int | None = None) -> None:
        """Unpack `file`, which stays open and whose position shows how far it was read.

        `end` is given for an archive that is known to be cut short: nothing from that place on is unpacked.
        """
        self.cut_short = False
        self.solid_end = 0
        """The place after the last byte read that is not zero. A file that was being written when the power went, or
        that was given its full size in advance, ends in zeros: in an archive that lacks its end they mean nothing."""
        self._file = file
        self._kind = kind
        self._end = end
        self._last_bytes = b""

    def chunks(self) -> Iterator[bytes]:
        """Yield what the archive holds; afterwards `cut_short` is True when its end is missing.

        Raises CorruptArchive, perhaps only after wrong data (hence `verify`), CannotRead for a sound archive that needs
        too much memory, and OSError.
        """
        data = self._read()
        while data and not self.cut_short:
            member = _GzipMember() if self._kind is Compression.GZIP else zstd.ZstdDecompressor()
            yield from self._member_chunks(member, data)
            data = self._after(member)

    def _member_chunks(self, member: _Member, start: bytes) -> Iterator[bytes]:
        data, packed, unpacked = start, len(start), 0
        while True:
            try:
                chunk = member.decompress(data, CHUNK_BYTES)
            except (zlib.error, zstd.ZstdError) as error:
                raise self._failure(str(error).rpartition(": ")[2]) from error
            unpacked += len(chunk)
            if chunk:
                yield chunk
            if member.eof:
                return
            data = self._read() if member.needs_input else b""
            packed += len(data)
            if member.needs_input and not data:
                self._end_early(member, packed, unpacked)
                return

    def _after(self, member: _Member) -> bytes:
        """Return the start of the next member, b"" at the end of the file."""
        data = member.unused_data or self._read()
        if self._kind is Compression.GZIP:
            data = data.lstrip(b"\0")
            while not data and (more := self._read()):  # Tapes and some tools fill up the last block with zeros.
                data = more.lstrip(b"\0")
        if not any(signature.startswith(data[: len(signature)]) for signature in _SIGNATURES[self._kind]):
            raise self._corrupt("something else follows its end")
        return data

    def _end_early(self, member: _Member, packed: int, unpacked: int) -> None:
        """Tell an archive that lacks its end from one whose end was misread because of a wrong bit before it."""
        self.cut_short = True
        if self._end is not None or not isinstance(member, _GzipMember) or packed < _SMALLEST_GZIP:
            return
        # The last four bytes of a gzip member say how long its content is; in a cut one they are anything, but zero
        # only where zeros were filled in or a long run of one thing is packed tightly.
        named_length = int.from_bytes(self._last_bytes, "little")
        # One wrong bit shifts the length by no more than a packer puts into a block, which is much only where it packs
        # tightly. A wide reach takes some cut archives for corrupt ones, a narrow one lets altered lines through.
        tight = unpacked > _TIGHT_RATIO * packed
        reach = min(_NEAR_BYTES_PACKED_TIGHTLY if tight else _NEAR_BYTES, _LARGEST_RATIO * packed)
        # Not around the end of 32 bits: what a flush leaves behind (00 00 ff ff) would be near any short length.
        if named_length and abs(named_length - unpacked % 2**32) < reach and not member.lacks_trailer_only():
            raise self._corrupt("its content does not end where it should")

    def _read(self) -> bytes:
        start = self._file.position
        data = self._file.read(CHUNK_BYTES)
        self._last_bytes = (self._last_bytes + data[-4:])[-4:]
        if solid := data.rstrip(b"\0"):
            self.solid_end = start + len(solid)
        if self._end is None or start + len(data) <= self._end:
            return data
        for _ in self._file.chunks():  # So that the position tells the file's size.
            pass
        return data[: max(0, self._end - start)]

    def _failure(self, why: str) -> CorruptArchive | CannotRead:
        if self._kind is Compression.ZSTD and _WINDOW_TOO_LARGE in why:
            return CannotRead(
                "it is a zstd archive whose window is larger than 128 MiB, which takes too much memory to unpack; "
                "pack it again without --long"
            )
        return self._corrupt(why)

    def _corrupt(self, why: str) -> CorruptArchive:
        return CorruptArchive(
            f"the {self._kind} archive is corrupt ({why}, noticed in the first {self._file.position} bytes); "
            "none of its content can be trusted, so fetch or pack it again"
        )


class _GzipMember:
    """One member of a gzip file, unpacked through the same few methods as a zstd frame."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=_GZIP_WITH_CHECKSUM)
        self._crc = self._length = 0
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        chunk = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        # A full chunk may not be all that is in there, even when all input is used up.
        self.needs_input = not self._inflate.unconsumed_tail and len(chunk) < max_length
        self._crc = zlib.crc32(chunk, self._crc)
        self._length += len(chunk)
        return chunk

    def lacks_trailer_only(self) -> bool:
        """True when all content came out, and what there is of checksum and length after it is right."""
        trailer = self._crc.to_bytes(4, "little") + (self._length % 2**32).to_bytes(4, "little")
        return any(self._ends_with(trailer[-missing:]) for missing in range(1, _TRAILER_BYTES + 1))

    def _ends_with(self, rest: bytes) -> bool:
        inflate = self._inflate.copy()
        try:
            inflate.decompress(rest, 1)
        except zlib.error:
            return False
        return inflate.eof and not inflate.unused_data
