"""Archives with wrong bits, without their end, or ending in zeros: never an event that nobody sent."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from faults.hostile.archives import SHAPES, cut_somewhere, ended_in_zeros, with_flips
from faults.hostile.bench import Bench, is_as_received
from faults.sizes import size

MOST_COMMON = ("gzip", "zstd")
FLIPS, CUTS = size(50, 200), size(20, 60)


def states(bench: Bench, path: Path, plain: bytes, damaged: Iterable[bytes]) -> Counter[str]:
    """Ingest each; nothing may be stored of a corrupt one, and only a true beginning of any other."""
    found: Counter[str] = Counter()
    lines = plain.splitlines()
    for data in damaged:
        path.write_bytes(data)
        report = bench.ingest(path)
        (books,) = report.inputs
        found[books.state] += 1
        # Whatever was altered and still parses would be new at the end of all, or in conflict with what is there.
        assert books.state != "corrupt" or books.lines == 0
        assert set(report.rejects_by_reason) <= {"truncated_tail", "bad_utf8"}
        assert books.rejected <= 1
        assert books.lines <= len(lines)
    held = bench.held()
    assert all(is_as_received(event, lines[held.lines[key] - 1]) for key, event in held.events.items())
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_flips(shape: str, bench: Bench, tmp_path: Path) -> None:
    """One wrong bit: corrupt, or a true beginning, or a bit that is no part of the content."""
    make, pack = SHAPES[shape]
    plain = make()
    flips = FLIPS if shape in MOST_COMMON else size(15, 200)
    found = states(bench, tmp_path / "events.ndjson.gz", plain, with_flips(pack(plain), flips))
    assert found["corrupt"] > flips // 2


@pytest.mark.parametrize("damage", [cut_somewhere, ended_in_zeros])
@pytest.mark.parametrize("shape", SHAPES)
def test_missing_ends(
    shape: str, damage: Callable[[bytes, int], Iterable[bytes]], bench: Bench, tmp_path: Path
) -> None:
    """Without its end an archive keeps a true beginning; where zeros stand for the end it may count as corrupt."""
    make, pack = SHAPES[shape]
    plain = make()
    found = states(bench, tmp_path / "events.ndjson.gz", plain, damage(pack(plain), CUTS))
    assert found["done"] == 0
    if damage is cut_somewhere:
        assert set(found) == {"truncated"}
