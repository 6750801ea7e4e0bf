"""Simulate people whose true effect is known, and look whether the holdout finds it.

Recorded purchases cannot say, since nobody saw a card.

Everybody lives through the real engine: eight trips of history, then visits that begin at the door. A card that is
shown adds its family to the basket with probability ``effect``, on top of what the person would have taken anyway. The
truth is that probability times the cards shown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from msgspec import Struct

from visavis.insight.need import prior
from visavis.measurement.uplift import Uplift, uplift
from visavis.model.decision import Show
from visavis.model.moment import Bought, Consented, Displayed, Entered, Line, Linked, Noticed
from visavis.model.world import ParametersLearned, StrategyLoaded
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Loop
from visavis.store.memory import MemoryLog
from visavis.strategy.read import read

START: Final = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOLDOUT: Final = 0.5
FAMILIES: Final = 12
TRIPS: Final = 8
VISITS: Final = 3


class Simulated(Struct, frozen=True):
    """What the holdout says, beside the truth: extra products a person."""

    found: Uplift
    truth: float
    persons: int


def simulate(files: Mapping[str, bytes], *, seed: int, persons: int = 1200, effect: float = 0.25) -> Simulated:
    """Live these people and measure the uplift of the door's reminder; half of them are held out by hash."""
    rng = np.random.default_rng(seed)
    held = {
        "objectives.toml": files["objectives.toml"].replace(
            b"holdout_share = 0.05", f"holdout_share = {HOLDOUT}".encode()
        )
    }
    catalogue = "gtin,family\n" + "".join(f"p{i},family {i}\n" for i in range(FAMILIES))
    strategy = read({**files, **held, "products.csv": catalogue.encode()})
    clock = TurnedClock()
    clock.turn(START.timestamp())
    loop = Loop(MemoryLog(), strategy, f"seed {seed}".encode(), clock)
    loop.enact([StrategyLoaded(strategy.version, {}), ParametersLearned(prior())])

    taste = rng.beta(1.0, 2.5, size=(persons, FAMILIES))
    shown: list[float] = []
    held_out: list[float] = []
    cards = 0
    for person in range(persons):
        name = f"person {person}"
        loop.take(Linked(id="card", customer=name, occurred_at=START, identifier=name))
        for purpose in ("place-moment", "reminders"):
            notice = strategy.purposes[purpose].notice.version
            loop.take(
                Noticed(
                    id=f"n-{purpose}", customer=name, occurred_at=START, purpose=purpose, notice=notice, language="en"
                )
            )
            loop.take(Consented(id=f"y-{purpose}", customer=name, occurred_at=START, purpose=purpose, notice=notice))
    total = np.zeros(persons)
    excluded = np.zeros(persons, dtype=np.bool_)
    for trip in range(TRIPS + VISITS):
        at = START + timedelta(days=7 * trip + 1)
        clock.turn(at.timestamp())
        for person in range(persons):
            name = f"person {person}"
            basket = {i for i in range(FAMILIES) if rng.random() < taste[person, i]}
            if trip >= TRIPS:
                entry = loop.take(Entered(id=f"door-{trip}", customer=name, occurred_at=at, place="s1")).entry
                decision = entry.decisions[0] if entry is not None else None
                if isinstance(decision, Show):
                    cards += 1
                    loop.take(Displayed(id=f"seen-{trip}", customer=name, occurred_at=at, decision=decision.id))
                    if rng.random() < effect:
                        extra = int(decision.product[1:])
                        total[person] += (
                            extra in basket
                        )  # one product more, whether a second of the family or its first
                        basket.add(extra)
                elif decision is not None:
                    excluded[person] |= any(refusal.reason == "holdout" for refusal in decision.refusals)
                total[person] += len(basket)
            if basket:
                lines = tuple([Line(f"p{i}") for i in sorted(basket)])
                loop.take(Bought(id=f"paid-{trip}", customer=name, occurred_at=at, place="s1", lines=lines))
        loop.commit()
    for person in range(persons):
        (held_out if excluded[person] else shown).append(float(total[person]))
    found = uplift(shown, held_out, holdout_share=HOLDOUT, planned=persons)
    return Simulated(found, effect * cards / max(1, len(shown)), persons)
