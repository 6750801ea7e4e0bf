"""Simulate people whose true uplift is known, and measure it against the holdout (recorded buyers saw no card).

They pass through the real engine: eight trips of history, then visits that begin at the entrance. A shown card adds its
family to the basket with probability ``effect``, beyond what the person would buy. The truth is that times the cards.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.insight.need import prior
from visavis.measurement.uplift import Uplift, uplift
from visavis.model.decision import Decision, Show
from visavis.model.moment import Bought, Consented, Displayed, Entered, Line, Linked, Noticed
from visavis.model.world import ParametersLearned, StrategyLoaded
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.store.memory import MemoryEntryLog
from visavis.strategy.read import read

START: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOLDOUT: Final = 0.5
FAMILIES: Final = 12
TRIPS: Final = 8
VISITS: Final = 3


class SimulatedUplift(Struct, frozen=True):
    """What was measured beside the truth: extra products a person."""

    found: Uplift
    truth: float
    persons: int


def simulate(files: Mapping[str, bytes], *, seed: int, persons: int = 1200, effect: float = 0.25) -> SimulatedUplift:
    """Simulate these people and measure the uplift of the reminder at the entrance; half are held out by hash."""
    rng = np.random.default_rng(seed)
    loop, clock = _loop(files, seed)
    taste = rng.beta(1.0, 2.5, size=(persons, FAMILIES))
    cards = 0
    for person in range(persons):
        _introduce(loop, f"person {person}")
    total = np.zeros(persons)
    held_out = np.zeros(persons, dtype=np.bool_)
    for trip in range(TRIPS + VISITS):
        at = START + timedelta(days=7 * trip + 1)
        clock.turn(at.timestamp())
        for person in range(persons):
            name = f"person {person}"
            basket = {i for i in range(FAMILIES) if rng.random() < taste[person, i]}
            if trip >= TRIPS:
                decision = _enter(loop, name, trip, at)
                if isinstance(decision, Show):
                    cards += 1
                    if rng.random() < effect:
                        extra = int(decision.product[1:])
                        total[person] += extra in basket  # one product more, a second of the family or its first
                        basket.add(extra)
                elif decision is not None:
                    held_out[person] |= any(refusal.reason == "holdout" for refusal in decision.refusals)
                total[person] += len(basket)
            if basket:
                lines = tuple([Line(f"p{i}") for i in sorted(basket)])
                loop.step(Bought(id=f"paid-{trip}", customer=name, occurred_at=at, place="s1", lines=lines))
        loop.commit()
    shown, held = total[~held_out], total[held_out]
    found = uplift(shown, held, holdout_share=HOLDOUT, planned=persons)
    return SimulatedUplift(found, effect * cards / max(1, len(shown)), persons)


def _loop(files: Mapping[str, bytes], seed: int) -> tuple[Processor, TurnedClock]:
    """An engine in memory, with this strategy's objectives held out by half and a small catalogue."""
    held_out = f"holdout_share = {HOLDOUT}".encode()
    objectives = files["objectives.toml"].replace(b"holdout_share = 0.05", held_out)
    catalogue = "gtin,family\n" + "".join(f"p{i},family {i}\n" for i in range(FAMILIES))
    strategy = read({**files, "objectives.toml": objectives, "products.csv": catalogue.encode()})
    clock = TurnedClock()
    clock.turn(START.timestamp())
    loop = Processor(MemoryEntryLog(), strategy, f"seed {seed}".encode(), clock)
    loop.enact([StrategyLoaded(strategy.version, {}), ParametersLearned(prior())])
    return loop, clock


def _introduce(loop: Processor, name: str) -> None:
    """A loyalty card, and consent to reminders on the spot."""
    loop.step(Linked(id="card", customer=name, occurred_at=START, identifier=name))
    for purpose in ("place-moment", "reminders"):
        notice = loop.strategy.purposes[purpose].notice.version
        loop.step(
            Noticed(id=f"n-{purpose}", customer=name, occurred_at=START, purpose=purpose, notice=notice, language="en")
        )
        loop.step(Consented(id=f"y-{purpose}", customer=name, occurred_at=START, purpose=purpose, notice=notice))


def _enter(loop: Processor, name: str, trip: int, at: datetime) -> Decision | None:
    """The decision at the entrance; its card is displayed at once."""
    entry = loop.step(Entered(id=f"door-{trip}", customer=name, occurred_at=at, place="s1")).entry
    decision = entry.decisions[0] if entry is not None else None
    if isinstance(decision, Show):
        loop.step(Displayed(id=f"seen-{trip}", customer=name, occurred_at=at, decision=decision.id))
    return decision
