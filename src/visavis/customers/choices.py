"""Fold notices served, consents, withdrawals, objections and restrictions; the last choice counts."""

from typing import Final

from msgspec.structs import replace

from visavis.model.consent import OPENS, Actor, Consent, Served, Status
from visavis.model.customer import Customer, bounded
from visavis.model.moment import Consented, Noticed, Objected, Restricted, Withdrew

_UNSERVED: Final = Served("", "", "", 0.0, "")


def with_choice(customer: Customer, moment: Noticed | Consented | Withdrew | Objected | Restricted) -> Customer:
    """The customer after this notice or choice; each choice begins another consent epoch."""
    match moment:
        case Noticed():
            served = _served(moment)
            if served.at >= customer.language_at:
                customer = replace(customer, language=moment.language, language_at=served.at)
            return replace(customer, notices=bounded(customer.notices, moment.purpose, served))
        case Objected():
            return _objected(customer, moment)
        case Restricted():
            customer = replace(customer, restricted=moment.on, consent_epoch=customer.consent_epoch + 1)
            return _closed(customer, None) if moment.on else customer
        case _:
            return _chose(customer, moment)


def _served(moment: Noticed) -> Served:
    at = moment.occurred_at.timestamp()
    return Served(
        moment.notice, moment.hash, moment.language, at, moment.id, moment.categories, moment.recipients, moment.iri
    )


def _chose(customer: Customer, moment: Consented | Withdrew) -> Customer:
    """The last choice counts: a yes older than it changes nothing, a yes after one that expired starts again."""
    since = moment.occurred_at.timestamp()
    before = customer.consents.get(moment.purpose)
    if isinstance(moment, Withdrew):
        status: Status = (
            "refused" if moment.how == "withdrawn" and (before is None or before.status not in OPENS) else moment.how  # type: ignore[assignment]
        )
        shown = customer.notices.get(moment.purpose, _UNSERVED)
        was = before or Consent("unknown", (), shown.version, since, since, (), (), *_words(shown))
        choice = replace(
            was,
            status=status,
            categories=(),
            since=since,
            until=since,
            by=(),
            method=moment.method,
            record=moment.id,
            previous=was.record,
            trial=False,
        )
        return _closed(_with(customer, moment.purpose, choice), frozenset((moment.purpose,)))
    if before is not None and since < before.since:
        return customer
    after = _with(customer, moment.purpose, _agreed(customer, moment, before, since))
    lapsed = before is not None and before.status in OPENS and before.until <= since
    return _closed(after, frozenset((moment.purpose,))) if lapsed else after


def _agreed(customer: Customer, moment: Consented, before: Consent | None, since: float) -> Consent:
    """A yes, bound to the notice served; a guardian's is added to the person's, for the scope that both saw."""
    served = customer.notices.get(moment.purpose, _UNSERVED)
    until = moment.until.timestamp() if moment.until is not None else since
    by: tuple[Actor, ...] = (moment.by,)  # type: ignore[assignment]
    categories, recipients, iri = moment.categories, moment.recipients, moment.iri
    open_still = before is not None and before.status in OPENS and since < before.until
    if before is not None and open_still and moment.by not in before.by:
        by = tuple(sorted({*before.by, *by}))
        until = min(until, before.until)
        categories, recipients, iri = (
            tuple([one for one in now if one in then])
            for now, then in ((categories, before.categories), (recipients, before.recipients), (iri, before.iri))
        )
    status: Status = "renewed" if before is not None and before.status in OPENS and moment.by in before.by else "given"
    scope, previous = (since, until, recipients, iri), before.record if before is not None else ""
    words, how = _words(served), moment.method
    return Consent(status, categories, moment.notice, *scope, *words, by, how, moment.id, previous, moment.trial)


def _words(served: Served) -> tuple[str, str, float, str]:
    """The fields of a consent that name the notice served."""
    return served.hash, served.id, served.at, served.language


def _objected(customer: Customer, moment: Objected) -> Customer:
    """An objection stays until the person takes it back; open windows of the purposes that it closes are dropped."""
    objections = {about: at for about, at in customer.objections.items() if about != moment.about}
    if moment.on:
        objections[moment.about] = customer.objections.get(moment.about, moment.occurred_at.timestamp())
    customer = replace(customer, objections=objections, consent_epoch=customer.consent_epoch + 1)
    return _closed(customer, frozenset(moment.purposes)) if moment.on else customer


def _with(customer: Customer, purpose: str, choice: Consent) -> Customer:
    consents = bounded(customer.consents, purpose, choice)
    return replace(customer, consents=consents, consent_epoch=customer.consent_epoch + 1)


def _closed(customer: Customer, purposes: frozenset[str] | None) -> Customer:
    """Close the windows of these purposes (``None``: of all); what was decided under them is not delivered later."""
    closings = customer.closings
    for purpose in sorted(purposes) if purposes is not None else ("",):
        closings = bounded(closings, purpose, customer.consent_epoch)
    still = [window for window in customer.service.open if purposes is not None and window.purpose not in purposes]
    return replace(customer, closings=closings, service=replace(customer.service, open=tuple(still)))
