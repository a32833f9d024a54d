"""The judge itself: it passes what an undisturbed run leaves, and notices each way in which that could be wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from faults.fork_server import ForkServer
from faults.judge import Acked, differences, digest_differs, judge, not_reproduced, state_of
from faults.scene import OK, Scene
from faults.story import BATCH, Story, expected, make_lines

TAMPERINGS = {
    "an event is lost": "DELETE FROM events WHERE id = 30",
    "an event of a later batch is there": "UPDATE events SET line = line + 300 WHERE id = 30",
    "an event holds something else": "UPDATE events SET properties = '{}' WHERE event_type = 'payment_failed'",
    "an event nobody sent is there": "UPDATE events SET user_id = 'u_nobody' WHERE id = 30",
    "a projection is lost": "DELETE FROM event_properties WHERE user_id = 'u_2'",
    "traits are lost": "DELETE FROM user_traits WHERE user_id = 'u_2'",
    "a request is lost": "DELETE FROM send_requests WHERE rule_name = 'high_risk_alert'",
    "a request is there twice": (
        "INSERT INTO send_requests SELECT id + 1000, event_id, user_id, event_timestamp, rule_name || '2',"
        " template_name, channel, dedup_window || '2', status, reason, decided_at, run_id, rules_version_id,"
        " caused_by_event_id FROM send_requests WHERE id = 1"
    ),
    "a suppression is lost": "DELETE FROM suppressions WHERE id = 1",
    "a match was both requested and suppressed": (
        "UPDATE suppressions SET (event_id, rule_name) = (SELECT event_id, rule_name FROM send_requests WHERE id = 1)"
        " WHERE id = 1"
    ),
    "a suppression is blocked by nothing": "UPDATE suppressions SET blocking_request_id = 4711 WHERE id = 1",
    "a cap is exceeded under another name": (
        "UPDATE send_requests SET dedup_window = 'ever', event_id = (SELECT event_id FROM suppressions WHERE id = 1),"
        " rule_name = (SELECT rule_name FROM suppressions WHERE id = 1) WHERE rule_name = 'high_risk_alert'"
        " AND id = (SELECT max(id) FROM send_requests WHERE rule_name = 'high_risk_alert')"
    ),
    "a reject is lost": "DELETE FROM rejects WHERE id = 1",
    "a reject is kept for another reason": "UPDATE rejects SET reason = 'bad_utf8' WHERE id = 1",
    "a reject is miscounted": "UPDATE rejects SET count = count + 1 WHERE id = 1",
    "the run's books are wrong": "UPDATE runs SET new = new + 1",
    "the run's requests are wrong": "UPDATE runs SET send_requests = send_requests + 1",
    "the input's books are wrong": "UPDATE run_inputs SET new = new - 1, duplicate = duplicate + 1",
    "the books stop in the middle of a batch": "UPDATE run_inputs SET lines = 290",
    "the books lack a batch": "UPDATE run_inputs SET lines = 280",
    "a row refers to nothing": "UPDATE events SET input_id = 9999 WHERE id = 1",
}


@pytest.fixture(scope="module")
def scene(server: ForkServer, tmp_path_factory: pytest.TempPathFactory, template: Path, story: Story) -> Scene:
    """What an undisturbed run leaves."""
    scene = Scene.make(server, tmp_path_factory.mktemp("undisturbed") / "scene", template, story)
    assert scene.ingest().exit_code == OK
    return scene


def test_an_undisturbed_run_keeps_every_promise(scene: Scene, story: Story) -> None:
    """It acknowledges each batch once, and ends as was worked out without it."""
    acked = [(batch.first, batch.last) for batch in scene.acked()]
    assert acked == [(first, first + BATCH - 1) for first in range(1, len(story.lines), BATCH)]
    assert scene.problems() == []
    assert differences(state_of(scene.database), expected([story])) == []
    assert digest_differs(scene.judged, [story]) == []
    assert not_reproduced(scene.judged) == []


def test_the_story_has_something_of_everything(story: Story) -> None:
    """Every rule matches and is capped, late facts included; lines are refused, repeated and blank."""
    state = expected([story])
    assert {rule for _, rule in state.matches} == {
        "welcome_email", "bank_link_nudge", "insufficient_funds", "high_risk_alert",
    }  # fmt: skip
    assert len(state.requests) < len(state.matches) - 20
    assert {reason for _, reason in state.rejects} == {"bad_json", "missing_field", "conflicting_duplicate"}
    assert b"" in story.lines
    halves = Story(story.path, tuple(make_lines(150)))
    assert len(expected([halves]).matches) < len(state.matches)


@pytest.mark.parametrize("change", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_the_judge_notices(change: str, scene: Scene, story: Story, tmp_path: Path) -> None:
    """Whatever is changed behind the program's back is a problem."""
    database = tmp_path / "t.db"
    database.write_bytes(scene.database.read_bytes())
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute(change).rowcount > 0
        connection.commit()
    assert judge(database, [story], []) != []


def test_the_judge_notices_a_lost_acknowledgement(scene: Scene, story: Story) -> None:
    """A batch that was acknowledged by a run of which nothing is known is lost."""
    assert judge(scene.database, [story], [Acked(2, str(story.path), 1, 20)]) != []
