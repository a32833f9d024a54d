"""The lines of one shard: those of its users are parsed, all others passed over as soon as their user is known."""

import re
from enum import Enum
from typing import Final

import orjson
from pydantic_core import PydanticCustomError

from marketing_cli.domain.lines import RawLine, Reject
from marketing_cli.domain.slots import SLOTS, Shard
from marketing_cli.errors import UsageError
from marketing_cli.schemas.event import EventIn, read_user_id
from marketing_cli.schemas.json_text import needs_close_look
from marketing_cli.services.line_parsing import ParseOptions, parse_line, validated

_FORM: Final = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)


class Skipped(Enum):
    """What stands for a line of another shard."""

    LINE = 0


SKIPPED: Final = Skipped.LINE


def shard_of(text: str) -> Shard:
    """Read `1/4`, the second of four slices. Raises UsageError for anything else."""
    match = _FORM.fullmatch(text.strip())
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if index < count <= SLOTS:
        return Shard(index, count)
    hint = f" The slices of {count} are 0/{count} to {count - 1}/{count}." if 1 < count <= SLOTS else ""
    raise UsageError(
        f"--shard takes I/N, slice I of N counted from 0, N at most {SLOTS}, such as 0/4 for the first of four;"
        f" not {text!r}.{hint}"
    )


def parse_own_line(line: RawLine, options: ParseOptions, shard: Shard) -> EventIn | Reject | Skipped | None:
    """What `parse_line` says of a line, if it belongs to the shard; else SKIPPED, for little more than its JSON costs.

    A line belongs to the user that its event or its reject names, and to slice 0 when it names none.
    """
    if line.refusal is None:
        try:
            value = orjson.loads(line.raw)
        except ValueError:
            pass
        else:
            # What needs a close look may be read otherwise by it, the user included.
            if not needs_close_look(line.raw):
                return validated(line, value, options) if shard.owns(_user_of(value)) else SKIPPED
    content = parse_line(line, options)
    return content if shard.owns(None if content is None else content.user_id) else SKIPPED


def _user_of(value: object) -> str | None:
    """The user that the event in a JSON value names, whatever else is wrong with it; None if that is not legible."""
    try:
        return read_user_id(value.get("user_id")) if isinstance(value, dict) else None
    except PydanticCustomError:
        return None
