"""The books of runs, as `mmsg verify` and `mmsg stats` report them."""

from pydantic import BaseModel, ConfigDict


class RunBooks(BaseModel):
    """How many runs, and what became of their lines: lines = new + duplicate + rejected + blank + skipped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: int
    lines: int
    new: int
    duplicate: int
    rejected: int
    blank: int
    skipped: int
