"""The digest as docs/digest.md and docs/content-hash.md have it, computed by the code on those pages alone."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

from support.program import ROOT

Json: TypeAlias = dict[str, Any]
Entries: TypeAlias = Iterable[tuple[str, ...]]


@cache
def page_code(name: str) -> dict[str, Any]:
    """What the Python on a page of the documentation defines."""
    (source,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.DOTALL)
    defined: dict[str, Any] = {}
    exec(source, defined)  # noqa: S102 - our own page
    return defined


def documented_hash(event: Json) -> str:
    """The content hash of an event as files hold it, with a user that is text and microseconds at most."""
    moment = datetime.fromisoformat(event["event_timestamp"].upper()).astimezone(UTC)
    instant = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    content = event["user_id"], event["event_type"], instant, event.get("properties"), event.get("user_traits")
    found: str = page_code("content-hash.md")["content_hash"](*content)
    return found


def documented_digest(events: Iterable[Json], matches: Entries, requests: Entries) -> str:
    """The digest of these events, (event key, user, rule) matches and (user, template, window) requests."""
    hashes = [(event, documented_hash(event)) for event in events]
    hashed = [(event.get("event_id") or content, event["user_id"], content) for event, content in hashes]
    found: str = page_code("digest.md")["digest"](hashed, list(matches), list(requests))
    return found
