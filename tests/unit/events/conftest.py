"""What the tests of one event share: parsing a line, and JSON values that can be stored."""

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from marketing_cli.domain.lines import RawLine, Reject
from marketing_cli.schemas.event import EventIn
from marketing_cli.services.line_parsing import ParseOptions, parse_line


def _parse(line: bytes | str | dict[str, Any], zone: str | None = None, *, is_tail: bool = False) -> Any:
    text = json.dumps(line) if isinstance(line, dict) else line
    raw = text.encode() if isinstance(text, str) else text
    return parse_line(RawLine(1, raw, is_tail=is_tail), ParseOptions(ZoneInfo(zone) if zone else None))


@pytest.fixture(scope="session")
def parse() -> Callable[..., Any]:
    """Parses one line, given as bytes, text or an event."""
    return _parse


@pytest.fixture(scope="session")
def accept() -> Callable[..., EventIn]:
    """Parses one line that must be an event."""

    def accept(*args: Any, **options: Any) -> EventIn:
        event = _parse(*args, **options)
        assert isinstance(event, EventIn), event
        return event

    return accept


@pytest.fixture(scope="session")
def refuse() -> Callable[..., Reject]:
    """Parses one line that must be rejected."""

    def refuse(*args: Any, **options: Any) -> Reject:
        reject = _parse(*args, **options)
        assert isinstance(reject, Reject), reject
        return reject

    return refuse
