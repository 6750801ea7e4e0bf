"""The year's baskets as moments.

The door (derived), the till (derived), the receipt (recorded), and how a household became known (simulated).
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from visavis.lab.year.data import Year, consents
from visavis.model.moment import Bought, Consented, Entered, Linked, Moment, Noticed, Paying
from visavis.strategy.read import Strategy

TRUSTED: Final = ("place-moment", "recognition", "reminders", "tailored-offers")
PRIVATE: Final = ("place-moment",)
TILL_S: Final = 20.0


def introduced(strategy: Strategy, household: int, now: datetime) -> list[Moment]:
    """What makes a stranger known: the loyalty card, and the choices made on the notices served."""
    name = str(household)
    moments: list[Moment] = [Linked(id="card", customer=name, occurred_at=now, identifier=f"card-{household}")]
    for purpose in TRUSTED if consents(household) else PRIVATE:
        notice = strategy.purposes[purpose].notice.version
        moments.append(
            Noticed(
                id=f"notice-{purpose}", customer=name, occurred_at=now, purpose=purpose, notice=notice, language="en"
            )
        )
        moments.append(Consented(id=f"yes-{purpose}", customer=name, occurred_at=now, purpose=purpose, notice=notice))
    return moments


def entered(year: Year, i: int) -> Entered:
    """At the door, some minutes before; nothing of the basket is in it."""
    at = max(float(year.paid_at[i]) - lead_s(year, i), 0.0)
    return Entered(
        id=f"{year.basket[i]}-door",
        customer=str(year.household[i]),
        occurred_at=datetime.fromtimestamp(at, UTC),
        place=str(year.shop[i]),
    )


def paying(year: Year, i: int) -> Paying:
    """At the till, twenty seconds before paying, everything is in the basket."""
    at = datetime.fromtimestamp(float(year.paid_at[i]) - TILL_S, UTC)
    return Paying(
        id=f"{year.basket[i]}-till",
        customer=str(year.household[i]),
        occurred_at=at,
        place=str(year.shop[i]),
        lines=year.lines(i),
    )


def bought(year: Year, i: int) -> Bought:
    """The truth: the basket as it was paid for."""
    return Bought(
        id=f"{year.basket[i]}-paid",
        customer=str(year.household[i]),
        occurred_at=datetime.fromtimestamp(float(year.paid_at[i]), UTC),
        place=str(year.shop[i]),
        lines=year.lines(i),
    )


def lead_s(year: Year, i: int) -> float:
    """How long before paying the door was passed: 3 to 40 minutes, by hash of the basket's name."""
    return float(round(180.0 + 2220.0 * hashed(year, i, "lead")))


def hashed(year: Year, i: int, use: str) -> float:
    """A number in [0, 1) of this basket for this use."""
    return int.from_bytes(blake2b(f"{use}/{year.basket[i]}".encode(), digest_size=4).digest(), "big") / 2**32
