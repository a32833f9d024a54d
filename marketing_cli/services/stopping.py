"""How a run is asked to stop, without knowing who asks."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Interrupted(BaseException):
    """Somebody asked to stop. Not an Exception, so that nothing on its way takes it for a failure of its own."""

    def __init__(self, exit_code: int) -> None:
        """Remember the exit code that says who asked."""
        super().__init__(f"stopped with exit code {exit_code}")
        self.exit_code = exit_code


class StopRequest(Protocol):
    """Somebody may ask to stop at any time. The request is only noted, except where it may cut what is being done."""

    @property
    def exit_code(self) -> int | None:
        """The exit code to end with, once somebody has asked to stop."""

    def interruptible(self) -> AbstractContextManager[None]:
        """In this block a request raises Interrupted: at once, also when it came before the block."""

    def deferred(self) -> AbstractContextManager[None]:
        """Within `interruptible`: this block finishes first, such as a transaction; then Interrupted is raised."""


class NeverStop:
    """For callers that have nobody to ask them."""

    exit_code: int | None = None

    def interruptible(self) -> AbstractContextManager[None]:
        """Nothing will come."""
        return nullcontext()

    def deferred(self) -> AbstractContextManager[None]:
        """Nothing to put off."""
        return nullcontext()
