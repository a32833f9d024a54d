"""What `mmsg copy` reports. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CopyStatus(StrEnum):
    """How a copy ended."""

    COPIED = "copied"
    DIFFERS = "differs"
    INTERRUPTED = "interrupted"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CopiedTable(_Shape):
    """A table: rows that this command copied, and rows in both databases at its end; null where it was interrupted."""

    table: str
    copied: int
    rows: int | None
    rows_there: int | None


class Digests(_Shape):
    """The digests of both databases, as `mmsg digest` has them; null where the copy was interrupted."""

    source: str | None
    target: str | None


class CopyReport(_Shape):
    """How the copy ended, table by table. `source` and `target` are URLs without their passwords."""

    status: CopyStatus
    exit_code: int
    source: str
    target: str
    started_at: datetime
    finished_at: datetime
    tables: Sequence[CopiedTable]
    digests: Digests
    warnings: Sequence[str]
