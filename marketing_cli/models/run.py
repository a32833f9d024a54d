"""The ledger: ingest runs, their inputs, the rules they used, and the lines they kept aside."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from marketing_cli.models.base import Base, Id, JsonList, Name, SetByDatabase, UtcDateTime


class RulesVersion(Base):
    """A rules file that decided something, whole; `sha256` is over its bytes, in hexadecimal.

    `in_force` lists its enabled rules as [name, event type]: late facts ask for them, and a text that a later program
    no longer accepts must not stop it.
    """

    __tablename__ = "rules_versions"
    __table_args__ = (UniqueConstraint("sha256"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    in_force: Mapped[list[list[str]]] = mapped_column(JsonList)
    first_used_at: Mapped[datetime] = mapped_column(SetByDatabase, server_default=func.current_timestamp())


class LineCounts:
    """The books: lines = new + duplicate + rejected + blank + skipped."""

    lines: Mapped[int] = mapped_column(BigInteger, default=0)
    new: Mapped[int] = mapped_column(BigInteger, default=0)
    duplicate: Mapped[int] = mapped_column(BigInteger, default=0)
    rejected: Mapped[int] = mapped_column(BigInteger, default=0)
    blank: Mapped[int] = mapped_column(BigInteger, default=0)
    skipped: Mapped[int] = mapped_column(BigInteger, default=0)


class Run(LineCounts, Base):
    """One `mmsg ingest`. `finished_at` and `exit_code` stay empty, and `status` `running`, when it was killed."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(16))
    exit_code: Mapped[int | None] = mapped_column(BigInteger)
    backfill: Mapped[bool] = mapped_column(Boolean(create_constraint=False))
    rules_version_id: Mapped[int] = mapped_column(ForeignKey("rules_versions.id"))
    rules_source: Mapped[str] = mapped_column(Text)
    program_version: Mapped[str] = mapped_column(String(64))
    send_requests: Mapped[int] = mapped_column(BigInteger, default=0)
    suppressions: Mapped[int] = mapped_column(BigInteger, default=0)


class RunInput(LineCounts, Base):
    """One file or stream of a run, and how far it was read."""

    __tablename__ = "run_inputs"
    __table_args__ = (UniqueConstraint("run_id", "position"),)  # a run's inputs, in their order

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    position: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str] = mapped_column(Text)
    format: Mapped[str | None] = mapped_column(String(16))
    compression: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(Text)


class Reject(Base):
    """A line that could not be ingested, as it came. The same bytes refused for the same reason are kept once.

    `raw` holds at most the first 64 KiB of a line over the limit, `raw_length` its true length.
    """

    __tablename__ = "rejects"
    __table_args__ = (
        UniqueConstraint("raw_sha256", "reason"),  # the same line again is counted, not kept twice
        Index(None, "user_id"),  # `audit --user`, `rejects --user`
        Index(None, "event_key"),  # `audit EVENT_ID`: was it refused, or another line of the same id?
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    last_run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    count: Mapped[int] = mapped_column(BigInteger)
    path: Mapped[str] = mapped_column(Text)
    line: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(Name)
    event_type: Mapped[str | None] = mapped_column(Name)
    event_key: Mapped[str | None] = mapped_column(Name)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    raw_length: Mapped[int] = mapped_column(BigInteger)
    raw_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(SetByDatabase, server_default=func.current_timestamp())
