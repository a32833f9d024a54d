"""What `mmsg doctor` reports. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CheckState(StrEnum):
    """How a check came out. Only `wrong` makes the command fail; `skipped` says that nothing was looked at."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    WRONG = "wrong"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Shape):
    """One thing that was looked at: what was found, and what to do about it where there is something to do."""

    check: str
    state: CheckState
    detail: str
    advice: str | None = None


class DoctorReport(_Shape):
    """All checks, in the order they were made. `status` is the worst state, where `skipped` counts as ok."""

    status: CheckState
    exit_code: int
    checks: Sequence[Check]
