"""How many faults are tried: a sample by default, all of them with MMSG_FAULTS=full."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Read when the tests are collected: once they run, their environment holds no setting of the program.
FULL = os.environ.get("MMSG_FAULTS", "") == "full"
WORKERS = 2

P = TypeVar("P")


def size(sample: int, full: int) -> int:
    """How many rounds to run."""
    return full if FULL else sample


def spread(points: Sequence[P], sample: int) -> list[P]:
    """All points, or that many of them at equal distances, the first and the last included."""
    if FULL or len(points) <= sample:
        return list(points)
    return [points[round(place * (len(points) - 1) / (sample - 1))] for place in range(sample)]


def sweep(points: Iterable[P], ordeal: Callable[[P], list[str]]) -> dict[P, list[str]]:
    """Puts the program through the ordeal at every point, two at a time; gives the points that show problems."""
    places = list(points)
    with ThreadPoolExecutor(WORKERS) as pool:
        return {point: found for point, found in zip(places, pool.map(ordeal, places), strict=True) if found}
