"""The year's baskets as moments: entrance and till are derived, purchases recorded, introductions simulated."""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from visavis.lab.year.data import Year, consents
from visavis.model.moment import Bought, Consented, Entered, Linked, Moment, Noticed, Paying
from visavis.strategy.read import Strategy

CONSENTED: Final = ("place-moment", "recognition", "reminders", "tailored-offers")
NOT_CONSENTED: Final = ("place-moment",)
TILL_S: Final = 20.0


def introduced(strategy: Strategy, household: int, now: datetime) -> list[Moment]:
    """How a household becomes known: its loyalty card, the notices served, and the choices made on them."""
    name = str(household)
    moments: list[Moment] = [Linked(id="card", customer=name, occurred_at=now, identifier=f"card-{household}")]
    for purpose in CONSENTED if consents(household) else NOT_CONSENTED:
        notice = strategy.purposes[purpose].notice.version
        served = f"notice-{purpose}"
        moments.append(
            Noticed(id=served, customer=name, occurred_at=now, purpose=purpose, notice=notice, language="en")
        )
        moments.append(Consented(id=f"yes-{purpose}", customer=name, occurred_at=now, purpose=purpose, notice=notice))
    return moments


def entered(year: Year, i: int) -> Entered:
    """The entrance, some minutes before paying; it holds nothing of the basket."""
    at = datetime.fromtimestamp(max(float(year.paid_at[i]) - lead_s(year, i), 0.0), UTC)
    basket, customer, shop = _names(year, i)
    return Entered(id=f"{basket}-door", customer=customer, occurred_at=at, place=shop)


def paying(year: Year, i: int) -> Paying:
    """The till, twenty seconds before paying, with the whole basket."""
    at = datetime.fromtimestamp(float(year.paid_at[i]) - TILL_S, UTC)
    basket, customer, shop = _names(year, i)
    return Paying(id=f"{basket}-till", customer=customer, occurred_at=at, place=shop, lines=year.lines(i))


def bought(year: Year, i: int) -> Bought:
    """The basket as it was paid for."""
    at = datetime.fromtimestamp(float(year.paid_at[i]), UTC)
    basket, customer, shop = _names(year, i)
    return Bought(id=f"{basket}-paid", customer=customer, occurred_at=at, place=shop, lines=year.lines(i))


def _names(year: Year, i: int) -> tuple[str, str, str]:
    return str(year.basket[i]), str(year.household[i]), str(year.shop[i])


def lead_s(year: Year, i: int) -> float:
    """How long before paying the household came in: 3 to 40 minutes, by hash of the basket's name."""
    return float(round(180.0 + 2220.0 * hashed(year, i, "lead")))


def hashed(year: Year, i: int, use: str) -> float:
    """A number in [0, 1) of this basket for this use."""
    return int.from_bytes(blake2b(f"{use}/{year.basket[i]}".encode(), digest_size=4).digest(), "big") / 2**32
