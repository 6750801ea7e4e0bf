"""Entering is a transition: uncertain positions, one after the other, become one ``entered`` and one ``left`` a stay.

What is kept between two positions is how sure we are that the person is inside each place near them: no position and no
distance. A hidden Markov model of two states (inside, outside) for each place, in log-odds: it drifts to *unknown* with
time, and each position moves it by what that position says. See ``docs/places.md``.
"""

from datetime import datetime
from math import cos, exp, log, pi, radians, sin, sqrt
from typing import Final, Literal

from msgspec import Struct

from visavis.model.catalogue import Place
from visavis.model.customer import PLACES_LIMIT, Places
from visavis.model.moment import Dwelled, Entered, Left, Located, Moment
from visavis.strategy.opening_hours import is_night, is_open, zone_of
from visavis.strategy.places import DEGREE_M, apart_m, area_m2, contains
from visavis.strategy.read import Strategy

ACCURACY_UNKNOWN_M: Final = 20.0
"""Of a position that does not say how accurate it is: the usual accuracy of a phone in a street."""
ACCURACY_LEAST_M: Final = 5.0
ACCURACY_MOST_M: Final = 5_000.0
SIGMAS_68: Final = sqrt(-2.0 * log(1.0 - 0.68))
"""The radius that holds 68 of 100 errors, in standard deviations along one axis of a round normal error."""
COARSE: Final = 16.0
"""A position says nothing of a place whose area its error (2πσ²) exceeds so many times."""
CERTAIN: Final = 0.1
"""A position of which less than this share lies in a place does not speak for being there: it is too uncertain."""
CENTRAL: Final = 0.5
"""Nor does one whose share is less than so much of what it would be at the middle of the place.

For an error much larger than the place: one that is more than √(2 ln 2) = 1.18 standard deviations away.
"""
OUTLIERS: Final = 0.05
"""The share of positions whose error is far larger than they say; one position adds ln(2 / 0.05 - 1) = 3.7 at most."""
CORRELATED_S: Final = 30.0
"""Errors of positions closer in time than this are nearly the same error (reflections), and say little more."""
STAYS: Final = 6.0
"""How much likelier who stays is to be still there after ``CORRELATED_S`` than who passes by.

Who walks at 1.4 m/s is 42 m farther. A disc of 58 m across (a shop, and the error around it) that is moved by 42 m
covers one sixth of itself: (2/π)(acos u - u √(1 - u²)), u = 42/58.
"""
LEAVING_S: Final = 90.0
"""The same for errors that take somebody out of a building: indoors they last longer."""
FAR_SIGMAS: Final = 20.0
"""So many standard deviations away from a place, no outlier explains a position: they are elsewhere."""
FAR: Final = -100.0
UNKNOWN_AFTER_S: Final = 600.0
"""How fast what was known of the person's place fades without positions."""
UNKNOWN: Final = -1.5
"""Log-odds of somebody near a place of whom nothing else is known (18 %).

One position then makes an entrance when it is twice as likely inside: INSIDE - UNKNOWN - ln STAYS = ln 2.
"""
INSIDE: Final = 1.0
"""Log-odds from which a person who was outside is inside (73 %)."""
OUTSIDE: Final = -5.0
"""Log-odds to which a person who was inside must fall to be outside: to leave takes more than to come."""
LEAST: Final = -6.0
MOST: Final = 10.0
NIGHT_STAY_S: Final = 1_800.0
RESIDENT_S: Final = 30 * 86_400.0
"""Who stayed at a place at night is at home there for so long."""
RENEWED_S: Final = 20 * 3_600.0
CONTINUES_S: Final = 12 * 3_600.0
"""A stay that the log knows goes on for so long, when nothing is known of positions since (after a restart)."""
NEAR_M: Final = 500.0
"""Who is farther than this from every place is not followed."""
_GOLDEN: Final = pi * (3.0 - sqrt(5.0))
_SPREAD: Final = tuple(
    [(r * cos(i * _GOLDEN), r * sin(i * _GOLDEN)) for i in range(64) for r in [sqrt(-2.0 * log(1.0 - (i + 0.5) / 64))]]
)
"""64 equally likely errors, in standard deviations east and north."""
_REACH: Final = 4.0


