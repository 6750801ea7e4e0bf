"""What a person may choose, and what they chose.

Every purpose with its notice, and the two moments that one gesture of theirs makes.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from visavis.consent.gate import open_categories
from visavis.consent.notices import closed_by
from visavis.model.consent import OPENS, Purpose, Status, hash_of, notice_text
from visavis.model.customer import Customer
from visavis.model.moment import Consented, Noticed, Withdrew
from visavis.strategy.read import Strategy


class Choice(Struct, frozen=True):
    """One purpose as one person sees it: what they would give and get, in their language, and whether it is open now.

    ``notice_hash`` is the hash of ``notice_text`` and their scope; ``closed_by`` says what keeps it closed besides
    the choice.
    """

    purpose: str
    basis: str
    on: bool
    status: Status
    gives: tuple[str, ...]
    benefit: str
    notice: str
    notice_text: str
    since: float = 0.0
    until: float = 0.0
    notice_hash: str = ""
    recipients: tuple[str, ...] = ()
    trial: bool = False
    closed_by: str = ""


def choices(strategy: Strategy, customer: Customer, language: str, now: float) -> list[Choice]:
    """Every purpose, in the order of the strategy."""
    found = []
    for purpose in strategy.purposes.values():
        chosen = customer.consents.get(purpose.key)
        said = notice_text(purpose, language)
        found.append(
            Choice(
                purpose.key,
                purpose.basis,
                bool(open_categories(customer, purpose, now)),
                status(customer, purpose, now),
                said.categories,
                purpose.benefit[language],
                purpose.notice.version,
                said.text,
                chosen.since if chosen is not None else 0.0,
                chosen.until if chosen is not None else 0.0,
                hash_of(said),
                said.recipients,
                chosen.trial if chosen is not None else False,
                _closed_by(customer, purpose, now),
            )
        )
    return found


def status(customer: Customer, purpose: Purpose, now: float) -> Status:
    """Where this person stands with this purpose: what they chose, or what silence and time made of it."""
    chosen = customer.consents.get(purpose.key)
    if chosen is None or chosen.status == "unknown":
        return "requested" if purpose.key in customer.notices else "unknown"
    return "expired" if chosen.status in OPENS and now >= chosen.until else chosen.status


def _closed_by(customer: Customer, purpose: Purpose, now: float) -> str:
    if not purpose.enabled:
        return "disabled"
    if customer.restricted:
        return "restriction"
    if objection := next((about for about in customer.objections if closed_by(about, purpose)), ""):
        return f"objection: {objection}"
    chosen = customer.consents.get(purpose.key)
    minor = chosen is not None and chosen.status in OPENS and now < customer.of_age_at and "guardian" not in chosen.by
    return "guardian" if minor else ""


def switched(
    strategy: Strategy,
    customer: str,
    purpose: str,
    *,
    on: bool,
    language: str,
    id: str,  # noqa: A002
    at: datetime,
    trial: bool = False,
    told: bool = False,
) -> list[Noticed | Consented | Withdrew]:
    """The moments of one gesture: the notice that was on the screen, then the yes to it.

    Or the withdrawal alone, which takes one less.

    ``told`` when it was not a gesture of the person's own, but the brand says that they told it: records and receipts
    say so.
    """
    surface, method = ("the brand's", "told to the brand") if told else ("own page", "switch")
    if not on:
        return [Withdrew(id=f"{id}-off", customer=customer, occurred_at=at, purpose=purpose, method=method)]
    version = strategy.purposes[purpose].notice.version
    before = at - timedelta(milliseconds=1)  # the words were on the screen before the gesture
    return [
        Noticed(
            id=f"{id}-notice",
            customer=customer,
            occurred_at=before,
            purpose=purpose,
            notice=version,
            language=language,
            surface=surface,
        ),
        Consented(
            id=f"{id}-on",
            customer=customer,
            occurred_at=at,
            purpose=purpose,
            notice=version,
            method=method,
            trial=trial,
        ),
    ]
