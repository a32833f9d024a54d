"""What `mmsg ingest` reports of a run. The JSON shape is a promise: fields are added, never renamed."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    OK = "ok"
    PARTIAL = "partial"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputReport(_Shape):
    """One input, and how far it was read. `lines = new + duplicate + rejected + blank + skipped`."""

    path: str
    format: str | None = None
    compression: str | None = None
    state: str = "not_read"
    lines: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    blank: int = 0
    skipped: int = 0


class Totals(_Shape):
    """The sums over all inputs, and what was decided."""

    lines: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: int = 0
    blank: int = 0
    skipped: int = 0
    send_requests: int = 0
    suppressions: int = 0


class RulesReport(_Shape):
    """The rules a run decided by: `shipped` or the file's path, and the SHA-256 of its bytes."""

    source: str
    sha256: str


class IngestReport(_Shape):
    """A whole run. `run_id` is null in a dry run, `shard` unless it was one, as in `0/4`; times are UTC.

    `retried_batches` counts how often the database refused a batch, which was then decided again.
    """

    run_id: int | None
    status: RunStatus
    exit_code: int
    dry_run: bool
    backfill: bool
    shard: str | None = None
    started_at: datetime
    finished_at: datetime
    inputs: list[InputReport]
    totals: Totals
    rejects_by_reason: dict[str, int] = Field(default_factory=dict)
    not_comparable: int = 0
    unknown_types: int = 0
    retried_batches: int = 0
    warnings: list[str] = Field(default_factory=list)
    rules: RulesReport
    error: str | None = None
