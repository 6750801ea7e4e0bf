"""What a person may choose, and what they chose: every purpose with its notice, and the two moments that one gesture of theirs makes."""

from datetime import datetime

from msgspec import Struct

from visavis.consent.gate import open_categories
from visavis.model.customer import Customer
from visavis.model.moment import Consented, Noticed, Withdrew
from visavis.strategy.read import Strategy


class Choice(Struct, frozen=True):
    """One purpose as one person sees it: what they would give and get, in their language, and whether it is open now."""

    purpose: str
    basis: str
    on: bool
    status: str
    gives: tuple[str, ...]
    benefit: str
    notice: str
    notice_text: str
    since: float = 0.0
    until: float = 0.0


def choices(strategy: Strategy, customer: Customer, language: str, now: float) -> list[Choice]:
    """Every purpose, in the order of the strategy."""
    found = []
    for purpose in strategy.purposes.values():
        chosen = customer.consents.get(purpose.key)
        found.append(Choice(
            purpose.key, purpose.basis, bool(open_categories(customer, purpose, now)), chosen.status if chosen is not None else "not_asked",
            tuple(sorted(purpose.categories)), purpose.benefit[language], purpose.notice.version, purpose.notice.text[language],
            chosen.since if chosen is not None else 0.0, chosen.until if chosen is not None else 0.0,
        ))  # fmt: skip
    return found


def switched(strategy: Strategy, customer: str, purpose: str, *, on: bool, language: str, id: str, at: datetime) -> list[Noticed | Consented | Withdrew]:  # noqa: A002
    """The moments of one gesture: the notice that was on the screen, then the yes to it; or the withdrawal alone."""
    if not on:
        return [Withdrew(id=f"{id}-off", customer=customer, occurred_at=at, purpose=purpose)]
    version = strategy.purposes[purpose].notice.version
    return [
        Noticed(id=f"{id}-notice", customer=customer, occurred_at=at, purpose=purpose, notice=version, language=language),
        Consented(id=f"{id}-on", customer=customer, occurred_at=at, purpose=purpose, notice=version),
    ]
