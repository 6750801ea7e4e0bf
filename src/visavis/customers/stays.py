"""Where a person is, folded from what was reported; in the order in which it occurred."""

from operator import itemgetter

from msgspec.structs import replace

from visavis.model.customer import PLACES_LIMIT, Places, bounded
from visavis.model.moment import CheckedIn, Dwelled, Entered, Left


def placed_by(places: Places, moment: Entered | CheckedIn | Left | Dwelled) -> Places:
    """The place after this, in the order in which things occurred; of two at the same instant the last received."""
    at, place, spot = moment.occurred_at.timestamp(), moment.place, moment.at
    around = (place, *(spot.within if spot is not None else ()))
    if isinstance(moment, Dwelled) and spot is not None and spot.night:
        known = places.resident | {one: max(at, places.resident.get(one, at)) for one in around}
        newest = sorted(known.items(), key=itemgetter(1, 0))[-PLACES_LIMIT:]
        places = replace(places, resident=dict(newest))
    if isinstance(moment, Left):
        if at < places.at:
            return places
        left = bounded(places.left, place, max(at, places.left.get(place, at)), limit=PLACES_LIMIT)
        return _still_there(replace(places, left=left), places.checked_in)
    asks = isinstance(moment, CheckedIn) and not moment.late
    if at < places.at:
        # A check-in or an entrance that a newer fact of the same stay overtook, but that is not late, still counts.
        if asks and place == places.here:
            return replace(places, checked_in=place)
        if isinstance(moment, Entered) and place in places.inside and place not in places.entered:
            return replace(places, entered=(*places.entered, place))
        return places
    left = {one: when for one, when in places.left.items() if when > at}
    again = isinstance(moment, Entered) and moment.no_entrance == "same_stay" and place in places.inside
    chain = places.inside if again else around
    begins = place not in places.inside or (isinstance(moment, Entered) and not again)
    entered = [one for one in places.entered if one in places.inside and one in chain and one != place]
    if isinstance(moment, Entered) or place in places.entered:
        entered.append(place)
    after = replace(places, chain=chain, since=at if begins else places.since, at=at, left=left, entered=tuple(entered))
    return _still_there(after, place if asks else places.checked_in)


def _still_there(places: Places, checked_in: str) -> Places:
    """These places, checked in there only while the person is inside."""
    return replace(places, checked_in=checked_in if checked_in in places.inside else "")
