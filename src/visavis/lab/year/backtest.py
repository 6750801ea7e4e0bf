"""Live the year in order: January to June is history and teaches.

From July on every basket is lived as door, till and truth.

Derived or simulated, and said in the summary: the ``entered`` moment (3 to 40 minutes before the till, drawn by hash,
never from the basket), the ``paying`` moment (20 seconds before), the notices and consents of 1 January (four
households in five let their purchases be used), and that every card sent was displayed. Everything else is what 2,469
households really did.
"""

import gc
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.consent.gate import NotAdmitted, admit, open_categories, view
from visavis.customers.fold import fold
from visavis.insight.need import Head
from visavis.insight.shortlist import shortlist
from visavis.lab.year.data import JULY, Year, by_household, consents, development
from visavis.lab.year.moments import TILL_S, bought, entered, hashed, introduced, lead_s, paying
from visavis.lab.year.visit import Decided, EntranceVisit, TillVisit, Visit
from visavis.learning.offline import OfflineLearner
from visavis.measurement.peers import OBVIOUS, Counts, Named
from visavis.model.customer import Customer, newborn
from visavis.model.decision import Decision, Known, Show
from visavis.model.moment import Displayed, Moment
from visavis.model.world import ParametersLearned, Recalibrated, StrategyLoaded
from visavis.ports import Log
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Loop
from visavis.strategy.read import Strategy, read

GROUP: Final = 64
TEACHES_FROM: Final = datetime(2017, 2, 8, 5, tzinfo=UTC).timestamp()
TRIP_DAYS: Final = 3
WEEK_DAYS: Final = 7
TEACHING_SHARE: Final = 1.0


Watcher = Callable[[str, int, int, Visit | None], None]
"""Called with the stage (``history``, ``learning``, ``living``), how many of how many, and the visit just lived."""


def unwatched(stage: str, done: int, of: int, visit: Visit | None) -> None:
    """Watch nothing."""


class Backtest(Struct):
    """What a lived year leaves: its visits, and the loop that lived it."""

    visits: list[Visit]
    loop: Loop
    decision_us: list[float]
    moments: int = 0


def backtest(
    year: Year,
    log: Log,
    files: Mapping[str, bytes],
    *,
    until: float,
    randomization_key: bytes = b"the year",
    watch: Watcher = unwatched,
    households: Callable[[int], bool] = lambda _: True,
) -> Backtest:
    """Live the year up to ``until`` (epoch seconds).

    A log that already holds a part of it is resumed: what was lived is answered from it.
    """
    strategy = read(files)
    clock = TurnedClock()
    loop = Loop(log, strategy, randomization_key, clock)
    clock.turn(float(year.paid_at[0]) - 3600.0)
    if loop.world.strategy != strategy.version:
        loop.enact([StrategyLoaded(strategy.version, dict(files))])
    counts: dict[int, Counts] = {}
    lived = Backtest([], loop, [])
    future = Future(year)
    _remember(year, loop, clock, counts, lived, watch, households)
    gc.collect()
    gc.freeze()  # what was remembered stays: the collector need not walk it at every pause
    _run(year, loop, clock, counts, future, lived, watch, until, households)
    return lived


class Future:
    """What a household bought later: the labels of teaching and of the figures, never seen by a decision."""

    def __init__(self, year: Year) -> None:
        self._year = year
        self._place = np.empty(len(year), dtype=np.int64)
        self._baskets: dict[int, list[int]] = {}
        for household, indices in by_household(year):
            self._baskets[household] = indices.tolist()
            self._place[indices] = np.arange(len(indices))

    def bought_within(self, i: int, first_day: int, last_day: int) -> frozenset[str]:
        """Families bought from ``first_day`` to ``last_day`` local days after basket i, by the same household."""
        year, found = self._year, set[str]()
        today = int(year.local_day[i])
        for j in self._baskets[int(year.household[i])][int(self._place[i]) + 1 :]:
            ahead = int(year.local_day[j]) - today
            if ahead > last_day:
                break
            if ahead >= first_day:
                found |= year.families_of(j)
        return frozenset(found)