class Whereabouts(Struct, frozen=True, gc=False):
    """How sure we are that one person near places is inside each (log-odds), as of their last position (epoch seconds).

    They are outside of all other places. Of who is near none, nothing is kept.
    """

    at: float
    odds: dict[str, float]


Transition = Entered | Left | Dwelled


def no_entrance(strategy: Strategy, places: Places, moment: Entered) -> Literal["", "same_stay", "closed", "resident"]:
    """Why this ``entered`` is no entrance; empty when it is one."""
    at = moment.occurred_at.timestamp()
    lasts = abs(at - places.at) < strategy.brand.stay_ends_after_s
    if lasts and moment.place in places.entered and moment.place in places.inside:
        return "same_stay"
    place = strategy.places.get(moment.place)
    if place is not None and not is_open(place.opening_hours, *_local(place, moment.occurred_at)):
        return "closed"
    stayed_at = places.resident.get(moment.place)
    return "resident" if stayed_at is not None and at - stayed_at < RESIDENT_S else ""


def follow(
    strategy: Strategy, places: Places, before: Whereabouts | None, position: Located
) -> tuple[Whereabouts | None, Transition | None]:
    """Where the person is after this position, and what it changes, if anything; an older one changes nothing.

    ``places`` is what the log knows; ``before`` is ``None`` when no position is known.
    """
    at, sigma_m = position.occurred_at.timestamp(), _sigma_m(position)
    heard_at = max(places.at, before.at) if before is not None else places.at
    if at < places.at or (before is not None and at <= before.at) or position.accuracy_m > ACCURACY_MOST_M:
        return before, None
    lasts_s = strategy.brand.stay_ends_after_s if before is not None else CONTINUES_S
    inside = places.inside if at - heard_at <= lasts_s else ()
    near = strategy.place_index.near(position.longitude, position.latitude, max(NEAR_M, sigma_m * _REACH))
    odds: dict[str, float] = {}
    far: set[str] = set()
    for name in dict.fromkeys((*inside, *(before.odds if before is not None else ()), *near)):
        if (place := strategy.places.get(name)) is not None:
            added = _evidence(place, position, sigma_m)
            correlated_s = LEAVING_S if name in inside and FAR < added < 0.0 else CORRELATED_S
            weight = 1.0 - exp(-(at - before.at) / correlated_s) if before is not None and added > FAR else 1.0
            moved = _prior(places, before, name, at, name in inside) + weight * added
            odds[name] = min(MOST, max(LEAST, moved))
            if added <= 0.0 and odds[name] < LEAST + 1.0 and name not in inside:
                far.add(name)
    held = sorted(odds.keys() - far, key=lambda name: (name not in inside, -odds[name], name))[:PLACES_LIMIT]
    after = Whereabouts(at, {name: odds[name] for name in held}) if odds else None
    return after, _transition(strategy, places, inside, odds, position)


def became(strategy: Strategy, stored: Moment, position: Located) -> bool:
    """Whether this stored moment may be what this position became: of both, the instant and the place are compared."""
    if not isinstance(stored, Transition) or stored.occurred_at != position.occurred_at:
        return False
    place = strategy.places.get(stored.place)
    if place is None or isinstance(stored, Dwelled):
        return True
    return (_evidence(place, position, _sigma_m(position)) > 0.0) == isinstance(stored, Entered)


