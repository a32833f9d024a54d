"""What a copy of a history is made of: the tables, parents first, and what their rows are known by."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Table

from marketing_cli.models import (
    Base,
    Event,
    EventProperties,
    Reject,
    RulesVersion,
    Run,
    RunInput,
    SendRequest,
    Suppression,
    UserTraits,
)

_BOOKS: Final = ("lines", "new", "duplicate", "rejected", "blank", "skipped")


@dataclass(frozen=True, slots=True)
class Part:
    """A table that is copied in the order of its numbers, and the tables of which its rows have at most one row each.

    Two rows of the same number are one and the same row if they agree in `same`; what is in `changing` may change as
    long as runs are at work.
    """

    model: type[Base]
    same: tuple[str, ...]
    changing: tuple[str, ...] = ()
    children: tuple[type[Base], ...] = ()

    @property
    def table(self) -> Table:
        """The table with the numbers."""
        return table_of(self.model)

    @property
    def name(self) -> str:
        """Its name."""
        return self.table.name

    @property
    def models(self) -> tuple[type[Base], ...]:
        """Every table of the part, parents first."""
        return (self.model, *self.children)


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    return cast(Table, model.__table__)


@cache
def columns_of(model: type[Base]) -> tuple[str, ...]:
    """The columns of a model's table, its key first."""
    names = [column.name for column in table_of(model).columns]
    (key,) = table_of(model).primary_key
    return (key.name, *(name for name in names if name != key.name))


RUNS: Final = Part(
    Run,
    same=("started_at", "rules_version_id", "backfill"),
    changing=("finished_at", "status", "exit_code", *_BOOKS, "send_requests", "suppressions"),
)
INPUTS: Final = Part(
    RunInput,
    same=("run_id", "position", "path"),
    changing=("format", "compression", "state", "message", *_BOOKS),
)
REJECTS: Final = Part(Reject, same=("raw_sha256", "reason", "run_id"), changing=("last_run_id", "count"))
LEDGER: Final = (Part(RulesVersion, same=("sha256",)), RUNS, INPUTS, REJECTS)
"""What runs at work change."""

_DECIDED: Final = ("user_id", "rule_name", "template_name", "dedup_window")
HISTORY: Final = (
    Part(Event, same=("event_key", "user_id", "content_hash"), children=(EventProperties, UserTraits)),
    Part(SendRequest, same=_DECIDED),
    Part(Suppression, same=_DECIDED),
)
"""What, once stored, stays as it is."""

PARTS: Final = (*LEDGER, *HISTORY)
MODELS: Final = tuple(model for part in PARTS for model in part.models)


def picked(part: Part, row: Any, names: tuple[str, ...]) -> tuple[Any, ...]:  # noqa: ANN401
    """These columns of a whole row."""
    columns = columns_of(part.model)
    return tuple(row[columns.index(name)] for name in names)
