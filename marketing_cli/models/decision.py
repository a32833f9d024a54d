"""What was decided: send requests, and suppressions with what blocked them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from marketing_cli.domain.reasons import SUPPRESSING
from marketing_cli.models.base import WORDS, Base, Id, Name, SetByDatabase, UtcDateTime


class DecisionColumns:
    """What a request and a suppression have in common.

    `event_timestamp` repeats the event's, since a request counts towards its limit even when the event is deleted.
    `caused_by_event_id` is the event whose arrival led to the decision: usually the event itself.
    """

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Name)
    event_timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    rule_name: Mapped[str] = mapped_column(Name)
    template_name: Mapped[str] = mapped_column(Name)
    channel: Mapped[str] = mapped_column(String(32))
    dedup_window: Mapped[str] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(Text)
    caused_by_event_id: Mapped[int] = mapped_column(BigInteger)
    decided_at: Mapped[datetime] = mapped_column(SetByDatabase, server_default=func.current_timestamp())

    @declared_attr
    def event_id(cls) -> Mapped[int | None]:  # noqa: N805 - SQLAlchemy calls it on the class
        """The event decided on; empty once that event is deleted."""
        return mapped_column(ForeignKey("events.id", ondelete="SET NULL"))

    @declared_attr
    def run_id(cls) -> Mapped[int]:  # noqa: N805
        """The run that decided."""
        return mapped_column(ForeignKey("runs.id"))

    @declared_attr
    def rules_version_id(cls) -> Mapped[int]:  # noqa: N805
        """The rules it decided by."""
        return mapped_column(ForeignKey("rules_versions.id"))


class SendRequest(DecisionColumns, Base):
    """A message that is to be sent (`requested`), or that an archive says was due (`historical`)."""

    __tablename__ = "send_requests"
    __table_args__ = (
        UniqueConstraint("user_id", "template_name", "dedup_window"),  # no limit is ever exceeded
        UniqueConstraint("event_id", "rule_name"),  # one decision per event and rule; audit
        Index(None, "user_id", "template_name", "event_timestamp"),  # which request used up a window
        Index(None, "decided_at"),  # `sends`: newest first, since, until
        {"sqlite_autoincrement": True},  # suppressions name the request that blocked them
    )

    status: Mapped[str] = mapped_column(String(16), info={WORDS: frozenset({"requested", "historical"})})


class Suppression(DecisionColumns, Base):
    """A message that a rule asked for and its limit forbade."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("event_id", "rule_name"),  # one decision per event and rule; audit
        Index(None, "user_id"),  # a user's timeline, and `suppressions --user`
        Index(None, "decided_at"),  # `suppressions`: newest first, since, until
        {"sqlite_autoincrement": True},
    )

    reason_code: Mapped[str] = mapped_column(String(64), info={WORDS: SUPPRESSING})
    suppression_reason: Mapped[str] = mapped_column(Text)
    blocking_request_id: Mapped[int | None] = mapped_column(BigInteger)
