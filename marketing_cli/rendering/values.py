"""JSON values as text: exact for programs, legible for people."""

import json
from datetime import datetime
from typing import Any

from marketing_cli.domain.texts import z
from marketing_cli.rendering.safe_text import safe

INDENT = 2


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON value
    """`value` as JSON in ASCII that loses nothing; instants as `z` writes them.

    Raises ValueError for NaN and infinity, which JSON cannot hold, and TypeError for what is no JSON value.
    """
    return json.dumps(value, indent=indent, allow_nan=False, default=_instant)


def inline_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as JSON on one line for people: letters of every script as they are, the invisible ones escaped.

    Text is in quotes, so that `"3"` and `3`, `"null"` and `null` differ. The result is valid JSON.
    """
    return safe(json.dumps(value, ensure_ascii=False, allow_nan=False, default=_instant))


def pretty_json(value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """The lines of `value` as indented JSON, for people; see `inline_json`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=INDENT, default=_instant)
    return [safe(line) for line in text.split("\n")]


def shown(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as people read it in a table: text bare, nothing as `-`, the empty text as `""`, the rest as JSON."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return z(value)
    if isinstance(value, str):
        return safe(value) or '""'
    return inline_json(value)


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return z(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")
