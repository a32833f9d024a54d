"""`mmsg backtest`: what other rules would have decided of the stored history."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from marketing_cli.repositories import pieces
from marketing_cli.services import reading
from marketing_cli.services.backtest import run_backtest
from marketing_cli.services.backtest_options import BacktestQuery
from support.backtesting import AGAIN, DAILY, EVER, SHIPPED, THREE, Json, at, backtested, failed
from support.deciding import event_in, exists, field, make_rule, prior, rules_text
from support.events import MISSING, make_event, write_events
from support.ingesting import (
    contents,
    generated_events,
    generated_file,
    ingest,
    query,
    stored_lines,
    wait_until,
)
from support.listing import change
from support.processing import Store, open_store
from support.program import Program

Difference: TypeAlias = tuple[str, str, str, int, list[str]]
"""Rule, template, change, count, and the events that are examples."""


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """The test's own database, to be written to."""
    with open_store(database_url) as opened:
        yield opened


@pytest.fixture
def tried(database_url: str, tmp_path: Path) -> Callable[..., Any]:
    """Backtests rules, and gives the JSON."""

    def run(*rules: Json, query: BacktestQuery | None = None) -> Any:
        path = tmp_path / "new.yaml"
        path.write_text(rules_text(*rules))
        return run_backtest(database_url, path, query or BacktestQuery()).model_dump(mode="json")

    return run


def told(report: Any) -> list[Difference]:
    """The differences in short, each with the events it has as examples."""
    return [
        (row["rule"], row["template"], row["change"], row["count"], [each["event_id"] for each in row["examples"]])
        for row in report["differences"]
    ]


NAMELESS = make_event(event_id=MISSING, user_id="u_2", event_type="payment_failed", place=1, user_traits={"city": "X"})
BIG = make_rule("A", name="a", limit="none", when=[field("properties.n", "gte", 2)])
BIGGER = make_rule("A", name="a", limit="none", when=[field("properties.n", "gte", 3)])
NUDGE = make_rule("N", name="nudge", on="link", when=[prior("signup", "24h")], limit="none")
QUICK = make_rule("N", name="nudge", on="link", when=[prior("signup", "1h")], limit="none")
LINKS = [
    failed("l1", at(1, 12), kind="link"),
    failed("s1", at(1, 10), kind="signup"),
    failed("l2", at(1, 11), kind="link"),
]

