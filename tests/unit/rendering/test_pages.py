"""A page explains one thing to a person, on one screen or in a file."""

from datetime import UTC, datetime
from typing import Any

import pytest

from marketing_cli.rendering import (
    Align,
    Bullet,
    Column,
    Field,
    JsonBlock,
    Listing,
    Mark,
    Page,
    Paragraph,
    Section,
    Tone,
    render_page,
)

CONDITIONS = Listing(
    [Column("condition", "Condition"), Column("found", "Found", align=Align.RIGHT)],
    [
        {"condition": "properties.attempt_number gte 3", "found": 1},
        {"condition": "event.country exists", "found": None},
    ],
)
PAGE = Page(
    "Event evt_81 of user_7",
    [
        Section(
            "Event",
            [
                Field("Type", "payment_failed"),
                Field("Event time", datetime(2025, 11, 1, 10, 41, tzinfo=UTC)),
                Field("From", "exports/2025-11-01.ndjson, line 17"),
                Section("Properties", [JsonBlock({"amount": 12.5, "note": "Zoë\u202e\n", "tags": []})]),
                Section("Traits", [], empty="none were sent"),
            ],
        ),
        Section(
            "Decisions",
            [
                Bullet(
                    Mark.OK,
                    "insufficient_funds requested INSUFFICIENT_FUNDS_EMAIL by email",
                    [
                        Field("Decided", datetime(2025, 11, 1, 11, tzinfo=UTC), tone=Tone.GOOD),
                        Field("Caused by", None),
                        Bullet(Mark.OK, 'properties.failure_reason equals "INSUFFICIENT_FUNDS"'),
                    ],
                ),
                Bullet(Mark.NO, "high_risk_alert did not match", [CONDITIONS, Bullet(Mark.NOTE, "rules of today")]),
                Bullet(Mark.SKIP, "second_alert was suppressed", [Paragraph("Already sent today.\nSee event evt_7.")]),
            ],
        ),
        Section("Rejects", [Listing(CONDITIONS.columns, [], empty="No line of this user was rejected.")]),
    ],
)
PLAIN = """\
Event evt_81 of user_7

Event:
  Type:        payment_failed
  Event time:  2025-11-01T10:41:00Z
  From:        exports/2025-11-01.ndjson, line 17
  Properties:
    {
      "amount": 12.5,
      "note": "Zoë\\u202e\\n",
      "tags": []
    }
  Traits:
    none were sent

Decisions:
  [ok]   insufficient_funds requested INSUFFICIENT_FUNDS_EMAIL by email
         Decided:    2025-11-01T11:00:00Z
         Caused by:  -
         [ok]   properties.failure_reason equals "INSUFFICIENT_FUNDS"
  [no]   high_risk_alert did not match
         Condition                        Found
         properties.attempt_number gte 3      1
         event.country exists                 -
         - rules of today
  [skip] second_alert was suppressed
         Already sent today.
         See event evt_7.

Rejects:
  No line of this user was rejected.
"""


def naughty_page(texts: list[str]) -> Page:
    """A page with each text in every place that holds text."""
    return Page(texts[1], [_naughty_section(text) for text in texts])


def _naughty_section(text: str) -> Section:
    column = Column("text", "Text")
    inner = Section(text, [], empty=text)
    return Section(
        text,
        [
            Field(text, text),
            Paragraph(text),
            Bullet(Mark.NO, text, [Field("x", text), inner]),
            JsonBlock({text: text}),
            Listing([column], [{"text": text}]),
            Listing([column], [], empty=text),
        ],
    )


def test_plain_page(printed: Any) -> None:
    """In a pipe a page is plain text: aligned, indented, marked, without colour."""
    prints = printed()
    render_page(PAGE, prints.streams)
    assert prints.out == PLAIN
    assert prints.err == ""


def test_a_plain_page_is_never_cut_or_wrapped(printed: Any) -> None:
    """Long values stay on their line."""
    prints = printed()
    long = "word " * 100 + "id" * 300
    render_page(Page("p", [Section("s", [Field("f", long), Paragraph(long), Bullet(Mark.OK, long)])]), prints.streams)
    assert [line for line in prints.out.splitlines() if long in line] == [
        f"  f:  {long}",
        f"  {long}",
        f"  [ok]   {long}",
    ]


def test_drawn_page_says_the_same(printed: Any) -> None:
    """On a terminal without colour the words of the plain page are all there, marks are symbols, no escape codes."""
    prints = printed(terminal=True, no_color=True)
    render_page(PAGE, prints.streams)
    expected = PLAIN.replace("- rules of today", "• rules of today")
    for mark, symbol in (("[ok]  ", "✓"), ("[no]  ", "✗"), ("[skip]", "⊘"), (":\n", "\n")):
        expected = expected.replace(mark, symbol)
    drawn = prints.out.replace("─", "")
    assert drawn.split() == expected.split()
    assert not [line for line in prints.out.splitlines() if line.endswith(" ")]
    assert "\x1b" not in prints.out


@pytest.mark.parametrize("terminal", [False, True])
def test_hostile_strings_on_a_page(terminal: bool, naughty: list[str], printed: Any, hidden_in: Any) -> None:
    """No string of the data acts on the terminal, is read as markup or vanishes."""
    prints = printed(terminal=terminal, no_color=True)
    render_page(naughty_page(naughty), prints.streams)
    assert not hidden_in(prints.out)
    markup = Page(
        "[bold]t[/bold]", [Section("[/]", [Field("[red]l", "[/red]"), Bullet(Mark.OK, ":skull: [link=x]y[/link]")])]
    )
    prints = printed(terminal=terminal, no_color=True)
    render_page(markup, prints.streams)
    for literal in ("[bold]t[/bold]", "[/]", "[red]l", "[/red]", ":skull: [link=x]y[/link]"):
        assert literal in prints.out


def test_long_ids_are_folded_on_a_terminal(printed: Any) -> None:
    """An id longer than the screen loses no character."""
    prints = printed(terminal=True)
    render_page(Page("p", [Section("s", [Field("f", "0123456789" * 30), Bullet(Mark.OK, "x" * 299)])]), prints.streams)
    assert sum(map(prints.out.count, "0123456789")) >= 300
    assert prints.out.count("x") == 299
    assert "…" not in prints.out
