"""One user's stored arrivals, decided afresh by other rules: by the engine, in the order in which they came."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.reasons import Outcome
from marketing_cli.domain.windows import RequestFact
from marketing_cli.repositories.backtest import Made
from marketing_cli.schemas.rules import Limit, Rule, RuleSet
from marketing_cli.services.backtest_compare import DecisionKey, Settled
from marketing_cli.services.backtest_options import BacktestQuery
from marketing_cli.services.backtest_reading import UserPast
from marketing_cli.services.engine import Decision, arrive
from marketing_cli.services.history import History
from marketing_cli.services.replay import HISTORICAL
from marketing_cli.services.suppression import window_of

REQUESTED = "requested"


class _FactsOnly(RuleSet):
    """Rules for what arrives to be known and not to be decided: it re-opens what waits for it, and that is all."""

    @cached_property
    def enabled_by_type(self) -> Mapping[str, tuple[Rule, ...]]:
        """No rule is on anything."""
        return {}


class Decider:
    """Decides users' histories afresh by other rules.

    What lies before the query's time is known, and counts as it was decided; what lies after it is decided, since it
    may have used up a limit first.
    """

    def __init__(self, rules: RuleSet, query: BacktestQuery) -> None:
        """By these rules."""
        self._rules, self._query = rules, query
        self._facts_only = _FactsOnly(version=rules.version, rules=rules.rules)
        # Enabled rules of one template have the same limit and zone.
        self._limits = {
            rule.message.template: rule for rule in rules.rules if rule.enabled and rule.limit is not Limit.NONE
        }

    def decisions(self, past: UserPast) -> Iterator[Decision]:
        """What is decided on events in the query's time, in the order in which it is."""
        history, since = History(), self._query.since
        self._use_up(history, past.decisions)
        for event, backfill in past.arrivals:
            history.historical = backfill
            rules = self._rules if since is None or event.timestamp >= since else self._facts_only
            for verdict in arrive(rules, event, history):
                decision = verdict.decision
                if decision is not None and self._query.holds(decision.event.timestamp):
                    yield decision

    def _use_up(self, history: History, decisions: Iterable[Made]) -> None:
        """Let the requests count that were really made and are not decided again, whatever window they used up then."""
        since = self._query.since
        given = [
            made
            for made in decisions
            if made.template_name in self._limits
            and made.outcome is Outcome.REQUESTED
            and (made.event_id is None or (since is not None and made.event_timestamp < since))
        ]
        for made in sorted(given, key=lambda made: (made.event_timestamp, made.id)):
            request = RequestFact(
                made.user_id,
                made.template_name,
                made.event_timestamp,
                made.event_id,
                made.event_key,
                made.id,
                made.status == HISTORICAL,
            )
            history.use_window(window_of(self._limits[made.template_name], _event_of(request)), request)


def _event_of(request: RequestFact) -> EventFacts:
    """As much of a request's event as a window depends on."""
    key = request.event_key or ""
    return EventFacts(request.event_id or 0, key, bool(key), request.user_id, "", request.event_timestamp)


def settled_before(past: UserPast, query: BacktestQuery) -> dict[DecisionKey, Settled]:
    """What was really decided on the user's events in the query's time."""
    events = {made.id: made.event_id for made in past.decisions if made.outcome is Outcome.REQUESTED}
    return {
        DecisionKey(made.event_id, made.rule_name, made.template_name): _stored(made, events)
        for made in past.decisions
        if made.event_id is not None and query.holds(made.event_timestamp)
    }


def settled_after(decisions: Iterable[Decision]) -> dict[DecisionKey, Settled]:
    """The same of decisions made afresh."""
    return {
        DecisionKey(made.event.id, made.rule.name, made.rule.message.template): _decided(made) for made in decisions
    }


def _stored(made: Made, events: Mapping[int, int | None]) -> Settled:
    if made.outcome is Outcome.REQUESTED:
        return Settled(Outcome.REQUESTED, made.status or "", made.channel, made.event_timestamp, made.reason)
    blocked_by = events.get(made.blocking_request_id or 0)
    return Settled(
        Outcome.SUPPRESSED,
        Outcome.SUPPRESSED,
        made.channel,
        made.event_timestamp,
        made.reason,
        made.reason_code,
        made.suppression_reason if blocked_by is not None else None,
        blocked_by,
    )


def _decided(made: Decision) -> Settled:
    channel, moment = made.rule.message.channel.value, made.event.timestamp
    if made.outcome is Outcome.REQUESTED:
        status = HISTORICAL if made.used_by.historical else REQUESTED
        return Settled(Outcome.REQUESTED, status, channel, moment, made.reason)
    blocked_by = made.used_by.event_id
    return Settled(
        Outcome.SUPPRESSED,
        Outcome.SUPPRESSED,
        channel,
        moment,
        made.reason,
        made.reason_code,
        # An event that is gone cannot be named any more.
        made.suppression_reason if blocked_by is not None else None,
        blocked_by,
    )
