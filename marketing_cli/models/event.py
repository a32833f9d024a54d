"""Events as they arrived, and the typed projections that people query."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, LargeBinary, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketing_cli.models.base import Base, Id, JsonList, JsonObject, Name, SetByDatabase, UtcDateTime

_OWN = "and_(Event.id == foreign({0}.event_id), Event.user_id == foreign({0}.user_id))"
"""An event and its projections, told by the user too: the tables may be spread by it."""


class Event(Base):
    """One event. `id` is the order of arrival: of two events of one user the smaller was committed first."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("event_key", "user_id"),  # audit by key, and duplicates
        Index(None, "user_id", "event_type", "event_timestamp"),  # prior and waiting events, a user's timeline
        {"sqlite_autoincrement": True},  # decisions name events that may be deleted: no number is used again
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    event_key: Mapped[str] = mapped_column(Name)
    user_id: Mapped[str] = mapped_column(Name)
    event_type: Mapped[str] = mapped_column(Name)
    event_timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    properties: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    extra: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    content_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    input_id: Mapped[int] = mapped_column(ForeignKey("run_inputs.id"))
    line: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(SetByDatabase, server_default=func.current_timestamp())

    event_properties: Mapped["EventProperties | None"] = relationship(
        primaryjoin=_OWN.format("EventProperties"),
        back_populates="event",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )
    user_traits: Mapped["UserTraits | None"] = relationship(
        primaryjoin=_OWN.format("UserTraits"),
        back_populates="event",
        cascade="all, delete-orphan",
        passive_deletes=True,
    )


class EventProperties(Base):
    """The properties people query by; the whole object is in `events.properties`. No row: the event had none."""

    __tablename__ = "event_properties"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Name)
    amount: Mapped[float | None] = mapped_column(Double)
    attempt_number: Mapped[int | None] = mapped_column(BigInteger)
    failure_reason: Mapped[str | None] = mapped_column(Name)

    event: Mapped[Event] = relationship(primaryjoin=_OWN.format("EventProperties"), back_populates="event_properties")


class UserTraits(Base):
    """The user's traits as this event gave them. No row: the event had none.

    `extra` holds the traits that have no column or do not fit it; `key_order` the keys as received where that is not
    simply the columns and then `extra`.
    """

    __tablename__ = "user_traits"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Name)
    email: Mapped[str | None] = mapped_column(Name)
    country: Mapped[str | None] = mapped_column(Name)
    marketing_opt_in: Mapped[bool | None] = mapped_column(Boolean(create_constraint=False))
    risk_segment: Mapped[str | None] = mapped_column(Name)
    extra: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    key_order: Mapped[list[str] | None] = mapped_column(JsonList)

    event: Mapped[Event] = relationship(primaryjoin=_OWN.format("UserTraits"), back_populates="user_traits")
