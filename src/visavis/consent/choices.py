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
from typing import Any

from msgspec import Struct

from visavis.consent.confirmation import OWN, waiting
from visavis.consent.gate import open_categories
from visavis.consent.notices import closed_by
from visavis.model.consent import OPENS, Purpose, Status, hash_of, notice_text
from visavis.model.customer import Customer
from visavis.model.entry import Origin
from visavis.model.moment import ChoiceProof, Consented, Noticed, Withdrew
from visavis.strategy.read import Strategy


class PurposeSwitch(Struct, frozen=True):
    """A choice: the notice was on the screen, and this is the gesture.

    The brand may give the ``proof`` of a yes that was said elsewhere, and the version of the ``notice`` read there.
    """

    on: bool
    trial: bool = False
    proof: ChoiceProof | None = None
    notice: str = ""


class Choice(Struct, frozen=True):
    """One purpose for one person: its notice (``notice_hash`` names text and scope), what else closes it.

    ``waiting``: the brand asks for a yes, which the person gives or not on their own page. ``closed_by`` ``merged``:
    they said yes; the person with whom they were merged did not, and the stricter holds.
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
    waiting: bool = False


def choices(strategy: Strategy, customer: Customer, language: str, now: float, name: str = "") -> list[Choice]:
    """Every purpose, in the order of the strategy; ``name`` is whose own choice is told apart, if merged."""
    found, own = [], customer.profile(name or customer.id)
    asked = {(one.what, one.about) for one in waiting(own, now)}
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
                ("consent", purpose.key) in asked,
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
    purpose: Purpose, customer: str, switch: PurposeSwitch, origin: Origin, *, language: str, cause: str, at: datetime
) -> list[Noticed | Consented | Withdrew]:
    """The moments of one choice, named after ``cause``: notice served and yes, or the withdrawal."""
    proof = switch.proof
    method = proof.method if proof is not None else "switch" if origin.role in OWN else "told to the brand"
    base: dict[str, Any] = {"customer": customer, "purpose": purpose.key}
    if not switch.on:
        return [Withdrew(id=f"{cause}-off", occurred_at=at, method=method, **base)]
    base["notice"] = switch.notice or purpose.notice.version
    # The notice was on the screen, or on paper, before the choice.
    before = min(at, proof.at if proof is not None else at) - timedelta(milliseconds=1)
    return [
        Noticed(id=f"{cause}-notice", occurred_at=before, language=language, surface=origin.surface, **base),
        Consented(id=f"{cause}-on", occurred_at=at, method=method, proof=proof, trial=switch.trial, **base),
    ]
