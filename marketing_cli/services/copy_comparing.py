"""Whether a copy is one: what both databases hold, counted and digested."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from sqlalchemy.orm import Session

from marketing_cli.models import Event, SendRequest, Suppression
from marketing_cli.repositories.copy_moment import Moment, last_numbers
from marketing_cli.repositories.copy_parts import PARTS, Part, table_of
from marketing_cli.repositories.copy_reading import Known, Stretch, TimeIsUp, count_rows, read_known
from marketing_cli.repositories.digest import LastRows
from marketing_cli.services.copy_target import another_history
from marketing_cli.services.copying import known_there
from marketing_cli.services.digest import digest_up_to
from marketing_cli.services.reading import Reading


class Held(NamedTuple):
    """What a database holds: rows by table, and the digest."""

    rows: dict[str, int]
    digest: str


def held(reading: Reading, ends: Mapping[str, int]) -> Held:
    """What it holds up to these last numbers of each table."""
    rows = Counter[str]()
    for part in PARTS:
        rows.update({table_of(model).name: 0 for model in part.models})
        for counts in reading.slices(ends[part.name], _counting(part)):
            for model, count in zip(part.models, counts, strict=True):
                rows[table_of(model).name] += count
    decided = (ends[table_of(model).name] for model in (Event, SendRequest, Suppression))
    return Held(dict(rows), digest_up_to(reading, LastRows(*decided)).digest)


def _counting(part: Part) -> Callable[[Session, int, int], tuple[int, ...]]:
    return lambda session, after, to: count_rows(session, Stretch(part, after, to))


def require_beginning(source: Reading, target: Reading, moment: Moment) -> dict[str, int]:
    """Where the tables of a target end. Raises UsageError if it holds any row that is no copy of the source's."""
    ends = target.once(last_numbers)
    for part in PARTS:
        if ends[part.name] > moment.last[part.name]:
            raise another_history(part.name, ends[part.name])
        after = 0
        while after < ends[part.name]:
            ours = source.piece(partial(_known, Stretch(part, after, ends[part.name])))
            target.once(partial(known_there, part=part, ours=ours, after=after))
            after = ours.last
    return ends


def _known(stretch: Stretch, session: Session, is_up: TimeIsUp) -> Known:
    return read_known(session, stretch, is_up)
