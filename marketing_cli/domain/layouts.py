"""How the users' tables lie in a database."""

from enum import StrEnum
from typing import Final

SPREAD: Final = "mmsg_spread"
"""The execution option of an engine that says how the users' tables lie, where that is known."""


class Layout(StrEnum):
    """What `mmsg migrate --layout` can ask for."""

    PLAIN = "plain"
    BY_USER = "by-user"


class Spread(StrEnum):
    """What the users' tables are: each in one piece, or spread by user in one of two ways."""

    WHOLE = "whole"
    PARTITIONS = "partitions"
    CITUS = "citus"

    @property
    def layout(self) -> Layout:
        """What was asked for."""
        return Layout.PLAIN if self is Spread.WHOLE else Layout.BY_USER
