"""Who is taken to have entered a shop, on synthetic noisy walks past it and into it; against *every fix inside enters*.

Errors of positions are normal around each walk's stated accuracy (68 of 100 within 5 to 30 m), correlated in time, half
as large again indoors, with outliers five times as large; one fix in 1, 5, 10 or 20 s. A *false* entrance is a walk
past the shop (5 to 40 m from its walls) that enters; a *missed* one a visit of 3 to 30 minutes without an entrance.
Harder: who stays as long *next door* (5 to 40 m from its walls), which one device cannot always tell from a visit.
Then stays of eight hours, and weeks of somebody who lives above: how often they are told that they have come in.
"""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import cos, pi, radians, sin
from typing import Final, Protocol

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.gate import placed
from visavis.consent.presence import SIGMAS_68, Whereabouts, follow, no_entrance
from visavis.customers.fold import apply_moment
from visavis.model.customer import newborn
from visavis.model.moment import Entered, Located
from visavis.strategy.places import DEGREE_M
from visavis.strategy.read import Strategy, read

MONDAY: Final = datetime(2026, 11, 23, tzinfo=UTC)
LATITUDE, LONGITUDE = 48.85, 2.35
WALK_M_S: Final = 1.4
STREET_M: Final = 250.0
HOUR_S: Final = 3600.0
CADENCES_S: Final = (1, 5, 10, 20)
MINIMAL: Final = {
    "brand.toml": b'name = "Shop"\nlanguages = ["fr"]\nzone = "UTC"\ncurrency = "EUR"\n',
    "objectives.toml": b"",
    "purposes.toml": b"",
}
Path = list[tuple[float, float, float]]
"""Where somebody truly is: seconds, metres east and north of the middle of the shop; straight in between."""


class Found(Struct):
    """How many walks past entered; visits that did not, or did twice; stays next door that did; how long each took."""

    false: int = 0
    missed: int = 0
    twice: int = 0
    beside: int = 0
    waits_s: list[float] = []


class Rule(Protocol):
    """What takes positions one by one, and says whether the person entered now."""

    def __init__(self, strategy: Strategy) -> None: ...

    def enters(self, position: Located) -> bool:
        """Whether this position is an entrance."""


class OneAStay(Rule):
    """The product: ``follow``, the gate and the fold, one person."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._customer = newborn("camille")
        self._whereabouts: Whereabouts | None = None

    def enters(self, position: Located) -> bool:
        """Whether this position makes an ``entered`` that may wake an action."""
        places = self._customer.places
        self._whereabouts, moment = follow(self._strategy, places, self._whereabouts, position)
        if moment is None:
            return False
        if isinstance(moment, Entered):
            moment = replace(moment, no_entrance=no_entrance(self._strategy, places, moment))
        kept = placed(self._strategy, moment)
        self._customer, _ = apply_moment(self._customer, kept, kept.occurred_at)
        return isinstance(kept, Entered) and not kept.no_entrance


class EveryFixInside(Rule):
    """The peer: every position inside the shop is an entrance."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy

    def enters(self, position: Located) -> bool:
        """Whether the shop contains this position."""
        return self._strategy.place_index.find(position.longitude, position.latitude) is not None


def a_shop(radius_m: float, hours: str = "") -> Strategy:
    """A brand of one round shop."""
    about = {"id": "s1", "kind": "shop", "name": "Shop", "zone": "UTC", "radius_m": radius_m, "opening_hours": hours}
    point = {"type": "Point", "coordinates": [LONGITUDE, LATITUDE]}
    shops = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": about, "geometry": point}]}
    return read({**MINIMAL, "places.geojson": json.dumps(shops).encode()})


def past(dice: np.random.Generator, radius_m: float) -> Path:
    """A walk along a street whose distance from the shop's walls is 5 to 40 m."""
    beside, angle = radius_m + dice.uniform(5.0, 40.0), dice.uniform(0.0, 2.0 * pi)
    ends = [(-STREET_M, beside), (STREET_M, beside)]
    turned = [(x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)) for x, y in ends]
    return [(0.0, *turned[0]), (2.0 * STREET_M / WALK_M_S, *turned[1])]