def _remember(
    year: Year,
    loop: Loop,
    clock: TurnedClock,
    counts: dict[int, Counts],
    lived: Backtest,
    watch: Watcher,
    households: Callable[[int], bool],
) -> None:
    """Fold January to June, sampling the development half's visits on the way, and learn from them."""
    learner, future, end = OfflineLearner(), Future(year), int(np.searchsorted(year.paid_at, JULY.timestamp()))
    learns = loop.world.learned is None
    # A run that was killed before it had learned lives its history again from the log; memory is ahead of it, so what
    # was known then is folded beside.
    past: dict[str, Customer] | None = {} if learns and loop.customers else None
    last_day = int(year.local_day[end - 1])
    for i in range(end):
        household, at = int(year.household[i]), float(year.paid_at[i])
        if not households(household):
            continue
        clock.turn(at)
        if household not in counts:
            counts[household] = Counts()
            for moment in introduced(loop.strategy, household, clock.now()):
                _taken_in(loop, moment, past)
                lived.moments += 1
        elif (
            at >= TEACHES_FROM
            and learns
            and development(household)
            and consents(household)
            and hashed(year, i, "teach") < TEACHING_SHARE
        ):
            name = str(household)
            _teach(
                learner, loop.strategy, loop.customer(name) if past is None else past[name], year, i, future, last_day
            )
        _taken_in(loop, bought(year, i), past)
        lived.moments += 1
        counts[household].buy(year.families_of(i), at, int(year.local_day[i]))
        if i % GROUP == 0:
            loop.commit()
            watch("history", i, end, None)
    clock.turn(JULY.timestamp())
    loop.commit()
    if learns:
        watch("learning", 0, 1, None)
        teaching = [
            customer for name, customer in loop.customers.items() if development(int(name)) and consents(int(name))
        ]
        learned = learner.fit(teaching)
        loop.enact(
            [
                ParametersLearned(learned),
                Recalibrated(learner.calibrations(learned, since=JULY.timestamp() - 28 * 86_400.0)),
            ]
        )


def _taken_in(loop: Loop, moment: Moment, past: dict[str, Customer] | None) -> None:
    entry = loop.take(moment).entry
    if past is not None and entry is not None:
        past[moment.customer] = fold(past.get(moment.customer) or newborn(moment.customer), entry)


def _teach(
    learner: OfflineLearner, strategy: Strategy, customer: Customer, year: Year, i: int, future: Future, last_day: int
) -> None:
    """Show the learner this visit as the engine would have seen it: at the door, then at the till."""
    at = float(year.paid_at[i])
    categories = open_categories(customer, strategy.purposes["reminders"], at)
    basket = year.families_of(i)
    door = admit(strategy, customer, entered(year, i), datetime.fromtimestamp(at, UTC))
    if isinstance(door, NotAdmitted):
        return
    seen = view(customer, door, categories, door.occurred_at.timestamp())
    if (short := shortlist(seen)) is None:
        return
    ahead = last_day - int(year.local_day[i])  # what follows the last day of June is not known yet
    truths: dict[Head, frozenset[str]] = {"visit": basket}
    if ahead >= WEEK_DAYS:
        truths["week"] = basket | future.bought_within(i, 0, WEEK_DAYS)
    learner.show(truths, short, None, at)
    missing = shortlist(seen, without=basket)
    if missing is not None and ahead >= TRIP_DAYS:
        learner.show({"forgotten": future.bought_within(i, 1, TRIP_DAYS)}, missing, basket, at)


def _run(
    year: Year,
    loop: Loop,
    clock: TurnedClock,
    counts: dict[int, Counts],
    future: Future,
    lived: Backtest,
    watch: Watcher,
    until: float,
    households: Callable[[int], bool],
) -> None:
    """From July on: the door, the till, the truth, each at its own instant, all households interleaved.

    Dues in between.
    """
    start, end = np.searchsorted(year.paid_at, [JULY.timestamp(), until]).tolist()
    baskets = np.array([i for i in range(start, end) if households(int(year.household[i]))], dtype=np.int64)
    paid = year.paid_at[baskets]
    lead = np.array([lead_s(year, i) for i in baskets.tolist()])
    times = np.concatenate([np.maximum(paid - lead, JULY.timestamp()), paid - TILL_S, paid])
    what = np.repeat([0, 1, 2], len(baskets))
    visits: dict[int, Visit] = {}
    done = 0
    resumed_at = max((customer.last_received_at for customer in loop.customers.values()), default=0.0)
    for event in np.lexsort((what, np.tile(baskets, 3), times)).tolist():
        kind, i, at = int(what[event]), int(baskets[event % len(baskets)]), float(times[event])
        while (due := loop.next_due_at) is not None and due <= at:
            clock.turn(due)
            lived.moments += len(loop.wake())
        clock.turn(at)
        household = int(year.household[i])
        if household not in counts:
            counts[household] = Counts()
            for moment in introduced(loop.strategy, household, clock.now()):
                loop.take(moment)
                lived.moments += 1
        lived.moments += 1
        if kind == 0:
            visits[i] = _at_the_door(year, i, loop, clock, counts[household], lived)
        elif kind == 1:
            _at_the_till(year, i, loop, counts[household], future, lived, visits[i])
        else:
            loop.take(bought(year, i))
            counts[household].buy(year.families_of(i), at, int(year.local_day[i]))
            visit = visits.pop(i)
            lived.visits.append(visit)
            done += 1
            watch("living", done, len(baskets), visit)
            if done % GROUP == 0:
                loop.commit()
                if at >= resumed_at:
                    loop.learn()
    loop.commit()


