"""A strategy beside a recorded log: names that moments used and it lacks, conditions that nobody there ever met."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from visavis.consent.gate import Views
from visavis.consent.vocabulary import unknown_place, unknown_products
from visavis.decide.eligible import conditions_hold
from visavis.model.action import Audience
from visavis.model.entry import Entry, WorldEntry
from visavis.model.moment import Bought, CheckedIn, Moment, Paying
from visavis.ports import EntryLog
from visavis.runtime.population import Population
from visavis.strategy.faults import Reading
from visavis.strategy.read import Strategy

NAMED_LIMIT: Final = 5
"""So many unknown names are listed, the most frequent first."""


class _Seen:
    """What the log names, and how each condition came out, moment by moment."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.places: Counter[str] = Counter()
        self.products: Counter[str] = Counter()
        self.moved: Counter[tuple[str, str, str]] = Counter()
        self.asked: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.failing: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def names(self, moment: Moment) -> None:
        """Count the places and products of a moment that the strategy does not know, or knows under another family."""
        if place := unknown_place(self._strategy, moment):
            self.places[place] += 1
        self.products.update(unknown_products(self._strategy, moment))
        if isinstance(moment, Paying | Bought):
            named = [(line.product, line.family) for line in moment.lines]
        else:
            named = [(getattr(moment, "product", ""), getattr(moment, "family", ""))]
        for code, family in named:
            product = self._strategy.products.get(code)
            if product is not None and family and family != product.family:
                self.moved[code, family, product.family] += 1

    def conditions(self, views: Views, moment: Moment) -> None:
        """Ask each action that this moment wakes today, under the consents of that person at that time."""
        audiences: tuple[Audience, ...] = ("customer", "adviser") if isinstance(moment, CheckedIn) else ("customer",)
        for audience in audiences:
            for purpose, woken in self._strategy.woken_by(moment.kind, audience).items():
                view = views.for_purpose(self._strategy.purposes[purpose])
                if view is None:
                    continue
                held, refused = conditions_hold(woken, view)
                self.asked.update([action.id for action in woken.actions])
                self.held.update([action.id for action in held])
                for refusal in refused:
                    self.failing[refusal.action][refusal.detail] += 1


def check(reading: Reading, strategy: Strategy, log: EntryLog) -> int:
    """Note as warnings what this log says of the strategy; how many moments it holds."""
    seen, population, moments = _Seen(strategy), Population(), 0
    for _, entry in log.scan():
        if isinstance(entry, WorldEntry):
            continue
        population.fold(entry)
        moments += 1
        seen.names(entry.moment)
        if not entry.moment.late:
            seen.conditions(_views(population, entry), entry.moment)
    _unknown(reading, "places.geojson", "place", seen.places)
    _unknown(reading, "products.csv", "product", seen.products)
    for (code, before, now), times in seen.moved.most_common(NAMED_LIMIT):
        what = f"the product `{code}` is recorded {times:,} times in the family `{before}`, and is in `{now}` now"
        reading.warn("products.csv", 1, what, "What people bought of it stays in the former: keep one family.")
    for name, action in strategy.actions.items():
        path = f"actions/{name}.toml"
        if not seen.asked[name]:
            kinds = ", ".join(action.woken_by)
            what = f"no recorded moment could wake this action: none of `{kinds}` came under `{action.purpose}`"
            reading.warn(path, "woken_by", what, "Look whether these moments are sent, and this purpose allowed.")
        elif action.when and not seen.held[name]:
            predicate, times = seen.failing[name].most_common(1)[0]
            what = f"`when` held for nobody in {seen.asked[name]:,} recorded moments"
            reading.warn(path, "when", what, f"Most often ({times:,}) this was not so: `{predicate}`.")
    return moments


def _views(population: Population, entry: Entry) -> Views:
    return Views(population.customer(entry.customer), entry.moment, entry.received_at.timestamp())


def _unknown(reading: Reading, path: str, what: str, counted: Mapping[str, int]) -> None:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    for name, times in ordered[:NAMED_LIMIT]:
        reading.warn(path, 1, f"the {what} `{name}` is not in this file (recorded {times:,}×)", "Add it.")
    if (more := len(ordered) - NAMED_LIMIT) > 0:
        reading.warn(path, 1, f"{more:,} more {what}s are not in this file, and recorded", "Add them.")