def _transition(
    strategy: Strategy, places: Places, inside: tuple[str, ...], odds: dict[str, float], position: Located
) -> Transition | None:
    """The smallest place that they are now in, else the largest that they are out of, else a night's stay."""
    name, who, when = position.id, position.customer, position.occurred_at
    into = [
        one
        for one, sure in odds.items()
        if sure >= INSIDE
        and one not in inside
        and all(odds[old] <= OUTSIDE for old in inside if old in odds and old not in strategy.within.get(one, ()))
    ]
    if into:
        smallest = min(into, key=lambda one: (area_m2(strategy.places[one]), one))
        return Entered(id=name, customer=who, occurred_at=when, place=smallest)
    known = [odds.get(one, MOST) for one in inside]
    for i in reversed(range(len(inside))):
        if known[i] <= OUTSIDE and max(known[:i], default=LEAST) < INSIDE:
            return Left(id=name, customer=who, occurred_at=when, place=inside[i])
    at = position.occurred_at.timestamp()
    place = strategy.places.get(inside[0]) if inside else None
    if place is None or known[0] < INSIDE or not NIGHT_STAY_S <= at - places.since <= 86_400.0:
        return None
    if at - places.resident.get(place.id, 0.0) < RENEWED_S:
        return None
    if not is_night(place.opening_hours, *_local(place, position.occurred_at)):
        return None
    return Dwelled(id=name, customer=who, occurred_at=when, place=place.id, dwell_s=at - places.since)


def _prior(places: Places, before: Whereabouts | None, name: str, at: float, inside: bool) -> float:
    """How sure they were, faded since: by the last position, or by what was reported after it."""
    if before is None or (inside and places.at > before.at):
        return MOST if inside else UNKNOWN
    left = places.left.get(name, 0.0) > before.at
    share, unknown = _chance(LEAST if left else before.odds.get(name, LEAST)), _chance(UNKNOWN)
    share = unknown + (share - unknown) * exp(-(at - before.at) / UNKNOWN_AFTER_S)
    return log(share / (1.0 - share))


def _chance(odds: float) -> float:
    """The probability of log-odds."""
    return 1.0 / (1.0 + exp(-odds))


def _evidence(place: Place, position: Located, sigma_m: float) -> float:
    """The log-odds that one position adds: its likelihood inside, against outside but within its error's reach."""
    if apart_m(place, position.longitude, position.latitude) > FAR_SIGMAS * sigma_m:
        return FAR
    error_m2, area = 2.0 * pi * sigma_m**2, area_m2(place)
    if error_m2 > COARSE * area:
        return 0.0
    share = _share(place, position, sigma_m)
    likely = (1.0 - OUTLIERS) * share + OUTLIERS * 0.5
    added = log(likely / (1.0 - likely)) + log(1.0 + error_m2 / area)
    most = log(2.0 / OUTLIERS - 1.0)
    at_middle = 1.0 - exp(-area / error_m2)  # of a round place (Rayleigh's distribution)
    return min(added + log(STAYS), most) if share >= max(CERTAIN, CENTRAL * at_middle) else min(added, 0.0)


def _share(place: Place, position: Located, sigma_m: float) -> float:
    """The share of the equally likely true positions that lie in this place."""
    north = sigma_m / DEGREE_M
    east = north / max(cos(radians(position.latitude)), 0.01)
    longitude, latitude = position.longitude, position.latitude
    if place.rings:
        inside = [contains(place, longitude + x * east, latitude + y * north) for x, y in _SPREAD]
    else:  # flat at this scale, and faster
        reach = (place.radius_m / sigma_m) ** 2
        over = ((longitude - place.longitude + 180.0) % 360.0 - 180.0) / east
        up = (latitude - place.latitude) / north
        inside = [(x + over) ** 2 + (y + up) ** 2 <= reach for x, y in _SPREAD]
    return sum(inside) / len(_SPREAD)


def _sigma_m(position: Located) -> float:
    return max(position.accuracy_m or ACCURACY_UNKNOWN_M, ACCURACY_LEAST_M) / SIGMAS_68


def _local(place: Place, at: datetime) -> tuple[int, float]:
    """The local weekday (Monday is 0) and hour at this place."""
    local = at.astimezone(zone_of(place.zone))
    return local.weekday(), local.hour + local.minute / 60
