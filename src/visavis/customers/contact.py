"""Which moments are contact with the person, and since when their retention counts."""

from visavis.model.moment import Consented, Moment, Requested, Withdrew


def contact(moment: Moment) -> float | None:
    """When the person did this (epoch seconds); ``None`` when it is no act of theirs.

    What follows a request is done by the brand, and so is a yes declared invalid. A yes that is brought in with its
    proof was said at the time of the proof, whenever it is sent.
    """
    match moment:
        case Requested() if moment.status != "acknowledged":
            return None
        case Withdrew(how="revoked" | "invalidated"):
            return None
        case Consented(proof=proof) if proof is not None:
            return min(proof.at, moment.occurred_at).timestamp()
        case _:
            return moment.occurred_at.timestamp() if moment.active_contact else None
