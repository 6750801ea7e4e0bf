"""First step of the backtest: January to June are folded as history, and the model learns from the development half."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from visavis.consent.gate import NotAdmitted, admit, open_categories, view
from visavis.customers.fold import fold
from visavis.insight.need import Head
from visavis.insight.shortlist import shortlist
from visavis.lab.year.data import JULY, consents, development
from visavis.lab.year.derived_moments import bought, entered
from visavis.lab.year.year_run import GROUP, YearRun
from visavis.learning.offline import OfflineLearner
from visavis.model.customer import Customer, newborn
from visavis.model.moment import Moment
from visavis.model.world import ParametersLearned, Recalibrated

TRAINING_FROM: Final = datetime(2017, 2, 8, 5, tzinfo=UTC).timestamp()
TRIP_DAYS: Final = 3
WEEK_DAYS: Final = 7
CALIBRATION_S: Final = 28 * 86_400.0


def learn_from_history(run: YearRun) -> None:
    """Fold January to June, sampling the development half's visits on the way, and learn from them."""
    year, loop = run.year, run.loop
    end = int(np.searchsorted(year.paid_at, JULY.timestamp()))
    learner = OfflineLearner() if loop.world.learned is None else None
    # A run that was interrupted before it learned folds its history again, beside the loop's customers, who are ahead.
    refolded: dict[str, Customer] | None = {} if learner is not None and len(loop.population) else None
    for i in range(end):
        household, at = int(year.household[i]), float(year.paid_at[i])
        if not run.included(household):
            continue
        run.clock.turn(at)
        introduction = run.introduce(household)
        for moment in introduction:
            _process(run, moment, refolded)
        training = at >= TRAINING_FROM and development(household) and consents(household)
        if learner is not None and training and not introduction:
            name = str(household)
            _sample(learner, run, refolded[name] if refolded is not None else loop.customer(name), i, end)
        _process(run, bought(year, i), refolded)
        run.count(i)
        if i % GROUP == 0:
            loop.commit()
            run.progress("history", i, end, None)
    run.clock.turn(JULY.timestamp())
    loop.commit()
    if learner is not None:
        run.progress("learning", 0, 1, None)
        people = [(name, loop.customer(name)) for name in loop.population.by_name()]
        learned = learner.fit([one for name, one in people if development(int(name)) and consents(int(name))])
        calibrations = learner.calibrations(learned, since=JULY.timestamp() - CALIBRATION_S)
        loop.enact([ParametersLearned(learned), Recalibrated(calibrations)])


def _process(run: YearRun, moment: Moment, refolded: dict[str, Customer] | None) -> None:
    entry = run.loop.step(moment).entry
    run.moments += 1
    if refolded is not None and entry is not None:
        refolded[moment.customer] = fold(refolded.get(moment.customer) or newborn(moment.customer), entry)


def _sample(learner: OfflineLearner, run: YearRun, customer: Customer, i: int, end: int) -> None:
    """Learn from basket i at the entrance and the till, as the engine saw it; after basket ``end`` all is unknown."""
    year, strategy, at = run.year, run.loop.strategy, float(run.year.paid_at[i])
    categories = open_categories(customer, strategy.purposes["reminders"], at)
    basket = year.families_of(i)
    moment = admit(strategy, customer, entered(year, i), datetime.fromtimestamp(at, UTC))
    if isinstance(moment, NotAdmitted):
        return
    seen = view(customer, moment, categories, moment.occurred_at.timestamp())
    if (short := shortlist(seen)) is None:
        return
    ahead = int(year.local_day[end - 1]) - int(year.local_day[i])
    labels: dict[Head, frozenset[str]] = {"visit": basket}
    if ahead >= WEEK_DAYS:
        labels["week"] = basket | run.future.bought_within(i, 0, WEEK_DAYS)
    learner.show(labels, short, None, at)
    missing = shortlist(seen, without=basket)
    if missing is not None and ahead >= TRIP_DAYS:
        learner.show({"forgotten": run.future.bought_within(i, 1, TRIP_DAYS)}, missing, basket, at)
