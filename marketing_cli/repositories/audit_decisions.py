"""Requests and suppressions for the audit, read as one kind of row."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Row, Select, Text, and_, func, select
from sqlalchemy.orm import Session, aliased

from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.windows import RequestFact
from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.audit_rows import Blocking, StoredDecision, TemplateCounts
from marketing_cli.repositories.input_rows import as_parameter, input_rows, of_user

_Decided: TypeAlias = type[SendRequest] | type[Suppression]
_TABLES: tuple[_Decided, ...] = (SendRequest, Suppression)


class DecisionHistory:
    """Reads what was decided, inside the session's transaction; never commits."""

    def __init__(self, session: Session) -> None:
        """Work in this session."""
        self._session = session
        self._dialect = session.get_bind().dialect.name

    def on_events(self, events: Sequence[tuple[int, str]]) -> list[StoredDecision]:
        """The decisions on these events, which are (row number, user), in the order in which they were made."""
        wanted = input_rows(self._dialect, {"id": BigInteger(), "user_id": Text()})
        parameter = as_parameter(self._dialect, events)
        found = []
        for table in _TABLES:
            mine = of_user(self._dialect, table.user_id, wanted.c.user_id)
            query = _query(table).join(wanted, and_(wanted.c.id == table.event_id, mine)).order_by(table.id)
            found += _decisions(self._session.execute(query, parameter))
        return found

    def without_event(self, user_id: str, limit: int | None) -> list[StoredDecision]:
        """A user's newest decisions, by event time, whose events are deleted; of each kind at most `limit`."""
        # An expression, so that no database looks for the deleted events of all users first.
        return self._newest(limit, lambda table: [table.user_id == user_id, func.coalesce(table.event_id, 0) == 0])

    def of_template(self, user_id: str, template: str, limit: int) -> list[StoredDecision]:
        """A user's newest decisions on a template, by event time; of each kind at most `limit`."""
        return self._newest(limit, lambda table: [table.user_id == user_id, table.template_name == template])

    def used_by(self, user_id: str, templates: Sequence[str], limit: int) -> list[tuple[RequestFact, int]]:
        """A user's requests of these templates, each with the row of its cause, oldest event first; at most `limit`."""
        query = (
            select(SendRequest)
            .where(SendRequest.user_id == user_id, SendRequest.template_name.in_(templates))
            .order_by(SendRequest.event_timestamp, SendRequest.id)
            .limit(limit)
        )
        return [
            (
                RequestFact(row.user_id, row.template_name, row.event_timestamp, row.event_id, None, row.id),
                row.caused_by_event_id,
            )
            for row in self._session.execute(query).scalars()
        ]

    def counts(self, user_id: str, template: str) -> TemplateCounts:
        """How many requests and suppressions a user has of a template."""
        mine = (SendRequest.user_id == user_id, SendRequest.template_name == template)
        query = select(
            select(func.count()).where(*mine, SendRequest.status == "requested").scalar_subquery(),
            select(func.count()).where(*mine, SendRequest.status == "historical").scalar_subquery(),
            select(func.count())
            .where(Suppression.user_id == user_id, Suppression.template_name == template)
            .scalar_subquery(),
        )
        return TemplateCounts(*self._session.execute(query).one())

    def _newest(self, limit: int | None, conditions: Any) -> list[StoredDecision]:  # noqa: ANN401
        found: list[StoredDecision] = []
        for table in _TABLES:
            newest = (
                select(table.id, table.user_id)
                .where(*conditions(table))
                .order_by(table.event_timestamp.desc(), table.id.desc())
                .limit(limit)
                .subquery("newest")
            )
            query = _query(table).join(newest, (newest.c.id == table.id) & (newest.c.user_id == table.user_id))
            found += _decisions(self._session.execute(query.order_by(table.event_timestamp.desc(), table.id.desc())))
        return found


def _query(table: _Decided) -> Select[Any]:
    event, cause = aliased(Event), aliased(Event)
    columns: list[Any] = [
        table,
        event.event_key.label("event_key"),
        event.event_type.label("event_type"),
        cause.event_key.label("caused_by_key"),
    ]
    query: Select[Any] = (
        select(*columns)
        .outerjoin(event, (event.id == table.event_id) & (event.user_id == table.user_id))
        .outerjoin(cause, (cause.id == table.caused_by_event_id) & (cause.user_id == table.user_id))
    )
    return query if table is SendRequest else _with_blocking(query)


def _with_blocking(query: Select[Any]) -> Select[Any]:
    request, event = aliased(SendRequest), aliased(Event)
    return (
        query.add_columns(
            request.id.label("blocking_id"),
            request.event_timestamp.label("blocking_timestamp"),
            event.event_key.label("blocking_key"),
        )
        .outerjoin(request, (request.id == Suppression.blocking_request_id) & (request.user_id == Suppression.user_id))
        .outerjoin(event, (event.id == request.event_id) & (event.user_id == request.user_id))
    )


def _decisions(rows: Iterable[Row[Any]]) -> list[StoredDecision]:
    return [_decision(row) for row in rows]


def _decision(row: Row[Any]) -> StoredDecision:
    decided = row[0]
    common = {
        "event_id": decided.event_id,
        "event_key": row.event_key,
        "event_type": row.event_type,
        "event_timestamp": decided.event_timestamp,
        "rule_name": decided.rule_name,
        "template": decided.template_name,
        "channel": decided.channel,
        "reason": decided.reason,
        "decided_at": decided.decided_at,
        "run_id": decided.run_id,
        "rules_version_id": decided.rules_version_id,
        "caused_by_event_id": decided.caused_by_event_id,
        "caused_by_key": row.caused_by_key,
    }
    if isinstance(decided, SendRequest):
        return StoredDecision(Outcome.REQUESTED, **common, historical=decided.status == "historical")
    return StoredDecision(
        Outcome.SUPPRESSED,
        **common,
        reason_code=decided.reason_code,
        suppression_reason=decided.suppression_reason,
        blocking=Blocking(row.blocking_id, row.blocking_key, row.blocking_timestamp),
    )
