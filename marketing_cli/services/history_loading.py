"""Fetch what the rules can use of the users' past: a few queries for a whole batch, each bounded by the rules."""

from collections.abc import Callable, Sequence

from marketing_cli.domain.events import EventFacts
from marketing_cli.domain.lookups import PriorLookup, WaitingLookup, WindowLookup
from marketing_cli.domain.moments import later
from marketing_cli.repositories.interfaces import IPastEvents, IPastRequests
from marketing_cli.schemas.rules import Rule, RuleSet
from marketing_cli.services.engine import Sifted, waiting_lengths
from marketing_cli.services.history import History
from marketing_cli.services.rule_evaluation import fields_hold
from marketing_cli.services.suppression import window_of


class HistoryLoader:
    """Builds the `History` that a batch of new events is decided with.

    `looked_at(rules_version_id, rule_name, event_type)` tells whether a rule of that name, in that version, looked at
    events of that type when they arrived.
    """

    def __init__(
        self,
        events: IPastEvents,
        requests: IPastRequests,
        rules: RuleSet,
        looked_at: Callable[[int, str, str], bool],
    ) -> None:
        """Read from these repositories, for these rules."""
        self._events = events
        self._requests = requests
        self._rules = rules
        self._looked_at = looked_at

    def load(self, new: Sifted, *, historical: bool = False) -> History:
        """What is stored and may bear on these new events, or on stored ones that they re-open."""
        history = History(historical=historical)
        pairs = [*new.pairs(), *self._reopenable(new.events, history)]
        self._load_priors(pairs, history)
        self._load_used_windows(pairs, history)
        return history

    def _reopenable(self, new: Sequence[EventFacts], history: History) -> list[tuple[Rule, EventFacts]]:
        lookups = {
            WaitingLookup(event.user_id, rule.on, event.timestamp, later(event.timestamp, within), rule.name): rule
            for event in new
            for rule in self._rules.waiting_for.get(event.event_type, ())
            for within in waiting_lengths(rule, event.event_type)
        }
        if not lookups:
            return []
        rules = {rule.name: rule for rule in lookups.values()}
        pairs = []
        for waiting in self._events.find_waiting(list(lookups)):
            event, rule = waiting.event, rules[waiting.rule_name]
            if self._looked_at(waiting.rules_version_id, rule.name, event.event_type) and fields_hold(rule, event):
                for condition in rule.prior_conditions:
                    history.leave_open(rule.name, condition, event)
                pairs.append((rule, event))
        return pairs

    def _load_priors(self, pairs: Sequence[tuple[Rule, EventFacts]], history: History) -> None:
        lookups = {
            PriorLookup(e.user_id, c.prior_event, e.timestamp - c.within, e.timestamp, e.id)
            for rule, e in pairs
            for c in rule.prior_conditions
        }
        if lookups:
            for user_id, event_type, ref in self._events.find_latest_priors(list(lookups)):
                history.add_event(user_id, event_type, ref)

    def _load_used_windows(self, pairs: Sequence[tuple[Rule, EventFacts]], history: History) -> None:
        windows = {
            (event.user_id, rule.message.template, window.name): window
            for rule, event in pairs
            for window in [window_of(rule, event)]
        }
        if windows:
            lookups = [
                WindowLookup(user, template, window.name, start, until, window.event_id)
                for (user, template, _), window in windows.items()
                for start, until in window.stretches
            ]
            for key, request in self._requests.find_used(lookups).items():
                history.use_window(windows[key], request)
