"""What `mmsg rules test` reports. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from marketing_cli.domain.reasons import Outcome, ReasonCode


class CaseStatus(StrEnum):
    """How a case came out, and all of them."""

    PASSED = "passed"
    FAILED = "failed"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RulesSource(_Shape):
    """The rules: `shipped` or the file, and the SHA-256 of its bytes."""

    source: str
    sha256: str


class CaseOutcome(_Shape):
    """A request or suppression: null is what does not apply or, where it is expected, was not asked for."""

    outcome: Outcome
    template: str | None = None
    channel: str | None = None
    reason_code: ReasonCode | None = None
    blocked_by: str | None = None
    caused_by: str | None = None


class CaseDifference(_Shape):
    """What is not as expected of one event and rule.

    `expected` and `found` are null where nothing was expected or nothing came; `details` say why, for people. `line` is
    that of the expectation, or else of the case.
    """

    line: int
    event_id: str
    user_id: str
    rule: str
    expected: CaseOutcome | None
    found: CaseOutcome | None
    details: Sequence[str]


class CaseResult(_Shape):
    """One case. `notes` name events that were no new ones, and so decided nothing."""

    name: str
    line: int
    status: CaseStatus
    differences: Sequence[CaseDifference]
    notes: Sequence[str]


class RulesTestReport(_Shape):
    """All cases, in the order of their file; `untested` are the enabled rules of which no case expects anything."""

    status: CaseStatus
    exit_code: int
    rules: RulesSource
    source: str
    cases: Sequence[CaseResult]
    passed: int
    failed: int
    untested: Sequence[str]
