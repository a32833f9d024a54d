"""What `mmsg rules lint` reports. The JSON shape is a promise: fields are added, never renamed."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class LintCode(StrEnum):
    """What is wrong with a rule. A closed list: one token, one meaning."""

    NEVER_MATCHES = "never_matches"
    SHADOWED = "shadowed"
    UNSEEN_EVENT_TYPE = "unseen_event_type"
    UNSEEN_FIELD = "unseen_field"


class LintStatus(StrEnum):
    """The verdict."""

    CLEAN = "clean"
    FOUND = "found"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LintedRules(_Shape):
    """The rules: `shipped` or the file, the SHA-256 of its bytes, and how many rules there are."""

    source: str
    sha256: str
    rules: int
    enabled: int


class LookedAt(_Shape):
    """How many of the newest stored events the rules were compared with, or why with none."""

    events: int
    skipped: str | None = None


class LintFinding(_Shape):
    """One thing that is wrong: in which line, and what to do. `conditions` are those that it is about, in words."""

    code: LintCode
    rule: str
    line: int
    conditions: Sequence[str]
    detail: str
    advice: str


class RulesLintReport(_Shape):
    """All findings, in the order of the file."""

    status: LintStatus
    exit_code: int
    rules: LintedRules
    stored: LookedAt
    findings: Sequence[LintFinding]
