"""Long readings of events and decisions, user by user, in pieces that can end at any row."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, Text, cast, literal, tuple_
from sqlalchemy.exc import DataError
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketing_cli.database.stored_values import ROW_BY_ROW, Misfit, Unread, careful_query, fits, misfits
from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import UnreadableValue
from marketing_cli.models import Base, Event, Run, SendRequest, Suppression, UserTraits
from marketing_cli.repositories.checks import last_number

TimeIsUp: TypeAlias = Callable[[], bool]
Place: TypeAlias = tuple[Any, ...]
"""The values of the last row that was read, in the columns that it is ordered by."""
Users: TypeAlias = tuple[str | None, str | None]
"""Users after one to another included; None for no bound."""

_MOST: Final = 5_000
_AT_ONCE: Final = 20
"""Of rows that are read value by value."""
_UNREADABLE: Final = (UnreadableValue, ValueError, TypeError, OverflowError, DataError)
"""What reading a row ends with where a value is not what its column holds."""

# Each is an index's, and begins with the user.
_BY_TYPE_AND_TIME: Final = (Event.user_id, Event.event_type, Event.event_timestamp, Event.id)
_OF_DECISIONS: Final[Mapping[Outcome, tuple[InstrumentedAttribute[Any], ...]]] = {
    Outcome.REQUESTED: (SendRequest.user_id, SendRequest.template_name, SendRequest.dedup_window),
    Outcome.SUPPRESSED: (Suppression.user_id, Suppression.id),
}


@dataclass(frozen=True, slots=True)
class Span:
    """The rows to read: up to the last ones in use when the reading began, of one user or of all."""

    events: int
    requests: int
    suppressions: int
    user_id: str | None = None


class Piece(NamedTuple):
    """Rows, where the next ones begin, and whether there are any."""

    rows: Sequence[Any]
    place: Place | None
    ended: bool


def span_of_now(session: Session, user_id: str | None = None) -> Span:
    """What is there now."""
    events, requests, suppressions = (
        last_number(session, Base.metadata.tables[model.__tablename__]) for model in (Event, SendRequest, Suppression)
    )
    return Span(events, requests, suppressions, user_id)


class Damaged(NamedTuple):
    """A row with values that cannot be read: the first of them, and by the names of the query what can be."""

    misfit: Misfit
    values: Mapping[str, Any]


class PieceReader:
    """Reads inside the session's transaction: at least one row if there is any, until there are enough or time is up.

    Rows come as `read` makes them of a row of the query, which must select the columns that it is ordered by. A row
    with a value that cannot be read is handed to `damaged`, or raises UnreadableValue, which names it.
    """

    def __init__(
        self, session: Session, span: Span, is_up: TimeIsUp, damaged: Callable[[Damaged], Any] | None = None
    ) -> None:
        """Read what lies in the span."""
        self._session, self._span, self._is_up, self._damaged = session, span, is_up, damaged

    def events(self, query: Select[Any], after: Place | None, read: Callable[[Any], Any]) -> Piece:
        """Events, a user's together, in no useful order within a user."""
        query = query.where(Event.id <= self._span.events)
        return self._piece(query, _BY_TYPE_AND_TIME, after, read)

    def decisions(
        self, query: Select[Any], outcome: Outcome, users: Users, after: Place | None, read: Callable[[Any], Any]
    ) -> Piece:
        """Send requests or suppressions of these users, a user's together."""
        requests = outcome is Outcome.REQUESTED
        model = SendRequest if requests else Suppression
        last = self._span.requests if requests else self._span.suppressions
        query = query.where(model.id <= last, *_between(model.user_id, *users))
        return self._piece(query, _OF_DECISIONS[outcome], after, read)

    def _piece(
        self,
        query: Select[Any],
        order: Sequence[InstrumentedAttribute[Any]],
        after: Place | None,
        read: Callable[[Any], Any],
    ) -> Piece:
        query = _following(query, order, after)
        if self._span.user_id is not None:
            query = query.where(order[0] == self._span.user_id)
        rows, last, ended = self._quickly(query.limit(_MOST), read)
        if last is None and not ended:  # the very next rows have such a value: a few of them, each value on its own
            rows, last, ended = self._carefully(query.limit(_AT_ONCE), order[0].parent.class_, read)
        if ended:
            return Piece(rows, None, ended=True)
        return Piece(rows, tuple(getattr(last, column.key) for column in order), ended=False)

    def _quickly(self, query: Select[Any], read: Callable[[Any], Any]) -> tuple[list[Any], Any, bool]:
        """Rows up to one that cannot be read, the last of them, and whether there are no more."""
        rows, last, known = list[Any](), None, set[tuple[type, ...]]()
        kinds = [column.type for column in query.selected_columns]
        try:
            # Not by the session: it has nothing to add to columns, and takes its time.
            found = self._session.connection().execute(query, execution_options=ROW_BY_ROW)
            with closing(found):
                for row in found:
                    shape = tuple(map(type, row))
                    if shape not in known:
                        if not all(map(fits, kinds, shape)):
                            return rows, last, False
                        known.add(shape)
                    rows.append(read(row))
                    last = row
                    if self._is_up():
                        return rows, last, False
        except _UNREADABLE:
            return rows, last, False
        return rows, last, len(rows) < _MOST

    def _carefully(
        self, query: Select[Any], model: type[Any], read: Callable[[Any], Any]
    ) -> tuple[list[Any], Any, bool]:
        """The same of a few rows of this model, each value on its own."""
        careful = careful_query(query, self._session.get_bind().dialect)
        found = self._session.connection().execute(careful).all()
        rows = [self._told(query, model, row) if _is_damaged(row) else read(row) for row in found]
        return rows, found[-1] if found else None, len(found) < _AT_ONCE

    def _told(self, query: Select[Any], model: type[Any], row: Any) -> Any:  # noqa: ANN401
        """What stands for a row that cannot be read."""
        if self._damaged is None:
            raise UnreadableValue(self._place(model, row.id))
        values = {name: None if type(value) is Unread else value for name, value in zip(row._fields, row, strict=True)}
        name = next(name for name, value in zip(row._fields, row, strict=True) if type(value) is Unread)
        column = query.selected_columns[name]
        (column,) = column.base_columns
        table = str(column.table.name)
        key = values.get("event_key")
        number = values.get("run_id" if table == Run.__tablename__ else "id") or 0
        misfit = Misfit(table, number, column.key or name, key)
        return self._damaged(Damaged(misfit, values))

    def _place(self, model: type[Any], number: int) -> str:
        """Where the value is, with its event, which a query need not select; empty where that is not found."""
        tables = [model.__table__, *([UserTraits.__table__] if model is Event else [])]
        found = (misfits(self._session, table, number - 1, number, lambda: False)[0] for table in tables)
        return next((some[0].place for some in found if some), "")


def _is_damaged(row: Any) -> bool:  # noqa: ANN401
    return any(type(value) is Unread for value in row)


def _following(query: Select[Any], order: Sequence[InstrumentedAttribute[Any]], after: Place | None) -> Select[Any]:
    """In this order, from the row after that one on."""
    if after is not None:
        place = [_bound(column, value) for column, value in zip(order, after, strict=True)]
        query = query.where(tuple_(*order) > tuple_(*place))
    return query.order_by(*order)


def _bound(column: InstrumentedAttribute[Any], value: Any) -> ColumnElement[Any]:  # noqa: ANN401
    """A value of the column; one that cannot be read as it is stored, which on PostgreSQL is read as text."""
    if type(value) is not Unread:
        return literal(value, column.type)
    return cast(literal(value.raw, Text), column.type) if type(value.raw) is str else literal(value.raw)


def _between(column: InstrumentedAttribute[str], after: str | None, to: str | None) -> "list[ColumnElement[bool]]":
    bounds = [] if after is None else [column > after]
    return bounds if to is None else [*bounds, column <= to]
