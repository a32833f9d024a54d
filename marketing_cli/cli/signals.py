"""SIGINT, SIGTERM and SIGHUP: the first ends the run after the batch in hand, the second at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType

from marketing_cli.services.stopping import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AT_SIGNAL = 128
_MESSAGE = b"\nStopping after the batch in hand; a second signal stops at once.\n"


class SignalStop:
    """A stop request made by a signal; use it as a context manager around the run."""

    def __init__(self, *, quiet: bool) -> None:
        """With `quiet` a signal is obeyed without a word."""
        self.exit_code: int | None = None
        self._quiet = quiet
        self._may_raise = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen inside the block, but not to what whoever started the program has told it to ignore (`nohup`)."""
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._on_signal) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def interruptible(self) -> AbstractContextManager[None]:
        """In this block a signal raises Interrupted: at once, also when it came before the block."""
        return self._switched(may_raise=True)

    def deferred(self) -> AbstractContextManager[None]:
        """This block is a transaction, or other work that must not be cut: it ends before the run does."""
        return self._switched(may_raise=False)

    @contextmanager
    def _switched(self, *, may_raise: bool) -> Iterator[None]:
        before, self._may_raise = self._may_raise, may_raise
        try:
            self._obey()
            yield
        finally:
            self._may_raise = before
        self._obey()

    def _obey(self) -> None:
        if self._may_raise and self.exit_code is not None:
            raise Interrupted(self.exit_code)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.exit_code is not None:
            os._exit(_AT_SIGNAL + number)
        self.exit_code = _AT_SIGNAL + number
        # Not through sys.stderr, which may be in the middle of a write; where it was closed, 2 may be any other file.
        if not self._quiet and sys.__stderr__ is not None:
            with suppress(OSError):
                os.write(2, _MESSAGE)
        self._obey()
