"""Pages of the audit from answers made by hand: what is shown where something is missing or unusual."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from marketing_cli.domain.reasons import Outcome
from marketing_cli.errors import ExitCode
from marketing_cli.rendering import Output, Streams
from marketing_cli.rendering.audit_output import render_audit
from marketing_cli.rendering.audit_page import event_page
from marketing_cli.rendering.plain_page import page_lines
from marketing_cli.schemas.audit import (
    Ambiguity,
    AuditedCondition,
    AuditedDecision,
    AuditedEvent,
    AuditedReject,
    AuditResponse,
    BlockedBy,
    Candidate,
    Source,
    UserTimeline,
)

NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)


class Terminal(io.StringIO):
    """Memory that calls itself a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def decision(**values: Any) -> AuditedDecision:
    """A request by the rule `r`, with these values instead."""
    usual: dict[str, Any] = {
        "rule": "r",
        "template": "T",
        "channel": "sms",
        "outcome": Outcome.REQUESTED,
        "reason_code": None,
        "reason": "why",
        "decided_at": NOON,
        "rules_sha256": "a" * 64,
        "caused_by": "e",
        "conditions": [],
    }
    return AuditedDecision(**usual | values)


def response(*decisions: AuditedDecision, **values: Any) -> AuditResponse:
    """The audit of an event without data, with these values instead."""
    event = AuditedEvent(
        event_id="e",
        id=1,
        user_id="u",
        event_type="t",
        event_timestamp=NOON,
        created_at=NOON,
        properties=None,
        user_traits=None,
        extra={},
    )
    usual: dict[str, Any] = {
        "event": event,
        "source": Source(run_id=3, path="a.json", line=2, format="array"),
        "decisions": list(decisions),
    }
    return AuditResponse(**usual | values)


def reject(**values: Any) -> AuditedReject:
    """A refused line, with these values instead."""
    usual: dict[str, Any] = {
        "run_id": 1,
        "last_run_id": 4,
        "count": 3,
        "path": "-",
        "line": 9,
        "reason": "bad_value",
        "detail": "no",
        "user_id": "u",
        "event_type": None,
        "event_id": None,
        "raw": "",
        "raw_base64": None,
        "raw_length": 0,
        "created_at": NOON,
    }
    return AuditedReject(**usual | values)


def page(answer: AuditResponse) -> str:
    """The page as plain text."""
    return "".join(page_lines(event_page(answer)))


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (response(), ["No rule looked at events of the type t when this one arrived."]),
        (response(), ["no properties, no traits, nothing else", "from:       a.json, element 2 (run 3)"]),
        (response(decision(historical=True)), ["r: T (sms) historical, never handed on at 2025-11-01T12:00:00Z"]),
        (response(decision(late=True)), ["decided late, because of the arrival of event e"]),
        (
            response(decision(late=True, caused_by=None)),
            ["decided late, because of the arrival of an event that is no longer stored"],
        ),
        (
            response(
                decision(
                    outcome=Outcome.SUPPRESSED,
                    blocked_by=BlockedBy(send_request_id=5, event_id=None, event_timestamp=NOON),
                )
            ),
            ["blocked by request 5 for an event that is no longer stored of 2025-11-01T12:00:00Z"],
        ),
        (response(decision(notes=["beware"])), ["beware"]),
        (response(notes=["look out"]), ["Notes:", "look out"]),
        (response(decision(), decision(rules_sha256="b" * 64)), [f"by rules version {sha * 12}" for sha in "ab"]),
        (response(rejects=[reject()]), ["standard input, line 9 (run 1, 3 times, last in run 4): bad_value: no"]),
    ],
)
def test_an_event_page_says(answer: AuditResponse, lines: list[str]) -> None:
    """What there is, and plainly what there is not."""
    for line in lines:
        assert line in page(answer)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            AuditedCondition(condition="properties.x gt", expected=3, held=False),
            "[no]   properties.x gt 3: it is not there",
        ),
        (
            AuditedCondition(condition="properties.x gt", expected=3, found=None, held=False),
            "[no]   properties.x gt 3: found null",
        ),
        (
            AuditedCondition(condition="properties.x exists", expected=True, found="a", held=True),
            '[ok]   properties.x exists: found "a"',
        ),
        (
            AuditedCondition(condition="properties.x in", expected=["a", 1], found="null", held=False),
            '[no]   properties.x in ["a", 1]: found "null"',
        ),
        (
            AuditedCondition(condition="p", expected={"event_type": "s", "from": "A", "to": "B"}, held=False),
            "[no]   p, A to B: none is known",
        ),
        (
            AuditedCondition(condition="p", expected=1, found="x" * 1000, held=False),
            f'found "{"x" * 299}... (702 more characters)',
        ),
    ],
)
def test_a_condition_on_the_page(condition: AuditedCondition, text: str) -> None:
    """Missing, null and text that says null are told apart; what is long is cut, and counted."""
    assert text in page(response(decision(conditions=[condition])))


def test_on_a_terminal() -> None:
    """With symbols, and with everything that a pipe gets."""
    out = Terminal()
    answer = response(decision(conditions=[AuditedCondition(condition="c", expected=1, found=2, held=False)]))
    assert render_audit(answer, Output.TABLE, Streams(out, io.StringIO(), no_color=True)) is ExitCode.OK
    assert "✓ r: T (sms) requested" in out.getvalue()
    assert "✗ c 1: found 2" in out.getvalue()


def test_a_timeline_without_a_time() -> None:
    """A line whose time is not legible comes last, and says so."""
    out = io.StringIO()
    timeline = UserTimeline(
        user_id="u",
        events=[],
        message_decisions=[],
        rejects=[reject(), reject(event_timestamp=NOON, count=1, event_type="t")],
    )
    render_audit(timeline, Output.TABLE, Streams(out, io.StringIO()))
    last = [line.strip() for line in out.getvalue().splitlines()[-2:]]
    assert last[0].split("  ")[0] == "2025-11-01T12:00:00Z"
    assert "a line without a legible type: bad_value: no (standard input, line 9, 3 times)" in last[1]


@pytest.mark.parametrize("output", [Output.TABLE, Output.JSON])
def test_several_events_are_no_answer(output: Output) -> None:
    """They are listed, the exit code is 2, and the way out is said."""
    out, err = io.StringIO(), io.StringIO()
    candidate = Candidate(user_id="u_7", event_id="e", id=1, event_type="t", event_timestamp=NOON)
    code = render_audit(Ambiguity(message="pick", candidates=[candidate]), output, Streams(out, err))
    assert code is ExitCode.USAGE
    assert "u_7" in out.getvalue()
    assert err.getvalue() == "mmsg: pick\n"
