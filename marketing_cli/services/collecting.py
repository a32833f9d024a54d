"""Python's search for cyclic garbage, kept from interrupting a batch over and over."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS_BETWEEN = 1.0


@contextmanager
def collected_between_batches() -> Iterator[Callable[[], None]]:
    """Look for cyclic garbage only when the function given is called, once a second at most, while the block lasts.

    Otherwise Python looks through all the rows of a batch again and again while they are made, which takes a quarter of
    the time of a run. What exists already, such as modules, is left out.
    """
    was_enabled = gc.isenabled()
    last = time.monotonic()

    def collect() -> None:
        nonlocal last
        if time.monotonic() - last > _SECONDS_BETWEEN:
            gc.collect()
            last = time.monotonic()

    gc.disable()
    gc.freeze()
    try:
        yield collect
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
