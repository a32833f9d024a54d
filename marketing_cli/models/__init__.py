"""The tables, as SQLAlchemy models."""

from marketing_cli.models.base import Base
from marketing_cli.models.decision import SendRequest, Suppression
from marketing_cli.models.event import Event, EventProperties, UserTraits
from marketing_cli.models.run import Reject, RulesVersion, Run, RunInput

__all__ = [
    "Base",
    "Event",
    "EventProperties",
    "Reject",
    "RulesVersion",
    "Run",
    "RunInput",
    "SendRequest",
    "Suppression",
    "UserTraits",
]
