"""What the gate writes into notices served and choices made; without a served notice a choice is refused."""
# A choice is bound to the notice that was on the screen *before* it: its version, language and scope.

from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from visavis.model.consent import ASK_AGAIN_DAYS, FULL_AGE_YEARS, TRIAL_DAYS, Purpose, hash_of, notice_text
from visavis.model.customer import Customer
from visavis.model.entry import Origin
from visavis.model.moment import Born, ChoiceProof, Consented, Linked, Moment, Noticed, Objected, Restricted, Withdrew
from visavis.strategy.read import Strategy

DAY_S: Final = 86_400.0
MARKETING: Final = "marketing"
SHARING: Final = "sharing"
REFUSED: Final = frozenset({"refused", "withdrawn", "deferred"})


def resolved(
    strategy: Strategy, customer: Customer, moment: Moment, received_at: datetime, origin: Origin
) -> Moment | str:
    """The moment with its scope written into it, or why it is refused; one that is no choice is returned unchanged."""
    match moment:
        case Noticed():
            return _noticed(strategy, customer, moment, received_at, origin)
        case Consented():
            return _consented(strategy, customer, moment, received_at, origin)
        case Withdrew():
            known = moment.purpose in strategy.purposes or moment.purpose in customer.consents
            return replace(moment, at=None) if known else "There is no such purpose: GET …/purposes lists them."
        case Objected():
            return _objected(strategy, moment)
        case Restricted():
            return replace(moment, at=None)
        case Born():
            return _born(customer, moment, received_at)
        case _:
            return moment


def unresolved(moment: Moment) -> Moment:
    """The moment without what :func:`resolved` writes of its own: what two of the same sender have in common."""
    match moment:
        case Noticed():
            return replace(moment, text="", hash="", categories=(), recipients=(), iri=())
        case Consented():
            return replace(moment, categories=(), recipients=(), iri=(), since=None, until=None)
        case Objected():
            return replace(moment, purposes=())
        case Born(birth_date=date()):
            return replace(moment, birth_date=None, of_age_at=_of_age_at(moment))
        case Linked():
            return replace(moment, how="linked", merge="", card="", owner="", until=None)
        case _:
            return moment


def closed_by(about: str, purpose: Purpose) -> bool:
    """Whether an objection about this closes that purpose; one that a contract or the law asks for stays open."""
    if purpose.basis in ("contract", "legal"):
        return False
    return about == purpose.key or (about == MARKETING and purpose.marketing) or (about == SHARING and purpose.sharing)


def may_ask(customer: Customer, purpose: Purpose, now: float) -> bool:
    """Whether the brand may ask now on its own account: not after an objection, nor half a year after a no."""
    if customer.restricted or any(closed_by(about, purpose) for about in customer.objections):
        return False
    choice = customer.consents.get(purpose.key)
    if choice is None:
        return True
    if choice.status in REFUSED:
        return now >= choice.since + ASK_AGAIN_DAYS * DAY_S
    # After a trial that ended, the person is not asked for half a year either.
    return not choice.trial or now < choice.until or now >= choice.until + ASK_AGAIN_DAYS * DAY_S


def _noticed(
    strategy: Strategy, customer: Customer, moment: Noticed, received_at: datetime, origin: Origin
) -> Moment | str:
    purpose = strategy.purposes.get(moment.purpose)
    version = moment.notice
    present = purpose is not None and version == purpose.notice.version
    # Only the brand, or the server for it, says that an earlier notice was read: elsewhere, and before.
    if (
        purpose is None
        or not (present or origin.role in ("brand", ""))
        or moment.language not in purpose.notice.text_of(version)
    ):
        return "This notice is not served now: GET …/purposes gives its version."
    if moment.asked and not may_ask(customer, purpose, received_at.timestamp()):
        return f"This person said no: the brand may not ask again before {ASK_AGAIN_DAYS} days."
    notice = notice_text(purpose, moment.language, version)
    return replace(
        moment,
        at=None,
        text=notice.text,
        hash=hash_of(notice),
        categories=notice.categories,
        recipients=notice.recipients,
        iri=notice.iri,
    )


