"""The purposes that a person may choose, with their notices, and the moments that a choice makes.

From a withdrawal to the last screen that shows something of it::

    web/portal, api/people    the person switches a purpose off          switched
    runtime/loop              steps the moment like any other            engine.step
    customers/choices         folds it: the consent ends, the consent epoch grows, open windows of the purpose close
    consent/gate              from the next moment on, no view of that purpose, and no moment that only it covers
    delivery/eligibility      what was decided before is judged again: screens, webhooks, each attempt to deliver
    delivery/dispatcher       recalls the card from the device that shows it
    ledger/record             the line that tells the person of it, in the same commit
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
    """One purpose for one person: its notice (``notice_hash`` names text and scope), what else closes it.

    ``closed_by`` ``merged``: they said yes; the person with whom they were merged did not, and the stricter holds.
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


def choices(strategy: Strategy, customer: Customer, language: str, now: float, name: str = "") -> list[Choice]:
    """Every purpose, in the order of the strategy; ``name`` is whose own choice is told apart, if merged."""
    found, own = [], customer.profile(name or customer.id)
    for purpose in strategy.purposes.values():
        consent = customer.consents.get(purpose.key)
        notice = notice_text(purpose, language)
        found.append(
            Choice(
                purpose.key,
                purpose.basis,
                bool(open_categories(customer, purpose, now)),
                status(customer, purpose, now),
                notice.categories,
                purpose.benefit[language],
                purpose.notice.version,
                notice.text,
                consent.since if consent is not None else 0.0,
                consent.until if consent is not None else 0.0,
                hash_of(notice),
                notice.recipients,
                consent is not None and consent.trial,
                _closed_by(customer, own, purpose, now),
            )
        )
    return found


def status(customer: Customer, purpose: Purpose, now: float) -> Status:
    """The status of this person's consent to this purpose: their choice, or what no answer and time made of it."""
    consent = customer.consents.get(purpose.key)
    if consent is None or consent.status == "unknown":
        return "requested" if purpose.key in customer.notices else "unknown"
    return "expired" if consent.status in OPENS and now >= consent.until else consent.status


def _closed_by(customer: Customer, own: Customer, purpose: Purpose, now: float) -> str:
    if not purpose.enabled:
        return "disabled"
    if len(customer.sides) > 1 and open_categories(own, purpose, now) > open_categories(customer, purpose, now):
        return "merged"
    if customer.restricted:
        return "restriction"
    if objection := next((about for about in customer.objections if closed_by(about, purpose)), ""):
        return f"objection: {objection}"
    consent = customer.consents.get(purpose.key)
    minor = now < customer.of_age_at
    return "guardian" if minor and consent and consent.status in OPENS and "guardian" not in consent.by else ""


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
    by_brand: bool = False,
) -> list[Noticed | Consented | Withdrew]:
    """The moments of one choice: notice served and yes, or the withdrawal; ``by_brand`` when the brand records it."""
    surface, method = ("the brand's", "told to the brand") if by_brand else ("own page", "switch")
    if not on:
        return [Withdrew(id=f"{id}-off", customer=customer, occurred_at=at, purpose=purpose, method=method)]
    version = strategy.purposes[purpose].notice.version
    before = at - timedelta(milliseconds=1)  # the notice was on the screen before the choice
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
