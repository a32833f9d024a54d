"""Whether a statement joins the users' tables by user: read from its text."""

import re
from collections.abc import Iterator

from marketing_cli.models.by_user import USERS_TABLES

_TABLE = re.compile(rf"(?:\bFROM|\bJOIN|,) \(?(?:ONLY )?({'|'.join(USERS_TABLES)})(?: AS (\w+))?\b(?! AS)")
_SAME = re.compile(r"\b(\w+)\.user_id = (\w+)\.user_id\b")
_GIVEN = re.compile(r"\b(\w+)\.user_id = (%s(?:::\w+)?|'[^']*')")


def joined_otherwise(sql: str) -> set[str]:
    """The users' tables in a statement, by their names there, that are not joined to the first one by user.

    Tables that are each asked for one user, which is a parameter, count as joined: it is the same one.
    """
    text = " ".join(sql.split())
    tables = [found.group(2) or found.group(1) for found in _TABLE.finditer(text)]
    if len(tables) < 2:
        return set()
    reached, pairs = {tables[0]}, list(_pairs(text))
    while more := {name for pair in pairs if reached & pair for name in pair} - reached:
        reached |= more
    return set(tables) - reached


def _pairs(text: str) -> Iterator[frozenset[str]]:
    yield from (frozenset(found.groups()) for found in _SAME.finditer(text))
    yield from (frozenset((found.group(1), "the user given")) for found in _GIVEN.finditer(text))
