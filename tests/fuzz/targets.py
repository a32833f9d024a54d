"""What is asked of any bytes, as a line of events and as rules: what the fuzzer tries, and the tests repeat."""

import io
import json
from functools import lru_cache
from typing import Any

from marketing_cli.domain.lines import InputState, RawLine, Reject
from marketing_cli.errors import BadConfig
from marketing_cli.schemas.event import EventIn
from marketing_cli.schemas.json_text import diagnose
from marketing_cli.services.engine import arrive
from marketing_cli.services.history import History
from marketing_cli.services.line_parsing import ParseOptions, parse_line
from marketing_cli.services.rules_files import load_rules, parse_rules
from marketing_cli.sources.discovery import InputPath
from marketing_cli.sources.reader import InputReader, ReadOptions
from support.deciding import facts
from support.events import make_event

LIMIT = 2000
LONGEST_DETAIL = 400
LONGEST_MESSAGE = 10_000
_BROKEN = {InputState.TRUNCATED, InputState.CORRUPT, InputState.UNREADABLE}
EVENTS = [
    make_event(
        event_id=f"e{number}", event_type=kind, properties={"n": number, "t": "x", "o": {"a": [1, None]}, "b": True}
    )
    for number, kind in enumerate(["x", "payment_failed", "signup_completed", "link_bank_success"])
]


def check_lines(data: bytes) -> None:
    """One line, then a whole input: each ends as an event that can be stored, a reject with a place, or blank."""
    _check_content(RawLine(1, data))
    _check_content(RawLine(1, data, is_tail=True))
    with InputReader(InputPath("-", "-"), ReadOptions(max_line_bytes=LIMIT), io.BytesIO(data)) as reader:
        lines = list(reader.lines())
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert (reader.state in _BROKEN) is (reader.message is not None)
    for line in lines:
        assert line.refusal or len(line.raw) <= LIMIT
        _check_content(line)


def _check_content(line: RawLine) -> None:
    content = parse_line(line, ParseOptions())
    if isinstance(content, EventIn):
        _check_event(content, line.raw)
    elif isinstance(content, Reject):
        assert content.detail
        assert content.detail.isascii()
        assert content.detail.isprintable()
        assert len(content.detail) <= LONGEST_DETAIL
        _check_text(content.user_id, content.event_type, content.event_key)
    else:
        assert not line.raw.strip()


def _check_event(event: EventIn, raw: bytes) -> None:
    assert diagnose(raw).refusal is None
    _check_text(event.event_key, event.user_id, event.event_type)
    assert 1970 <= event.event_timestamp.year <= 9999
    for value in (event.properties, event.user_traits, event.extra):
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        _check_text(text)
        assert json.loads(text) == value
    assert len(event.content_hash) == 32
    assert all(
        verdict.evaluation.rule.on == event.event_type for verdict in arrive(_shipped(), event.facts(1), History())
    )


def _check_text(*texts: str | None) -> None:
    for text in texts:
        assert text is None or b"\0" not in text.encode()


def check_rules(data: bytes) -> None:
    """Rules that can decide, or a short message with a place for each problem."""
    try:
        rules = parse_rules(data.decode(errors="surrogateescape"), "my.yaml")
    except BadConfig as error:
        message = str(error)
        assert len(message) < LONGEST_MESSAGE
        assert all(char.isprintable() or char == "\n" for char in message)
        assert message.startswith("my.yaml:")
        return
    history = History()
    for row, event in enumerate(EVENTS):
        arrive(rules, facts(event, row), history)


@lru_cache(maxsize=1)
def _shipped() -> Any:
    return load_rules().rule_set