CHANGES: dict[str, tuple[list[Json], list[Json], list[Json], list[Difference]]] = {
    "the rules in force": ([DAILY], [DAILY], THREE, []),
    "a wider condition": ([BIGGER], [BIG], THREE, [("a", "A", "newly_requested", 1, ["e2"])]),
    "a narrower condition": ([BIG], [BIGGER], THREE, [("a", "A", "no_longer_requested", 1, ["e2"])]),
    "a tighter limit": ([AGAIN], [DAILY], THREE, [("a", "A", "requested_to_suppressed", 1, ["e2"])]),
    "a wider limit": ([DAILY], [AGAIN], THREE, [("a", "A", "suppressed_to_requested", 1, ["e2"])]),
    "both at once": (
        [DAILY],
        [EVER | {"when": [field("properties.n", "gte", 2)]}],
        THREE,
        [
            ("a", "A", "no_longer_requested", 1, ["e1"]),
            ("a", "A", "requested_to_suppressed", 1, ["e3"]),
            ("a", "A", "suppressed_to_requested", 1, ["e2"]),
        ],
    ),
    "a rule more": (
        [DAILY],
        [DAILY, DAILY | {"name": "b"}],
        THREE,
        [("b", "A", "newly_suppressed", 3, ["e1"])],
    ),
    "a rule less": ([DAILY, DAILY | {"name": "b"}], [DAILY], THREE, [("b", "A", "no_longer_suppressed", 3, ["e1"])]),
    "another limit for the same suppression": (
        [DAILY],
        [make_rule("A", name="a", limit="once_ever", when=[field("properties.n", "lt", 3)])],
        THREE,
        [("a", "A", "no_longer_requested", 1, ["e3"]), ("a", "A", "other_reason", 2, ["e1"])],
    ),
    "another channel": (
        [AGAIN],
        [AGAIN | {"message": {"template": "A", "channel": "email"}}],
        THREE,
        [("a", "A", "other_reason", 3, ["e1"])],
    ),
    "another template": (
        [AGAIN],
        [make_rule("B", name="a")],
        THREE[:1],
        [("a", "A", "no_longer_requested", 1, ["e1"]), ("a", "B", "newly_requested", 1, ["e1"])],
    ),
    "a rule that is switched off": (
        [AGAIN],
        [AGAIN | {"enabled": False}],
        THREE,
        [("a", "A", "no_longer_requested", 3, ["e1"])],
    ),
    "nothing left on a type": (
        [AGAIN],
        [make_rule("B", on="never_seen")],
        THREE,
        [("a", "A", "no_longer_requested", 3, ["e1"])],
    ),
    "a longer wait for a late fact": (
        [QUICK],
        [NUDGE],
        LINKS,
        [("nudge", "N", "newly_requested", 1, ["l1"]), ("nudge", "N", "other_reason", 1, ["l2"])],
    ),
    "the rules in force, and a late fact": ([QUICK], [QUICK], LINKS, []),
    "what only some conditions look at": (
        [AGAIN],
        [AGAIN | {"when": [exists("event.event_id"), exists("event.place"), exists("user_traits.city")]}],
        [
            failed("e1", at(1)) | {"place": 1, "user_traits": {"city": "X"}},
            failed("e2", at(2)) | {"user_traits": {"city": "X"}},
            failed("e3", at(3)) | {"place": 1},
            NAMELESS,
        ],
        [
            ("a", "A", "no_longer_requested", 3, ["e2", event_in(NAMELESS).event_key]),
            ("a", "A", "other_reason", 1, ["e1"]),
        ],
    ),
}


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_each_change_has_its_name(
    store: Store, tried: Callable[..., Any], case: tuple[list[Json], list[Json], list[Json], list[Difference]]
) -> None:
    """By rule and template, with the number of decisions and a user's first event."""
    old, new, events, expected = case
    store.run(*old).batches(events, 1)
    report = tried(*new)
    assert told(report) == expected
    assert report["status"] == ("differs" if expected else "same")
    switches = ("newly_requested", "no_longer_requested", "requested_to_suppressed", "suppressed_to_requested")
    assert report["changed"] == sum(count for _, _, change, count, _ in expected if change in switches)


def test_examples_are_of_different_users_and_say_why(store: Store, tried: Callable[..., Any]) -> None:
    """The first decision of each of three users, with what was said before and is said now."""
    events = [failed(f"e{n}", at(1, n), user=f"u_{n % 5}", n=n) for n in range(20)]
    store.run(AGAIN).batch(*events)
    row = tried(BIGGER)["differences"][0]
    assert (row["count"], [each["event_id"] for each in row["examples"]]) == (3, ["e0", "e1", "e2"])
    (row,) = tried(DAILY)["differences"]
    assert (row["count"], [each["user_id"] for each in row["examples"]]) == (15, ["u_0", "u_1", "u_2"])
    first = row["examples"][0]
    assert first["before"] == {"outcome": "requested", "reason_code": None, "reason": "a matched: no conditions"}
    assert first["after"] == {
        "outcome": "suppressed",
        "reason_code": "daily_cap_reached",
        "reason": "skipped A: already sent today at 00:00Z (event e0)",
    }


NOON = datetime(2025, 11, 1, 12, tzinfo=UTC)
SINCE, UNTIL = BacktestQuery(since=NOON), BacktestQuery(until=NOON)


def test_requests_before_the_beginning_count_towards_caps(store: Store, tried: Callable[..., Any]) -> None:
    """Those that were really made: of what the new rules would have requested before, nothing counts."""
    events = [failed("e1", at(1, 10), n=1), failed("e2", at(1, 11), n=2), failed("e3", at(1, 12), n=3)]
    store.run(EVER | {"when": [field("properties.n", "lt", 2)]}).batch(*events)
    report = tried(EVER, query=SINCE)
    assert told(report) == [("a", "A", "newly_suppressed", 1, ["e3"])]
    said = report["differences"][0]["examples"][0]["after"]["reason"]
    assert said == "skipped A: already sent at 2025-11-01T10:00:00Z (event e1)"
    store.run(BIGGER).batch(*(event | {"user_id": "u_2"} for event in events))
    assert told(tried(EVER, query=BacktestQuery("u_2", NOON))) == [("a", "A", "other_reason", 1, ["e3"])]