def _consented(
    strategy: Strategy, customer: Customer, moment: Consented, received_at: datetime, origin: Origin
) -> Moment | str:
    purpose = strategy.purposes.get(moment.purpose)
    served = customer.notices.get(moment.purpose)
    if purpose is None or purpose.basis != "consent" or not purpose.enabled:
        return "This is no purpose that can be chosen: GET …/purposes lists them."
    told_at = min(moment.proof.at if moment.proof is not None else moment.occurred_at, received_at)
    if served is None or served.version != moment.notice or told_at.timestamp() < served.at:
        return "This notice was not served to this person before their choice: send `noticed`, then `consented`."
    if fault := unproven(purpose, moment.notice, moment.proof, received_at, origin):
        return fault
    since = _since(strategy, customer, moment, told_at, received_at, origin)
    days = min(TRIAL_DAYS, purpose.duration_days) if moment.trial else purpose.duration_days
    return replace(
        moment,
        at=None,
        categories=served.categories,
        recipients=served.recipients,
        iri=served.iri,
        since=since,
        until=since + timedelta(days=days),
    )


def unproven(purpose: Purpose, notice: str, proof: ChoiceProof | None, received_at: datetime, origin: Origin) -> str:
    """Why a yes to this version of the notice is not taken with this proof, or without one; empty when it may be."""
    if proof is not None and origin.role not in ("brand", ""):
        return "A proof is the brand's, of a choice that was made elsewhere: send the choice without it."
    if proof is not None and proof.at > received_at:
        return "The proof is of the future: send when the person said yes as `at`."
    if proof is None and notice != purpose.notice.version:
        return "This is an earlier notice: send the `proof` of the choice that was made under it."
    return ""


def _since(
    strategy: Strategy, customer: Customer, moment: Consented, told_at: datetime, received_at: datetime, origin: Origin
) -> datetime:
    """From when a yes counts: never from before the last no received, nor, without a proof, from long before it came.

    The server's own moments and those of a copy that is brought in are taken at their word.
    """
    if origin.role and moment.proof is None:
        told_at = max(told_at, received_at - timedelta(seconds=strategy.brand.late_after(moment)))
    before = customer.consents.get(moment.purpose)
    return max(told_at, datetime.fromtimestamp(before.no_at, UTC)) if before is not None else told_at


def _born(customer: Customer, moment: Born, received_at: datetime) -> Moment | str:
    if moment.birth_date is None:
        return "`birth_date` is missing: write it as 2014-05-31."
    of_age_at = _of_age_at(moment)
    if max(of_age_at, received_at).timestamp() < customer.of_age_at:
        return "A later birth date is known of this person: a second one makes no minor an adult."
    return replace(moment, at=None, birth_date=None, of_age_at=of_age_at)


def _objected(strategy: Strategy, moment: Objected) -> Moment | str:
    closed = tuple([key for key, purpose in strategy.purposes.items() if closed_by(moment.about, purpose)])
    if not closed and moment.about not in (MARKETING, SHARING):
        return (
            "There is nothing to object to under this name: write marketing, sharing, or a purpose that rests on"
            " consent or on the brand's legitimate interest."
        )
    return replace(moment, at=None, purposes=closed)


def _of_age_at(moment: Born) -> datetime:
    """One day after midnight (UTC) of the fifteenth birthday: they are of age in every time zone."""
    born = moment.birth_date
    assert born is not None
    year = min(born.year + FULL_AGE_YEARS, 9998)
    day = datetime(year, born.month, 28 if (born.month, born.day) == (2, 29) else born.day, tzinfo=UTC)
    return day + timedelta(days=2 if (born.month, born.day) == (2, 29) else 1)
