"""Fold notices served, consents, withdrawals, objections and restrictions; the last one received counts.

A sender's clock may be wrong: nothing counts from after its receipt, and a yes from the instant that the gate wrote.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from visavis.customers.confirmation import answered
from visavis.model.consent import OPENS, PAST_LIMIT, Actor, Consent, OpenTime, Served, Status
from visavis.model.customer import Customer, bounded
from visavis.model.moment import Born, Consented, Noticed, Objected, Restricted, Withdrew

_UNSERVED: Final = Served("", "", "", 0.0, "")


def with_choice(
    customer: Customer, moment: Noticed | Consented | Withdrew | Objected | Restricted | Born, received_s: float
) -> Customer:
    """The customer after this notice or choice; each choice begins another consent epoch. Nobody grows up twice."""
    at = min(moment.occurred_at.timestamp(), received_s)
    match moment:
        case Noticed():
            served = _served(moment, at)
            if served.at >= customer.language_at:
                customer = replace(customer, language=moment.language, language_at=served.at)
            return replace(customer, notices=bounded(customer.notices, moment.purpose, served))
        case Objected():
            return _objected(answered(customer, "objection", moment.about), moment, at, received_s)
        case Restricted():
            return _restricted(answered(customer, "restriction", ""), moment, at, received_s)
        case Born():
            of_age_at = moment.of_age_at.timestamp() if moment.of_age_at is not None else 0.0
            return replace(customer, of_age_at=max(customer.of_age_at, of_age_at))
        case Withdrew():
            return _refused(customer, moment, at, received_s)
        case Consented():
            return _accepted(customer, moment, moment.since.timestamp() if moment.since is not None else at)


def _served(moment: Noticed, at: float) -> Served:
    return Served(
        moment.notice, moment.hash, moment.language, at, moment.id, moment.categories, moment.recipients, moment.iri
    )


def _refused(customer: Customer, moment: Withdrew, since: float, received_s: float) -> Customer:
    """A no ends what is open, from ``since`` on."""
    before = customer.consents.get(moment.purpose)
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
        no_at=received_s,
        past=_until(was.open_times, since),
    )
    return _closed(_with(customer, moment.purpose, choice), frozenset((moment.purpose,)))


def _accepted(customer: Customer, moment: Consented, since: float) -> Customer:
    """A yes, bound to the notice served; after one that expired it starts again.

    One that counts from before the present yes was brought in from elsewhere: it is a time in which the purpose was
    open, and the present yes stands.
    """
    before = customer.consents.get(moment.purpose)
    if before is not None and before.status in OPENS and since < before.since and moment.by in before.by:
        until = min(moment.until.timestamp(), before.since) if moment.until is not None else before.since
        scope = moment.categories, moment.recipients, moment.iri
        earlier = OpenTime(since, until, *scope, (moment.by,))
        return _with(customer, moment.purpose, replace(before, past=(*before.past, earlier)[-PAST_LIMIT:]))
    after = _with(customer, moment.purpose, _agreed(customer, moment, before, since))
    lapsed = before is not None and before.status in OPENS and before.until <= since
    return _closed(after, frozenset((moment.purpose,))) if lapsed else after


def _agreed(customer: Customer, moment: Consented, before: Consent | None, since: float) -> Consent:
    """The choice after a yes; a guardian's is added to the person's, for the scope that both saw."""
    served = customer.notices.get(moment.purpose, _UNSERVED)
    until = moment.until.timestamp() if moment.until is not None else since
    by: tuple[Actor, ...] = (moment.by,)  # type: ignore[assignment]
    categories, recipients, iri = moment.categories, moment.recipients, moment.iri
    open_still = before is not None and before.status in OPENS and since < before.until
    if before is not None and open_still and moment.by not in before.by:
        by = tuple(sorted({*before.by, *by}))
        since = max(since, before.since)
        until = min(until, before.until)
        categories, recipients, iri = (
            tuple([one for one in now if one in then])
            for now, then in ((categories, before.categories), (recipients, before.recipients), (iri, before.iri))
        )
    status: Status = "renewed" if before is not None and before.status in OPENS and moment.by in before.by else "given"
    scope, previous = (since, until, recipients, iri), before.record if before is not None else ""
    words, how = _words(served), moment.method
    found = Consent(status, categories, moment.notice, *scope, *words, by, how, moment.id, previous, moment.trial)
    return replace(found, no_at=before.no_at, past=_until(before.open_times, since)) if before is not None else found


def _until(times: tuple[OpenTime, ...], end: float) -> tuple[OpenTime, ...]:
    """What was open before this instant."""
    return tuple([replace(one, until=min(one.until, end)) for one in times if one.since < end])


def _words(served: Served) -> tuple[str, str, float, str]:
    """The fields of a consent that name the notice served."""
    return served.hash, served.id, served.at, served.language


def _objected(customer: Customer, moment: Objected, at: float, received_s: float) -> Customer:
    """An objection stays until the person takes it back; open windows of the purposes that it closes are dropped."""
    objections = {about: since for about, since in customer.objections.items() if about != moment.about}
    since = customer.objections.get(moment.about)
    if moment.on:
        objections[moment.about] = min(at, since) if since is not None else at
    elif since is not None:
        customer = _lifted(customer, moment.about, since, received_s)
    customer = replace(customer, objections=objections, consent_epoch=customer.consent_epoch + 1)
    return _closed(customer, frozenset(moment.purposes)) if moment.on else customer


def _restricted(customer: Customer, moment: Restricted, at: float, received_s: float) -> Customer:
    """A restriction closes everything until it is lifted."""
    since = customer.restricted_at if customer.restricted else at
    if customer.restricted and not moment.on:
        customer = _lifted(customer, "", since, received_s)
    since, epoch = min(at, since) if moment.on else 0.0, customer.consent_epoch + 1
    customer = replace(customer, restricted=moment.on, restricted_at=since, consent_epoch=epoch)
    return _closed(customer, None) if moment.on else customer


def _lifted(customer: Customer, about: str, since: float, until: float) -> Customer:
    """The customer with this time in which an objection or a restriction (``""``) stood."""
    times = joined((*customer.closed_times.get(about, ()), (since, until)))
    return replace(customer, closed_times={**customer.closed_times, about: times})


def joined(times: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """These closed times in order, at most :data:`PAST_LIMIT`: the oldest become one, so that no gap of theirs opens.

    >>> joined([(5.0, 6.0), (1.0, 2.0)])
    ((1.0, 2.0), (5.0, 6.0))
    """
    found = sorted(set(times))
    if len(found) <= PAST_LIMIT:
        return tuple(found)
    oldest, rest = found[: 1 - PAST_LIMIT], found[1 - PAST_LIMIT :]
    return ((oldest[0][0], max([until for _, until in oldest])), *rest)


def _with(customer: Customer, purpose: str, choice: Consent) -> Customer:
    consents = bounded(customer.consents, purpose, choice)
    customer = answered(customer, "consent", purpose)
    return replace(customer, consents=consents, consent_epoch=customer.consent_epoch + 1)


def _closed(customer: Customer, purposes: frozenset[str] | None) -> Customer:
    """Close the windows of these purposes (``None``: of all); what was decided under them is not delivered later."""
    closings = customer.closings
    for purpose in sorted(purposes) if purposes is not None else ("",):
        closings = bounded(closings, purpose, customer.consent_epoch)
    still = [window for window in customer.service.open if purposes is not None and window.purpose not in purposes]
    return replace(customer, closings=closings, service=replace(customer.service, open=tuple(still)))
