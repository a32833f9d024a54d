"""What the services need of storage."""

from collections.abc import Sequence
from typing import Any, Protocol

from marketing_cli.domain.events import EventFacts, EventRef
from marketing_cli.domain.lookups import PriorLookup, WaitingLookup, WindowLookup
from marketing_cli.domain.windows import RequestFact
from marketing_cli.models import Event
from marketing_cli.repositories.event_rows import NewEvent, NewEvents
from marketing_cli.repositories.events import KnownEvent, WaitingEvent


class IPastEvents(Protocol):
    """What rules ask of a user's past events."""

    def find_latest_priors(self, lookups: Sequence[PriorLookup]) -> list[tuple[str, str, EventRef]]: ...
    def find_waiting(self, lookups: Sequence[WaitingLookup]) -> list[WaitingEvent]: ...


class IPastRequests(Protocol):
    """Which send requests used up a window."""

    def find_used(self, lookups: Sequence[WindowLookup]) -> dict[tuple[str, str, str], RequestFact]: ...


class IEventRepository(IPastEvents, Protocol):
    """Events, by identity and by what rules ask of a user's past."""

    def add(self, new: NewEvent) -> None: ...
    def add_many(self, news: NewEvents) -> None: ...
    def get_by_id(self, event_id: int) -> Event | None: ...
    def find_known(self, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], KnownEvent]: ...
    def find_facts(self, wanted: Sequence[tuple[int, str]]) -> dict[int, EventFacts]: ...


class ISendRequestRepository(IPastRequests, Protocol):
    """Send requests, and which of them used up a window."""

    def add(self, row: Sequence[Any]) -> None: ...
    def add_many(self, rows: Sequence[Sequence[Any]]) -> None: ...


class ISuppressionRepository(Protocol):
    """Suppressions."""

    def add(self, row: Sequence[Any]) -> None: ...
    def add_many(self, rows: Sequence[Sequence[Any]]) -> None: ...
