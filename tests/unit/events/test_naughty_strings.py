"""Strings that have broken programs, as ids, types, keys and values."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketing_cli.domain.lines import RejectReason
from marketing_cli.schemas.event import EventIn, EventPropertiesIn, UserTraitsIn
from support.events import make_event

STRINGS = json.loads((Path(__file__).parents[2] / "data/naughty_strings/blns.json").read_bytes())


def is_usable(text: str) -> bool:
    """Said another way than in the program: something is left when all that is blank is taken away."""
    visible = "".join(c for c in "".join(text.split()) if unicodedata.category(c)[0] != "Z")
    return len(text) <= 255 and any(unicodedata.category(c) != "Cf" for c in visible)


def test_the_list_is_whole() -> None:
    """No string got lost, and some of them can be no ids."""
    assert len(STRINGS) == 515
    assert sum(not is_usable(text) for text in STRINGS) == 6


@pytest.mark.parametrize("field", ["user_id", "event_type", "event_id", "message_id"])
def test_as_an_id(field: str, parse: Callable[..., Any]) -> None:
    """Each is taken as it is, or refused because it is blank or too long."""
    own_id = {} if field == "event_id" else {"event_id": None}
    for text in STRINGS:
        result = parse(make_event(**{**own_id, field: text}))
        if is_usable(text):
            assert getattr(result, "event_id" if field == "message_id" else field) == text
        else:
            assert (result.reason, result.detail.split(":")[0]) == (RejectReason.BAD_VALUE, field)


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_as_key_and_value(text: str, accept: Callable[..., EventIn]) -> None:
    """Each is kept wherever it stands, escaped or not, and survives a round trip through the model."""
    event = make_event(
        properties={text: [text], "failure_reason": text}, user_traits={"email": text, "x": {text: text}}
    )
    event[f"x{text}"] = text
    escaped, plain = accept(json.dumps(event)), accept(json.dumps(event, ensure_ascii=False))
    assert (plain.properties, plain.user_traits) == (event["properties"], event["user_traits"])
    assert plain.extra == {f"x{text}": text}
    assert plain == escaped
    assert plain.content_hash == escaped.content_hash
    assert EventIn.model_validate(json.loads(plain.model_dump_json())) == plain


def test_as_projections() -> None:
    """Texts are projected as they are if they fit, and never as a boolean; numbers only if they look like one."""
    for text in STRINGS:
        properties = EventPropertiesIn.project(dict.fromkeys(EventPropertiesIn.model_fields, text))
        traits = UserTraitsIn.project(dict.fromkeys(UserTraitsIn.model_fields, text))
        assert properties.failure_reason == traits.email == (text if len(text) <= 255 else None)
        assert traits.marketing_opt_in is None
        looks_like_a_number = text.isascii() and text.removeprefix("-").replace(".", "", 1).isdigit()
        assert properties.amount is None or looks_like_a_number
