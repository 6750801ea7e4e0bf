"""Fold identifiers attached and detached, and the steps by which two persons agree to be merged."""

from typing import Final

from msgspec.structs import replace

from visavis.model.customer import NAMES_LIMIT, Customer, Merge, bounded
from visavis.model.moment import Linked, Merging, Unlinked

NO_CODE: Final = ("", 0.0)


def with_link(customer: Customer, moment: Linked | Unlinked | Merging, received_s: float) -> Customer:
    """The customer after this; whether another becomes theirs follows from ``identity.apply_entry``."""
    match moment:
        case Merging():
            return _with_step(customer, moment, received_s)
        case Unlinked():
            kept = tuple([one for one in customer.identifiers if one != moment.identifier])
            return replace(customer, identifiers=kept)
        case Linked(how="waiting"):
            merge = Merge(moment.identifier, received_s, _until(moment), asker=True)
            return replace(customer, merges=bounded(customer.merges, moment.merge, merge))
        case Linked() if moment.identifier not in customer.identifiers:
            return replace(customer, identifiers=(*customer.identifiers, moment.identifier)[-NAMES_LIMIT:])
        case _:
            return customer


def _with_step(customer: Customer, moment: Merging, received_s: float) -> Customer:
    if moment.step == "coded":
        return replace(customer, code=(moment.code, _until(moment)))
    merge = customer.merges.get(moment.merge)
    if moment.step == "asked" and merge is None:
        merge = Merge(moment.identifier, received_s, _until(moment))
    elif moment.step == "confirmed" and merge is not None:
        merge = replace(merge, by=moment.method, refused=False)
    elif moment.step == "refused" and merge is not None:
        merge = replace(merge, by="", refused=True)
    if merge is None:
        return customer
    code = NO_CODE if moment.method == "code" else customer.code
    return replace(customer, merges=bounded(customer.merges, moment.merge, merge), code=code)


def _until(moment: Linked | Merging) -> float:
    return moment.until.timestamp() if moment.until is not None else 0.0