def into(dice: np.random.Generator, radius_m: float, stay_s: float) -> Path:
    """A walk to a point in the shop, a stay around it, and back."""
    way, angle, deep = STREET_M / WALK_M_S, dice.uniform(0.0, 2.0 * pi), radius_m * 0.7 * np.sqrt(dice.uniform())
    east, north = deep * cos(angle), deep * sin(angle)
    came = dice.uniform(0.0, 2.0 * pi)
    start = (STREET_M * cos(came), STREET_M * sin(came))
    return [(0.0, *start), (way, east, north), (way + stay_s, east, north), (2.0 * way + stay_s, *start)]


def beside(dice: np.random.Generator, radius_m: float, stay_s: float) -> Path:
    """A walk to a point next to the shop, a stay there, and back: never nearer to the shop."""
    way, angle, far = STREET_M / WALK_M_S, dice.uniform(0.0, 2.0 * pi), radius_m + dice.uniform(5.0, 40.0)
    (start, there) = [(far_m * cos(angle), far_m * sin(angle)) for far_m in (far + STREET_M, far)]
    return [(0.0, *start), (way, *there), (way + stay_s, *there), (2.0 * way + stay_s, *start)]


def fixes(
    dice: np.random.Generator, path: Path, cadence_s: float, *, starts_at: datetime, radius_m: float
) -> Iterator[Located]:
    """What a device reports of this path."""
    times = np.arange(path[0][0] + dice.uniform(0.0, cadence_s), path[-1][0], cadence_s)
    when, east, north = (np.array(axis) for axis in zip(*path, strict=True))
    truth = np.interp(times, when, east), np.interp(times, when, north)
    accuracy_m = float(np.exp(dice.uniform(np.log(5.0), np.log(30.0))))
    stated = np.where(np.hypot(*truth) < radius_m, 1.5, 1.0) * accuracy_m
    sigma = stated / SIGMAS_68 * np.where(_lasting(dice, times, 0.03, 15.0), 5.0, 1.0)
    errors = [_correlated(dice, times, dice.uniform(20.0, 60.0)) * sigma for _ in range(2)]
    for i, second in enumerate(times):
        y = LATITUDE + (truth[1][i] + errors[1][i]) / DEGREE_M
        x = LONGITUDE + (truth[0][i] + errors[0][i]) / (DEGREE_M * cos(radians(LATITUDE)))
        yield Located(
            id=f"p{second:.3f}",
            customer="camille",
            occurred_at=starts_at + timedelta(seconds=float(second)),
            latitude=float(y),
            longitude=float(x),
            accuracy_m=float(stated[i]),
        )


def _correlated(dice: np.random.Generator, times: np.ndarray, lasts_s: float) -> np.ndarray:
    """A standard normal error at each time, which fades into another within ``lasts_s`` (first-order Gauss-Markov)."""
    noise = dice.normal(size=len(times))
    for i in range(1, len(times)):
        keeps = np.exp(-(times[i] - times[i - 1]) / lasts_s)
        noise[i] = keeps * noise[i - 1] + np.sqrt(1.0 - keeps**2) * noise[i]
    return noise


def _lasting(dice: np.random.Generator, times: np.ndarray, share: float, lasts_s: float) -> np.ndarray:
    """Whether each time is in one of the episodes that take this share of the time."""
    begins = np.cumsum(dice.exponential(lasts_s / share, size=4 + int(2 * share * np.ptp(times) / lasts_s)))
    since = times[:, None] - times[0] - begins[None, :]
    return np.asarray(((since >= 0.0) & (since < lasts_s)).any(axis=1))


def entrances(rule: Rule, positions: Iterator[Located]) -> list[datetime]:
    """When this rule took the person to enter."""
    return [position.occurred_at for position in positions if rule.enters(position)]


