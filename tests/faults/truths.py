"""What must be true of a database after every step, under any rules, and what more where the rules never changed.

Events and rules are as in `property.reference`; an event is known by its label, which is among what it holds.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from sqlalchemy import Engine, select

from faults.judge import COUNTS
from marketing_cli.models import Event, Reject, RulesVersion, Run, RunInput, SendRequest, Suppression
from property.reference import Json, Match, expected, holds, is_prior, window

Row: TypeAlias = dict[str, object]
TABLES = {
    model.__tablename__: model.__table__
    for model in (RulesVersion, Run, RunInput, Event, SendRequest, Suppression, Reject)
}


@dataclass(frozen=True)
class Held:
    """Every row of a database, and the events that it may hold, by label."""

    rows: Mapping[str, Sequence[Json]]
    told: Mapping[str, Json]

    @classmethod
    def by(cls, engine: Engine, told: Mapping[str, Json]) -> "Held":
        """What this database holds now."""
        with engine.connect() as connection:
            found = {
                name: [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]
                for name, table in TABLES.items()
            }
        return cls(found, told)

    @cached_property
    def labels(self) -> dict[int, str]:
        """The events' labels by the numbers of their rows, in the order of arrival."""
        return {row["id"]: row["extra"]["label"] for row in self.rows["events"]}

    @cached_property
    def rules(self) -> dict[int, list[Json]]:
        """The enabled rules of each version."""
        return {
            row["id"]: [rule for rule in json.loads(row["text"])["rules"] if rule.get("enabled", True)]
            for row in self.rows["rules_versions"]
        }

    @cached_property
    def arrivals(self) -> list[tuple[Json, list[Json]]]:
        """The events in the order of arrival, each with the rules of the run that brought it."""
        versions = {row["id"]: row["rules_version_id"] for row in self.rows["runs"]}
        return [(self.told[self.labels[row["id"]]], self.rules[versions[row["run_id"]]]) for row in self.rows["events"]]

    @cached_property
    def decided(self) -> Counter[Match]:
        """How often each event and rule was decided."""
        made = [*self.rows["send_requests"], *self.rows["suppressions"]]
        return Counter((self.labels[row["event_id"]], row["rule_name"]) for row in made)

    def event_of(self, row: Json) -> Json:
        """The event of a request or suppression."""
        return self.told[self.labels[row["event_id"]]]

    def rule_of(self, row: Json) -> Json:
        """The rule that made a request or suppression, as it was then."""
        return next(rule for rule in self.rules[row["rules_version_id"]] if rule["name"] == row["rule_name"])


def problems(held: Held, acked: Sequence[str]) -> list[str]:
    """What is wrong, given the lines that were acknowledged: labels of events."""
    checks = [_lost(held, acked), _doubled(held), _caps(held), _books(held), _matches(held)]
    if len(held.rules) == 1:
        checks.append(_unlike_the_reference(held))
    return [problem for check in checks for problem in check]


def _lost(held: Held, acked: Sequence[str]) -> Iterator[str]:
    yield from (f"acknowledged, but lost: {label}" for label in set(acked) - set(held.labels.values()))


def _doubled(held: Held) -> Iterator[str]:
    stored = Counter(held.labels.values())
    yield from (f"stored {times} times: {label}" for label, times in stored.items() if times > 1)
    yield from (f"decided {times} times: {match}" for match, times in held.decided.items() if times > 1)


def _caps(held: Held) -> Iterator[str]:
    """By the limit of the rule that decided, as it was then: a request found its window unused, a suppression used."""
    requests = {row["id"]: row for row in held.rows["send_requests"]}
    for row in requests.values():
        for other in requests.values():
            if other["id"] < row["id"] and _in_window(held, row, other):
                yield f"request {row['id']} was forbidden by request {other['id']}"
    for row in held.rows["suppressions"]:
        blocking = requests.get(row["blocking_request_id"])
        if blocking is None or not _in_window(held, row, blocking):
            yield f"suppression {row['id']} was blocked by nothing"


def _in_window(held: Held, row: Json, request: Json) -> bool:
    """Whether a request lies in the window that a decision looked at."""
    if (row["user_id"], row["template_name"]) != (request["user_id"], request["template_name"]):
        return False
    rule = held.rule_of(row)
    return window(rule, held.event_of(row)) == window(rule, held.event_of(request))


def _books(held: Held) -> Iterator[str]:
    for run in held.rows["runs"]:
        inputs = [row for row in held.rows["run_inputs"] if row["run_id"] == run["id"]]
        if any(run[name] != sum(row[name] for row in inputs) for name in COUNTS):
            yield f"run {run['id']} is not the sum of its inputs"
        if run["lines"] != sum(run[name] for name in COUNTS[1:]):
            yield f"run {run['id']} does not balance"
        for table, name in (("events", "new"), ("send_requests",) * 2, ("suppressions",) * 2):
            if run[name] != sum(row["run_id"] == run["id"] for row in held.rows[table]):
                yield f"run {run['id']} miscounts its {table}"
    if sum(row["count"] for row in held.rows["rejects"]) != sum(run["rejected"] for run in held.rows["runs"]):
        yield "the rejects do not add up"


def _matches(held: Held) -> Iterator[str]:
    """What had to be decided is, and nothing that might not be."""
    must, may = replayed(held.arrivals, again=False), replayed(held.arrivals, again=True)
    yield from (f"not decided: {match}" for match in must - held.decided.keys())
    yield from (f"decided without need: {match}" for match in held.decided.keys() - may)


def replayed(arrivals: Sequence[tuple[Json, list[Json]]], *, again: bool) -> set[Match]:
    """The events and rules to decide when events arrive in this order, each in a run with these enabled rules.

    An event's own rules look at it, then at the events that waited for it: for a first such fact or, with `again`, for
    any.
    """
    decided: set[Match] = set()
    events: list[Json] = []
    for place, (arriving, rules) in enumerate(arrivals):
        known = [*events, arriving]
        looks = [(arriving, rule) for rule in rules if rule["on"] == arriving["event_type"]]
        looks += [
            (waiting, rule)
            for waiting, theirs in arrivals[:place]
            for rule in rules
            if rule["on"] == waiting["event_type"] and rule["name"] in {known["name"] for known in theirs}
            if _waited(rule, waiting, arriving, [] if again else events)
        ]
        decided |= {
            (event["label"], rule["name"])
            for event, rule in looks
            if all(holds(condition, event, known) for condition in rule.get("when", []))
        }
        events = known
    return decided


def _waited(rule: Json, waiting: Json, arriving: Json, known: Sequence[Json]) -> bool:
    """Whether this is the fact that an event waited for, nothing known having met the condition before."""
    return any(
        is_prior(arriving, waiting, condition) and not any(is_prior(other, waiting, condition) for other in known)
        for condition in rule.get("when", [])
        if "prior_event" in condition
    )


def _unlike_the_reference(held: Held) -> Iterator[str]:
    """Under one version of the rules: each match decided, and each window used, exactly once."""
    ((_, rules),) = held.rules.items()
    matches, slots = expected(rules, [event for event, _ in held.arrivals])
    used = Counter(
        (row["user_id"], row["template_name"], window(held.rule_of(row), held.event_of(row)))
        for row in held.rows["send_requests"]
    )
    if (set(held.decided), used) != (matches, Counter(slots)):
        yield f"{sorted(held.decided)} and {sorted(used.elements())}, not {sorted(matches)} and {sorted(slots)}"
