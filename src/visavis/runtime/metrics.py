"""A server's metrics for Prometheus: how many, how fast, how much waits. No label ever names a person."""

from collections.abc import Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from visavis.model.decision import Show
from visavis.model.entry import Entry

BUCKETS_S: Final = (0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.1)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        counter = partial(Counter, registry=registry)
        self._moments = counter("visavis_moments", "Moments by kind and what became of them", ["kind", "fate"])
        labels = ["audience", "result", "reason"]
        self._decisions = counter("visavis_decisions", "Decisions by audience and result", labels)
        step = "How long the step of a moment took"
        self._steps = Histogram("visavis_step_seconds", step, buckets=BUCKETS_S, registry=registry)
        self._lapsed = counter("visavis_lapsed", "People and entries deleted because of their age", ["what"])
        failures = "Times that a projection failed at an entry"
        self._failures = counter("visavis_projection_failures", failures, ["projection"])
        codes = "Products and places that the strategy does not list"
        self._unknown_codes = counter("visavis_unknown_codes", codes, ["what"])
        self._children: dict[tuple[str, ...], Counter] = {}

    def watch(self, name: str, text: str, how_many: Callable[[], int]) -> None:
        """Report what this function returns, as a gauge."""
        Gauge(name, text, registry=self._registry).set_function(how_many)

    def count_moment(self, kind: str, fate: str) -> None:
        """A moment came in: kept, retried, conflict, refused, forbidden or invalid."""
        self._child(self._moments, kind, fate).inc()

    def count_failure(self, projection: str) -> None:
        """A projection failed at an entry."""
        self._child(self._failures, projection).inc()

    def count_unknown_code(self, what: str) -> None:
        """A code of a product or place came that the strategy does not list."""
        self._child(self._unknown_codes, what).inc()

    def count_entry(self, entry: Entry, us: float) -> None:
        """An entry is durable; its step took this many microseconds."""
        self._steps.observe(us / 1e6)
        for decision in entry.decisions:
            result = ("show", "") if isinstance(decision, Show) else ("silence", decision.reason)
            self._child(self._decisions, decision.audience, *result).inc()

    def count_lapsed(self, people: int, entries: int) -> None:
        """So many people, and entries of the log, were deleted because of their age."""
        self._child(self._lapsed, "person").inc(people)
        self._child(self._lapsed, "entry").inc(entries)

    def _child(self, counter: Counter, *labels: str) -> Counter:
        # Finding a counter by its labels takes a lock and costs more than counting; there are few, so they are kept.
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = counter.labels(*labels)
        return child

    def text(self) -> bytes:
        """Everything, in the text format of Prometheus."""
        return generate_latest(self._registry)
