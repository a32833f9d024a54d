"""A page as a picture for documents."""

import re
import stat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from marketing_cli.errors import MmsgError
from marketing_cli.rendering import Bullet, Field, JsonBlock, Mark, Page, Section, export_svg

PAGE = Page(
    "Event evt_81", [Section("Event", [Field("User", "<user & co>"), Bullet(Mark.OK, "held"), JsonBlock({"a": 1})])]
)


def test_a_picture_is_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the terminal nor the environment changes it: a document's picture changes with its content only."""
    export_svg(PAGE, tmp_path / "a.svg", "mmsg audit evt_81")
    for name, value in {"COLUMNS": "40", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    export_svg(PAGE, tmp_path / "b.svg", "mmsg audit evt_81")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert stat.S_IMODE((tmp_path / "a.svg").stat().st_mode) == 0o600


def test_a_picture_shows_the_page_and_loads_nothing(tmp_path: Path) -> None:
    """It is well-formed, holds the text in colour, and refers to nothing outside."""
    export_svg(PAGE, tmp_path / "a.svg", "title <x>\x1b")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    words = " ".join(ET.fromstring(text).itertext()).replace("\xa0", " ")  # noqa: S314 - our own file
    assert "<user & co>" in words
    assert "✓" in words
    assert "title <x>\\u001b" in words
    assert len(set(re.findall(r"fill: (#\w+)", text))) > 3
    assert "url(h" not in text
    assert "@font-face" not in text


def test_hostile_strings_in_a_picture(naughty: list[str], tmp_path: Path, hidden_in: Any) -> None:
    """Any data gives well-formed XML without invisible characters."""
    export_svg(Page("p", [Section("s", [Field(text, text) for text in naughty])]), tmp_path / "a.svg", "x")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    ET.fromstring(text)  # noqa: S314 - our own file
    assert not hidden_in(text)


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file and says what to do."""
    with pytest.raises(MmsgError, match=r"no/such\.svg: No such file or directory\. Choose another file\."):
        export_svg(PAGE, tmp_path / "no" / "such.svg", "x")