def walks(rules: tuple[type[Rule], ...], radius_m: float, count: int) -> list[Found]:
    """What each rule makes of so many walks past the shop, visits, and stays next door."""
    shop, found = a_shop(radius_m), [Found() for _ in rules]
    at = MONDAY + timedelta(hours=10)
    comes_s = (STREET_M - radius_m) / WALK_M_S
    for number in range(count):
        for one, rule in zip(found, rules, strict=True):
            dice = np.random.default_rng(number)  # the same walks for each
            cadence_s = float(dice.choice(CADENCES_S))
            by = entrances(rule(shop), fixes(dice, past(dice, radius_m), cadence_s, starts_at=at, radius_m=radius_m))
            visit = into(dice, radius_m, stay_s := dice.uniform(180.0, 1_800.0))
            came = entrances(rule(shop), fixes(dice, visit, cadence_s, starts_at=at, radius_m=radius_m))
            near = beside(dice, radius_m, stay_s)
            next_door = entrances(rule(shop), fixes(dice, near, cadence_s, starts_at=at, radius_m=radius_m))
            one.false += bool(by)
            one.missed += not came
            one.twice += len(came) > 1
            one.beside += bool(next_door)
            one.waits_s += [(when - at).total_seconds() - comes_s for when in came[:1]]
    return found


def stays(rule: type[Rule], count: int) -> float:
    """How often who stays in the shop for eight hours is told that they have come in, on average."""
    told = 0
    for number in range(count):
        dice = np.random.default_rng(number)
        path = into(dice, 40.0, 8 * HOUR_S)
        positions = fixes(dice, path, 20.0, starts_at=MONDAY + timedelta(hours=9), radius_m=40.0)
        told += len(entrances(rule(a_shop(40.0)), positions))
    return told / count


def resident(rule: type[Rule], days: int) -> int:
    """How often who lives above the shop, out from 9 to 18 on each day, is told that they have come in."""
    dice, one = np.random.default_rng(1), rule(a_shop(40.0, "Mo-Sa 08:00-20:00"))
    path: Path = [(0.0, 5.0, 5.0)]
    for day in range(days):
        out, back = (day * 24 + 9) * HOUR_S, (day * 24 + 18) * HOUR_S
        path += [(out, 5.0, 5.0), (out + 600.0, 700.0, 500.0), (back - 600.0, 700.0, 500.0), (back, 5.0, 5.0)]
    path.append((days * 24 * HOUR_S, 5.0, 5.0))
    return len(entrances(one, fixes(dice, path, 60.0, starts_at=MONDAY, radius_m=40.0)))


def main() -> None:
    """Walk, print a table for people, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="2,000 walks of each kind instead of 150")
    full = parser.parse_args().full
    count, days = (2_000, 28) if full else (150, 7)
    rules: tuple[type[Rule], ...] = (OneAStay, EveryFixInside)
    rows: list[tuple[str, float, float, str, float | None]] = []
    for radius_m in (40.0, 20.0):
        one, other = walks(rules, radius_m, count)
        rows += [
            (f"false entrances, {radius_m:.0f} m", one.false / count, other.false / count, "share", 0.01),
            (f"missed visits, {radius_m:.0f} m", one.missed / count, other.missed / count, "share", 0.05),
            (f"visits entered twice, {radius_m:.0f} m", one.twice / count, other.twice / count, "share", 0.05),
            (f"entered from next door, {radius_m:.0f} m", one.beside / count, other.beside / count, "share", None),
        ]
        for share in (0.5, 0.9):
            waits = [float(np.quantile(of.waits_s, share)) for of in (one, other)]
            rows.append((f"until the entrance, {share:.0%}, {radius_m:.0f} m", waits[0], waits[1], "s", None))
    ours, peer = (stays(rule, 40 if full else 5) for rule in rules)
    rows.append(("told in a stay of 8 h", ours, peer, "times", 1.0))
    ours, peer = (float(resident(rule, days)) for rule in rules)
    rows.append((f"told to a resident in {days} days", ours, peer, "times", 0.0))
    print(f"{count} walks past and {count} visits of each shop, one fix in {CADENCES_S} s, fixed seeds")
    print(f"{'':38} {'one a stay':>12} {'every fix':>12} {'goal':>8}")
    for name, ours, peer, _, goal in rows:
        print(f"{name:38} {ours:12.4g} {peer:12.4g} {'' if goal is None else f'{goal:8.2g}'}")
    results = [
        {
            "figure": name,
            "value": ours,
            "unit": unit,
            "against": "every fix inside enters",
            "ratio": ours / peer if peer else None,
            "goal": goal,
        }
        for name, ours, peer, unit, goal in rows
    ]
    print(json.dumps({"benchmark": "presence", "results": results}))


if __name__ == "__main__":
    main()