def test_what_used_up_a_limit_before_the_beginning_is_named_as_it_was(store: Store, tried: Callable[..., Any]) -> None:
    """The rules in force change nothing, although the blocking event is not decided again."""
    store.run(EVER, backfill=True).batch(*THREE)
    assert tried(EVER, query=SINCE) == tried(EVER, query=SINCE) | {"status": "same", "differences": [], "events": 2}


def test_before_the_beginning_only_priors_are_known(store: Store, tried: Callable[..., Any]) -> None:
    """Also those that come late and re-open what lies in the span."""
    store.run(NUDGE).batches([failed("l1", at(1, 12), kind="link"), failed("l0", at(1, 11), kind="link"), LINKS[1]], 1)
    assert told(tried(NUDGE, query=SINCE)) == []
    assert told(tried(QUICK, query=SINCE)) == [("nudge", "N", "no_longer_requested", 1, ["l1"])]
    longer = NUDGE | {"when": [prior("signup", "2h")]}
    assert told(tried(longer, query=SINCE)) == [("nudge", "N", "other_reason", 1, ["l1"])]


def test_before_the_beginning_priors_are_not_decided(store: Store, tried: Callable[..., Any]) -> None:
    """A message that the new rules would have requested then uses up no limit."""
    rule = make_rule("A", name="a", on="signup", limit="once_ever")
    store.run(NUDGE).batch(LINKS[1], LINKS[0], failed("s2", at(2), kind="signup"))
    assert told(tried(NUDGE, rule, query=SINCE)) == [("a", "A", "newly_requested", 1, ["s2"])]
    assert told(tried(NUDGE, rule)) == [
        ("a", "A", "newly_requested", 1, ["s1"]),
        ("a", "A", "newly_suppressed", 1, ["s2"]),
    ]


def test_what_lies_after_the_end_may_have_used_up_a_limit(store: Store, tried: Callable[..., Any]) -> None:
    """It is decided, but not compared."""
    store.run(EVER).batch(failed("late", at(3), n=3), failed("e1", at(1, 10), n=1))
    assert told(tried(EVER, query=UNTIL)) == []
    small = EVER | {"when": [field("properties.n", "lt", 3)]}
    assert told(tried(small, query=UNTIL)) == [("a", "A", "suppressed_to_requested", 1, ["e1"])]


def test_archives_stay_archives(store: Store, tried: Callable[..., Any]) -> None:
    """What an import led to is historical again, and a late fact decides by the run that brings it."""
    store.run(NUDGE, EVER, backfill=True).batch(LINKS[0], THREE[0])
    store.run(NUDGE, EVER).batch(LINKS[1], THREE[1])
    report = tried(NUDGE, EVER)
    assert told(report) == []
    assert report["before"] == report["after"] == {"requested": 1, "historical": 1, "suppressed": 1}


def test_a_deleted_event_leaves_its_request(store: Store, tried: Callable[..., Any], database_url: str) -> None:
    """It cannot be decided again, is left out with a note, and still uses up its limit."""
    store.run(EVER).batch(*THREE)
    store.run(EVER).batch(failed("e9", at(1), user="u_9"))
    change(database_url, "DELETE FROM events WHERE event_key IN ('e1', 'e9')")
    report = tried(EVER)
    assert told(report) == []
    assert report["before"] == {"requested": 0, "historical": 0, "suppressed": 2}
    assert report["notes"][0].startswith("2 decisions are left out, since their events are no longer stored.")


