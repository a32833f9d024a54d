"""Each story in `sample_events/` comes out as the file beside it says, alone and among the others."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from marketing_cli.database.sessions import open_database
from marketing_cli.models import Event, Reject, SendRequest, Suppression
from marketing_cli.schemas.audit import TemplateAnswer
from marketing_cli.schemas.report import IngestReport
from marketing_cli.services.audit import AuditRequest, run_audit
from marketing_cli.services.ingest import IngestOptions
from marketing_cli.services.ingest_run import IngestRequest, run_ingest
from marketing_cli.services.stopping import NeverStop
from support.program import ROOT

SAMPLES = ROOT / "sample_events"
BESIDE = ".expected.yaml"
STORIES = sorted(path for path in SAMPLES.iterdir() if path.suffix not in {".yaml", ".md"})
COUNTS = ("new", "duplicate", "rejected", "blank")


def expected(story: Path) -> dict[str, Any]:
    """What the file beside a story says, with what it leaves out filled in."""
    found: dict[str, Any] = YAML(typ="safe").load(story.with_name(story.name + BESIDE))
    found["lines"] = dict.fromkeys(COUNTS, 0) | found["lines"]
    for kind in ("rejects", "requests", "suppressions"):
        found.setdefault(kind, [])
    for request in found["requests"]:
        request.setdefault("caused_by", request["event"])
    return found


def ingest(url: str, *paths: Path, batch_size: int = 5000) -> IngestReport:
    """A run over these paths with the shipped rules, as `mmsg ingest` makes it."""
    request = IngestRequest([str(path) for path in paths], url)
    return run_ingest(request, IngestOptions(batch_size=batch_size), NeverStop(), lambda _reader, _lines: None)


def rows(*lists: Iterable[Any]) -> Counter[tuple[tuple[str, Any], ...]]:
    """Mappings as things that can be counted and compared, whatever their order."""
    return Counter(tuple(sorted(dict(row).items())) for found in lists for row in found)


def stored(session: Session) -> dict[str, Counter[Any]]:
    """The decisions and rejects of a database, in the words of the expected outcomes."""
    cause, blocker = aliased(Event), aliased(Event)
    requests = (
        select(
            SendRequest.user_id.label("user"),
            Event.event_key.label("event"),
            SendRequest.rule_name.label("rule"),
            SendRequest.template_name.label("template"),
            SendRequest.channel,
            cause.event_key.label("caused_by"),
        )
        .join(Event, Event.id == SendRequest.event_id)
        .join(cause, cause.id == SendRequest.caused_by_event_id)
    )
    suppressions = (
        select(
            Suppression.user_id.label("user"),
            Event.event_key.label("event"),
            Suppression.rule_name.label("rule"),
            Suppression.reason_code,
            blocker.event_key.label("blocked_by"),
        )
        .join(Event, Event.id == Suppression.event_id)
        .join(SendRequest, SendRequest.id == Suppression.blocking_request_id)
        .join(blocker, blocker.id == SendRequest.event_id)
    )
    return {
        "requests": rows(session.execute(requests).mappings()),
        "suppressions": rows(session.execute(suppressions).mappings()),
        "rejects": rows(session.execute(select(Reject.line, Reject.reason)).mappings()),
    }


def kept(url: str) -> dict[str, Counter[Any]]:
    """What a run left in the database."""
    with open_database(url) as transactions, transactions() as session:
        return stored(session)


def answer(url: str, user: str, template: str) -> TemplateAnswer:
    """What `mmsg audit --user USER --template TEMPLATE` finds."""
    found = run_audit(AuditRequest(user_id=user, template=template), url)
    assert isinstance(found, TemplateAnswer)
    return found


@pytest.mark.parametrize("batch_size", [1, 5000])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_comes_out_as_told(story: Path, batch_size: int, database_url: str) -> None:
    """Counts, requests, suppressions and rejects are those beside the file, a line at a time and all at once."""
    outcome = expected(story)
    report = ingest(database_url, story, batch_size=batch_size)
    (entry,) = report.inputs
    assert {name: getattr(entry, name) for name in COUNTS} == outcome["lines"]
    assert (report.exit_code, entry.state) == (outcome["exit_code"], "done")
    assert (entry.format, entry.compression) == (outcome.get("format", "ndjson"), outcome.get("compression", "none"))
    assert report.rejects_by_reason == Counter(reject["reason"] for reject in outcome["rejects"])
    assert kept(database_url) == {kind: rows(outcome[kind]) for kind in ("requests", "suppressions", "rejects")}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_audit_knows_why(story: Path, database_url: str) -> None:
    """Asked why a user got a message or did not, audit gives the reason that the file beside the story names."""
    ingest(database_url, story)
    answers = expected(story)["answers"]
    found = [answer(database_url, asked["user"], asked["template"]).reason_code for asked in answers]
    assert found == [asked["reason_code"] for asked in answers]


def test_the_demonstration_ends_with_a_true_answer(database_url: str) -> None:
    """The question that `make demo` asks is why the signup of 26 h 10 m before was too early for the nudge."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    user, template = (
        re.findall(rf"^DEMO_{name} := (\S+)$", makefile, re.MULTILINE)[0] for name in ("USER", "TEMPLATE")
    )
    ingest(database_url, SAMPLES)
    found = answer(database_url, user, template)
    assert (found.answer, found.reason_code) == ("not_requested", "prior_event_outside_window")
    assert "26 h 10 m before; 24h allowed" in found.reason


def test_all_stories_together_come_out_as_told(database_url: str) -> None:
    """The stories do not disturb each other: the folder gives the sum of them; read once more, nothing but repeats."""
    outcomes = [expected(story) for story in STORIES]
    sums = {name: sum(outcome["lines"][name] for outcome in outcomes) for name in COUNTS}
    report = ingest(database_url, SAMPLES)
    together = {kind: rows(*(outcome[kind] for outcome in outcomes)) for kind in kept(database_url)}
    assert {name: getattr(report.totals, name) for name in COUNTS} == sums
    assert [Path(entry.path).name for entry in report.inputs] == [story.name for story in STORIES]
    assert kept(database_url) == together
    again = ingest(database_url, SAMPLES)
    assert again.totals.duplicate == sums["new"] + sums["duplicate"]
    assert again.totals.rejected == sums["rejected"]
    assert (again.totals.new, again.totals.send_requests, again.totals.suppressions) == (0, 0, 0)
    assert kept(database_url) == together


def test_every_story_has_its_outcome_and_its_line_in_the_readme() -> None:
    """Neither a story without an expected outcome, nor an outcome or a line without a story."""
    names = [story.name for story in STORIES]
    listed = [line.split("`")[1] for line in (SAMPLES / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert [path.name.removesuffix(BESIDE) for path in sorted(SAMPLES.glob(f"*{BESIDE}"))] == names
    assert listed == names
    assert len(names) >= 10


def test_the_packed_story_packs_to_the_same_bytes_again() -> None:
    """No time and no file name in its header: packing it once more changes nothing in the repository."""
    flags, time = (packed := (SAMPLES / "10_gzip.ndjson.gz").read_bytes())[3], packed[4:8]
    assert (flags, time) == (0, bytes(4))
