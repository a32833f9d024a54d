"""What `mmsg digest` prints. The JSON shape is a promise: fields are added, never renamed."""

from pydantic import BaseModel, ConfigDict


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DigestPart(_Shape):
    """One of the three parts: how many entries it has, and their sum as 64 hexadecimal digits."""

    count: int
    sum: str


class DigestReport(_Shape):
    """The digest, its parts, and how many decisions are in none of them since their event is no longer stored."""

    digest: str
    events: DigestPart
    matches: DigestPart
    requests: DigestPart
    without_event: int
