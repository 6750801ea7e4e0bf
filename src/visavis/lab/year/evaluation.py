"""Second step of the backtest: from July on, decide at the entrance and at the till before each basket is known."""

from time import perf_counter

import numpy as np

from visavis.lab.year.data import JULY, development
from visavis.lab.year.derived_moments import TILL_S, bought, entered, lead_s, paying
from visavis.lab.year.history import TRIP_DAYS
from visavis.lab.year.visit_record import DecisionRecord, EntrancePredictions, TillPredictions, Visit
from visavis.lab.year.year_run import GROUP, YearRun
from visavis.measurement.peers import TOP, Prediction
from visavis.model.decision import Decision, Known, Show
from visavis.model.moment import Displayed, Moment


def evaluate(run: YearRun, until: float) -> None:
    """Play entrance, till and purchase of each basket at its own time, all households and what is due interleaved."""
    year, loop = run.year, run.loop
    start, end = np.searchsorted(year.paid_at, [JULY.timestamp(), until]).tolist()
    baskets = np.array([i for i in range(start, end) if run.included(int(year.household[i]))], dtype=np.int64)
    paid = year.paid_at[baskets]
    lead = np.array([lead_s(year, i) for i in baskets.tolist()])
    times = np.concatenate([np.maximum(paid - lead, JULY.timestamp()), paid - TILL_S, paid])
    steps = np.repeat([0, 1, 2], len(baskets))
    visits: dict[int, Visit] = {}
    resumed_at = max((customer.last_received_at for customer in loop.population), default=0.0)
    for event in np.lexsort((steps, np.tile(baskets, 3), times)).tolist():
        step, i, at = int(steps[event]), int(baskets[event % len(baskets)]), float(times[event])
        while (due := loop.next_due_at) is not None and due <= at:
            run.clock.turn(due)
            run.moments += len(loop.wake())
        run.clock.turn(at)
        for moment in run.introduce(int(year.household[i])):
            loop.step(moment)
            run.moments += 1
        run.moments += 1
        if step == 0:
            visits[i] = _at_entrance(run, i)
        elif step == 1:
            _at_till(run, i, visits[i])
        else:
            loop.step(bought(year, i))
            run.count(i)
            run.visits.append(visits.pop(i))
            run.progress("evaluation", len(run.visits), len(baskets), run.visits[-1])
            if len(run.visits) % GROUP == 0:
                loop.commit()
                if at >= resumed_at:
                    loop.learn()
    loop.commit()


def _at_entrance(run: YearRun, i: int) -> Visit:
    year, household = run.year, int(run.year.household[i])
    decision = _decide(run, entered(year, i))
    at, eligible = run.clock.now().timestamp(), bool(decision.known)
    visit = Visit(household, int(year.basket[i]), at, development(household), eligible, _record(decision))
    if not eligible:
        return visit
    basket = year.families_of(i)
    products = {year.products[p] for p in year.rows_of(i)}
    counts = run.counts[household]
    counted = counts.most_counted()
    top = frozenset([one.family for one in counted[:TOP]])
    best = decision.known[0]
    beyond = next((one for one in decision.known if one.family not in top), Known("", "", 0.0))
    beyond_counted = counted[TOP] if len(counted) > TOP else Prediction("", 0.0)
    decayed, beyond_decayed = counts.most_decayed(top)
    visit.entrance = EntrancePredictions(
        Prediction(best.family, best.p),
        best.product,
        best.family in basket,
        best.product in products,
        Prediction(beyond.family, beyond.p),
        beyond.family in basket,
        counted[0],
        counted[0].family in basket,
        beyond_counted,
        beyond_counted.family in basket,
        decayed,
        decayed in basket,
        beyond_decayed,
        beyond_decayed in basket,
        counts.chance(basket),
    )
    if isinstance(decision, Show):
        visit.hit, visit.product_hit = decision.family in basket, decision.product in products
    return visit


def _at_till(run: YearRun, i: int, visit: Visit) -> None:
    year, counts = run.year, run.counts[visit.household]
    basket, today = year.families_of(i), int(year.local_day[i])
    decision = _decide(run, paying(year, i))
    visit.at_till = _record(decision)
    missing = counts.missing(basket)
    if not decision.known or not missing or today + TRIP_DAYS > int(year.local_day[-1]):
        return  # what follows the last days of the year is not known
    counted, decayed = counts.most_counted_of(missing), counts.most_decayed_of(missing, today)
    later = run.future.bought_within(i, 1, TRIP_DAYS)
    best = decision.known[0]
    visit.till = TillPredictions(
        Prediction(best.family, best.p),
        best.family in later,
        counted,
        counted.family in later,
        decayed,
        decayed.family in later,
        len(missing & later) / len(missing),
    )


def _decide(run: YearRun, moment: Moment) -> Decision:
    """The decision of a moment that is admitted and wakes an action; its card is displayed at once."""
    started = perf_counter()
    answer = run.loop.step(moment)
    assert answer.entry is not None, answer.refused
    decision = answer.entry.decisions[0]
    if decision.known and not answer.retried:
        run.decision_us.append((perf_counter() - started) * 1e6)
    if isinstance(decision, Show):
        seen, at = f"{decision.id}-seen", moment.occurred_at
        run.loop.step(Displayed(id=seen, customer=moment.customer, occurred_at=at, decision=decision.id))
        run.moments += 1
    return decision


def _record(decision: Decision) -> DecisionRecord:
    held_out = any(refusal.reason == "holdout" for refusal in decision.refusals)
    if isinstance(decision, Show):
        what = (decision.action, decision.family, decision.product, "", decision.p_response)
    else:
        what = ("", "", "", decision.reason, 0.0)
    return DecisionRecord(decision.id, *what, decision.p_shown, held_out)
