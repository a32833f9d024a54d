"""Send requests and suppressions for people: newest decision first, with the event's data."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, desc, func, literal, select, tuple_, type_coerce
from sqlalchemy.orm import Session, aliased
from sqlalchemy.types import NullType

from marketing_cli.models import Event, EventProperties, SendRequest, Suppression, UserTraits
from marketing_cli.repositories.listing_moments import set_within, utc_day
from marketing_cli.schemas.list_queries import DayOf, DecisionQuery

Decided: TypeAlias = type[SendRequest] | type[Suppression]
Place: TypeAlias = tuple[Any, int]
"""Where a page ended: `decided_at` as the driver gives it, and the id."""


class DecisionListing:
    """Reads one kind of decision inside the session's transaction; never commits."""

    def __init__(self, session: Session, model: Decided) -> None:
        """Read send requests or suppressions."""
        self._session = session
        self._dialect = session.get_bind().dialect
        self._model = model

    def page(self, wanted: DecisionQuery, after: Place | None, count: int) -> Sequence[Row[Any]]:
        """The next `count` decisions after that place; each row says its own in `at` and `id`."""
        model = self._model
        newest = self._newest(wanted, after, count)
        query = _with_event_data(model, newest)
        if model is Suppression:
            query = _with_blocking(query)
        return self._session.execute(query.order_by(model.decided_at.desc(), model.id.desc())).all()

    def counts(self, wanted: DecisionQuery) -> Sequence[Row[Any]]:
        """How many there are by template, kind (reason code, or status) and day, newest day first."""
        model = self._model
        kind = Suppression.reason_code if model is Suppression else SendRequest.status
        moment = model.event_timestamp if wanted.day_of is DayOf.EVENT else model.decided_at
        columns: list[Any] = [
            model.template_name.label("template"),
            kind.label("kind"),
            utc_day(self._dialect, moment).label("day"),
            func.count().label("number"),
        ]
        query = (
            select(*columns)
            .where(*_conditions(model, wanted))
            .group_by("template", "kind", "day")
            .order_by(desc("day"), "template", "kind")
        )
        return self._session.execute(query.limit(wanted.limit + 1) if wanted.limit else query).all()

    def _newest(self, wanted: DecisionQuery, after: Place | None, count: int) -> Subquery:
        """Which rows the page has: found first, so that no other row's event is looked up."""
        model = self._model
        query = select(model.id, model.user_id).where(*_conditions(model, wanted))
        if after is not None:
            # As the driver gave it, whatever its form: the same moment spelt otherwise would skip or repeat rows.
            moment, number = after
            query = query.where(tuple_(model.decided_at, model.id) < tuple_(literal(moment, NullType()), number))
        return query.order_by(model.decided_at.desc(), model.id.desc()).limit(count).subquery("newest")


def _conditions(model: Decided, wanted: DecisionQuery) -> list[ColumnElement[bool]]:
    asked: list[tuple[Any, Any]] = [
        (model.user_id, wanted.user),
        (model.template_name, wanted.template),
        (model.channel, wanted.channel),
        (model.run_id, wanted.run),
        (Suppression.reason_code, wanted.reason_code),
    ]
    equal = [column == value for column, value in asked if value is not None]
    return equal + set_within(model.decided_at, wanted.since, wanted.until)


def _with_event_data(model: Decided, chosen: Subquery) -> Select[Any]:
    data, traits = EventProperties, UserTraits
    columns: list[Any] = [
        model.id,
        model.run_id,
        model.user_id,
        model.template_name,
        model.channel,
        model.rule_name,
        model.reason,
        model.event_timestamp,
        model.decided_at,
        type_coerce(model.decided_at, NullType()).label("at"),
        Event.event_key,
        data.amount,
        data.attempt_number,
        data.failure_reason,
        traits.email,
        traits.country,
        traits.risk_segment,
        *([Suppression.reason_code, Suppression.suppression_reason] if model is Suppression else [SendRequest.status]),
    ]
    return (
        select(*columns)
        .join_from(chosen, model, and_(model.id == chosen.c.id, model.user_id == chosen.c.user_id))
        .outerjoin(Event, and_(Event.id == model.event_id, Event.user_id == model.user_id))
        .outerjoin(data, and_(data.event_id == Event.id, data.user_id == Event.user_id))
        .outerjoin(traits, and_(traits.event_id == Event.id, traits.user_id == Event.user_id))
    )


def _with_blocking(query: Select[Any]) -> Select[Any]:
    used, its_event = aliased(SendRequest), aliased(Event)
    return (
        query.add_columns(
            Suppression.blocking_request_id,
            used.event_timestamp.label("blocking_timestamp"),
            its_event.event_key.label("blocking_event_key"),
        )
        .outerjoin(used, and_(used.id == Suppression.blocking_request_id, used.user_id == Suppression.user_id))
        .outerjoin(its_event, and_(its_event.id == used.event_id, its_event.user_id == used.user_id))
    )