def _at_the_door(year: Year, i: int, loop: Loop, clock: TurnedClock, counts: Counts, lived: Backtest) -> Visit:
    household = int(year.household[i])
    decision = _taken(loop, entered(year, i), lived)
    visit = Visit(
        household,
        int(year.basket[i]),
        clock.now().timestamp(),
        development(household),
        bool(decision.known),
        _said(decision),
    )
    if not visit.eligible:
        return visit
    truth = year.families_of(i)
    counted = counts.most_counted()
    obvious = frozenset([one.family for one in counted[:OBVIOUS]])
    best = decision.known[0]
    beyond = next((one for one in decision.known if one.family not in obvious), Known("", "", 0.0))
    beyond_counted = counted[OBVIOUS] if len(counted) > OBVIOUS else Named("", 0.0)
    decayed, beyond_decayed = counts.decayed(obvious)
    bought = {year.products[p] for p in year.product[int(year.starts[i]) : int(year.starts[i + 1])].tolist()}
    visit.door = EntranceVisit(
        Named(best.family, best.p),
        best.product,
        best.family in truth,
        best.product in bought,
        Named(beyond.family, beyond.p),
        beyond.family in truth,
        counted[0],
        counted[0].family in truth,
        beyond_counted,
        beyond_counted.family in truth,
        decayed,
        decayed in truth,
        beyond_decayed,
        beyond_decayed in truth,
        counts.chance(truth),
    )
    if isinstance(decision, Show):
        visit.hit, visit.product_hit = decision.family in truth, decision.product in bought
    return visit


def _at_the_till(year: Year, i: int, loop: Loop, counts: Counts, future: Future, lived: Backtest, visit: Visit) -> None:
    basket = year.families_of(i)
    decision = _taken(loop, paying(year, i), lived)
    visit.paying = _said(decision)
    missing = counts.missing(basket)
    if not decision.known or not missing or int(year.local_day[i]) + TRIP_DAYS > int(year.local_day[-1]):
        return  # what follows the last days of the year is not known
    counted, decayed = counts.most_counted_of(missing), counts.decayed_of(missing, int(year.local_day[i]))
    truth = future.bought_within(i, 1, TRIP_DAYS)
    best = decision.known[0]
    visit.till = TillVisit(
        Named(best.family, best.p),
        best.family in truth,
        counted,
        counted.family in truth,
        decayed,
        decayed.family in truth,
        len(missing & truth) / len(missing),
    )


def _taken(loop: Loop, moment: Moment, lived: Backtest) -> Decision:
    """Live a moment that the gate admits and that wakes an action; a card that it brings is displayed at once."""
    started = perf_counter()
    answer = loop.take(moment)
    assert answer.entry is not None, answer.refused
    decision = answer.entry.decisions[0]
    if decision.known and not answer.retried:
        lived.decision_us.append((perf_counter() - started) * 1e6)
    if isinstance(decision, Show):
        loop.take(
            Displayed(
                id=f"{decision.id}-seen", customer=moment.customer, occurred_at=moment.occurred_at, decision=decision.id
            )
        )
        lived.moments += 1
    return decision


def _said(decision: Decision) -> Decided:
    held_out = any(refusal.reason == "holdout" for refusal in decision.refusals)
    if isinstance(decision, Show):
        return Decided(
            decision.id,
            decision.action,
            decision.family,
            decision.product,
            "",
            decision.p_response,
            decision.p_shown,
            held_out,
        )
    return Decided(decision.id, "", "", "", decision.reason, 0.0, decision.p_shown, held_out)
