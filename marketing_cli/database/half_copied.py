"""The mark of a database that `mmsg copy` has not finished: everybody else stays out of it.

The mark stands behind the schema's revision, where every command looks before it does anything; a program that does not
know the mark takes it for the revision of a newer one, and stays out too. It ends with the token of the copy at work.
"""

from typing import Final

from sqlalchemy import Column, MetaData, String, Table, select, update
from sqlalchemy.orm import Session

from marketing_cli.errors import DatabaseUnavailable

_MARK: Final = " copying "
_VERSION: Final = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

HALF_COPIED: Final = (
    "a copy into it is under way, or was stopped before it was complete. Run the same `mmsg copy` again, which goes on"
    " where it stopped; nothing else can use the database until then."
)


def is_half_copied(revision: str | None) -> bool:
    """Whether this is the revision of a database with the mark."""
    return revision is not None and _MARK in revision


def refuse_half_copied(revision: str | None) -> None:
    """Raise DatabaseUnavailable for the revision of a database with the mark."""
    if is_half_copied(revision):
        raise DatabaseUnavailable(f"the database is half copied: {HALF_COPIED}")


def without_mark(revision: str | None) -> str | None:
    """The revision alone."""
    return None if revision is None else revision.partition(_MARK)[0]


def set_mark(session: Session, token: str) -> None:
    """Mark the database as being copied to by whoever has this token, whoever did so before."""
    _change(session, f"{without_mark(_revision(session))}{_MARK}{token}")


def has_mark(session: Session, token: str) -> bool:
    """Whether the mark is there, with this token."""
    return _revision(session).endswith(f"{_MARK}{token}")


def remove_mark(session: Session) -> None:
    """The copy is complete."""
    _change(session, without_mark(_revision(session)) or "")


def _revision(session: Session) -> str:
    return str(session.execute(select(_VERSION.c.version_num)).scalar_one())


def _change(session: Session, revision: str) -> None:
    session.execute(update(_VERSION).values(version_num=revision))
