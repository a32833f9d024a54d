"""What the lists print, row by row. These JSON shapes are a promise: fields are added, never renamed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict


class _Decision(TypedDict):
    id: int
    run_id: int
    user_id: str
    template: str
    channel: str
    rule: str


class _EventData(TypedDict):
    """The event decided on; `event_id` is its key, and null, like `amount` and what follows it, once it is deleted."""

    reason: str
    event_id: str | None
    event_timestamp: datetime
    decided_at: datetime
    amount: float | None
    attempt_number: int | None
    failure_reason: str | None
    email: str | None
    country: str | None
    risk_segment: str | None


class _Status(_Decision):
    status: str


class SendRow(_Status, _EventData):
    """A send request, as `sends` lists it; `reason` says which facts matched."""


class BlockedBy(TypedDict):
    """The send request that had used up the limit; what is null is no longer stored."""

    send_request_id: int | None
    event_id: str | None
    event_timestamp: datetime | None


class SuppressionRow(_Decision, _EventData):
    """A suppression, as `suppressions` lists it; `reason`: what blocked it, `matched_because`: why the rule matched."""

    reason_code: str
    blocked_by: BlockedBy
    matched_because: str


class SendCount(TypedDict):
    """Send requests counted; `day` is a day of UTC, `2025-11-01`."""

    template: str
    status: str
    day: str
    count: int


class SuppressionCount(TypedDict):
    """Suppressions counted; `day` is a day of UTC, `2025-11-01`."""

    template: str
    reason_code: str
    day: str
    count: int


class RejectRow(TypedDict):
    """A line kept aside; `event_id` is the event's key, and each of the three ids is null where illegible.

    `raw` is the line, or null when its bytes are not UTF-8: then `raw_base64` has them. Both are null in a table, which
    does not show them. `raw_length` is the line's true number of bytes, `created_at` when it was first kept.
    """

    run_id: int
    last_run_id: int
    count: int
    path: str
    line: int
    reason: str
    detail: str
    user_id: str | None
    event_type: str | None
    event_id: str | None
    raw: str | None
    raw_base64: str | None
    raw_length: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line as it came; not `is_whole` when it was over the limit and only its beginning was kept."""

    raw: bytes
    is_whole: bool


class RunInputRow(TypedDict):
    """One input of a run; `message` says why it was not read to a good end."""

    path: str
    format: str | None
    compression: str | None
    state: str
    lines: int
    new: int
    duplicate: int
    rejected: int
    blank: int
    skipped: int
    message: str | None


class RunRow(TypedDict):
    """One ingest run; `exit_code` and `finished_at` are null while it runs, and for ever if it was killed."""

    run_id: int
    status: str
    exit_code: int | None
    started_at: datetime
    finished_at: datetime | None
    backfill: bool
    lines: int
    new: int
    duplicate: int
    rejected: int
    blank: int
    skipped: int
    send_requests: int
    suppressions: int
    rules_sha256: str
    rules_source: str
    inputs: list[RunInputRow]


class RulesVersionRow(TypedDict):
    """A version of the rules, and what its runs decided by it."""

    sha256: str
    first_used_at: datetime
    runs: int
    first_run_id: int | None
    last_run_id: int | None
    send_requests: int
    suppressions: int