@pytest.fixture
def filled(database_url: str, tmp_path: Path) -> str:
    """A history of several runs, an archive among them, with late arrivals and repeats."""
    events = list(generated_events(300))
    for name, part, options in (
        ("archive", events[150:][::-1], ["--backfill"]),
        ("first", events[:170][::-1], []),
        ("again", events, []),
    ):
        ingest(database_url, write_events(tmp_path / f"{name}.ndjson", *part), *options, "--batch-size", "40")
    return database_url


@pytest.fixture
def other_rules(tmp_path: Path) -> Path:
    """The shipped rules with another threshold."""
    path = tmp_path / "other.yaml"
    path.write_text(SHIPPED.read_text().replace("gte: 3", "gte: 2").replace("once_per_calendar_day\n", "once_ever\n"))
    return path


def test_the_rules_in_force_change_nothing(filled: str) -> None:
    """Not one decision, although the whole history came late, again, or as an archive."""
    report = backtested(filled, "--rules", SHIPPED, "--fail-above", "0")
    assert (report["status"], report["differences"], report["changed"]) == ("same", [], 0)
    assert report["before"] == report["after"]
    assert min(report["before"].values()) > 0
    assert [(row["before"], row["after"]) for row in report["by_day"]] == [
        (row["before"], row["before"]) for row in report["by_day"]
    ]


def test_it_stores_nothing(filled: str, other_rules: Path) -> None:
    """Not one row changes."""
    before = contents(filled)
    assert backtested(filled, "--rules", other_rules)["changed"] > 0
    assert contents(filled) == before


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_it_reads_in_pieces(filled: str, other_rules: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """However small they are, the report is the same."""
    whole = run_backtest(filled, other_rules, BacktestQuery())
    monkeypatch.setattr(pieces, "_MOST", rows)
    assert run_backtest(filled, other_rules, BacktestQuery()) == whole


def test_a_piece_ends_when_its_time_is_up(filled: str, other_rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each row, if need be."""
    whole = run_backtest(filled, other_rules, BacktestQuery())
    monkeypatch.setattr(reading, "_SLOW", -1.0)
    assert run_backtest(filled, other_rules, BacktestQuery()) == whole


def test_a_user_alone_is_decided_as_among_all(filled: str, other_rules: Path) -> None:
    """Each one's numbers add up to those of all."""
    whole = backtested(filled, "--rules", other_rules)
    users = [user for (user,) in query(filled, "SELECT DISTINCT user_id FROM events")]
    alone = [backtested(filled, "--rules", other_rules, "--user", user) for user in users]
    for name in ("users", "events", "changed"):
        assert whole[name] == sum(report[name] for report in alone)


def test_what_is_stored_meanwhile_is_left_out(
    filled: str, other_rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later events, and later decisions on earlier events, however small the pieces are."""
    whole, piece = backtested(filled, "--rules", other_rules), reading.Reading.piece
    later = iter(range(8, 100))

    def look_and_ingest(reader: reading.Reading, look: Callable[..., Any]) -> Any:
        found = piece(reader, look)
        ingest(filled, write_events(tmp_path / "more.ndjson", *generated_events(20, seed=next(later))))
        return found

    monkeypatch.setattr(pieces, "_MOST", 100)
    monkeypatch.setattr(reading.Reading, "piece", look_and_ingest)
    assert backtested(filled, "--rules", other_rules) == whole
    monkeypatch.undo()
    assert backtested(filled, "--rules", other_rules)["events"] > whole["events"]


def test_a_run_at_work_is_not_disturbed(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again and again while batches are stored: the rules in force change nothing, and the run ends well."""
    monkeypatch.setattr(pieces, "_MOST", 50)
    path = generated_file(tmp_path / "events.ndjson", 2_000)
    program = Program(tmp_path, database_url)
    events: list[int] = []
    with program.start("ingest", path, "--batch-size", "40", "--busy-timeout", "20") as process:
        wait_until(lambda: stored_lines(database_url) > 200)
        while process.poll() is None:
            report = backtested(database_url, "--rules", SHIPPED)
            assert report["differences"] == []
            events.append(report["events"])
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    assert events == sorted(events)
    assert events[0] < 2_000
    assert query(database_url, "SELECT status, new FROM runs") == [("ok", 2_000)]
