"""Random strategies and lives for the properties of privacy: what a brand might write and a person do."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import numpy as np
from msgspec.structs import replace

from support.people import KEY, NOON, grocery
from visavis.cards.replies import reply
from visavis.insight.features import CONTEXTS, FEATURES
from visavis.insight.need import Net, pack
from visavis.model.attributes import ATTRIBUTES, Attribute
from visavis.model.consent import CATEGORIES
from visavis.model.decision import Show
from visavis.model.decoding import from_builtins
from visavis.model.entry import Entry, encode
from visavis.model.moment import KINDS as MOMENT_KINDS
from visavis.model.moment import Answered, Consented, Displayed, Due, Moment, Noticed, Objected, Withdrew
from visavis.model.world import Belief, Calibration, Learned, World
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.store.memory import MemoryEntryLog
from visavis.strategy.read import Strategy, read

GROCERY: Final = grocery()
PRODUCTS: Final = [f"{i:08d}" for i in range(1, 9)]
FAMILIES: Final = ["MILK", "BREAD", "MILK", "TEA", "SOAP", "RICE", "EGGS", "BREAD"]
PLACES: Final = ["s1", "s1-front", "s2"]
ASKED: Final = ("a", "b", "c", "d")
"""The purposes that a drawn strategy asks for; ``account`` is its contract."""
PAST: Final = {"past": tuple(sorted(set(CATEGORIES) - {"numbers"})), "past-numbers": ("numbers",)}
"""Purposes once agreed to for all of a person's data, then withdrawn: the data exist, nothing may read them."""
KINDS: Final = {
    "places": ("entered", "dwelled", "left", "checked_in", "checked_in"),
    "sight": ("saw",),
    "purchases": ("paying", "bought"),
    "home": ("stocked", "consumed", "ran_out"),
    "numbers": ("measured",),
    "preferences": ("declared",),
    "orders": ("ordered", "fulfilled"),
    "service": ("asked", "worn"),
}
TEXTS: Final = {
    "moment.kind": ["entered", "bought", "saw"],
    "place.id": PLACES,
    "place.kind": ["shop", "street"],
    "saw.product": PRODUCTS,
    "saw.family": FAMILIES,
    "home.family": FAMILIES,
    "home.product": PRODUCTS,
    "asked.about": ["offers"],
    "measure.name": ["water"],
    "customer.language": ["fr", "en"],
    "device.profile": ["glasses", "watch"],
    "product.id": PRODUCTS,
    "product.family": FAMILIES,
}


def a_strategy(dice: Random) -> tuple[Strategy, Strategy]:
    """A random strategy of one brand: when its notices were served (some named fewer data), and now."""
    wide = {key: _categories(dice) for key in ASKED}
    narrow = {key: tuple(one for one in kept if dice.random() < 0.8) or kept for key, kept in wide.items()}
    speaking = dice.sample([*ASKED, "account"], dice.randint(1, 4))
    actions = {
        f"actions/act-{i}.toml": _action(dice, dice.choice(speaking), wide).encode() for i in range(dice.randint(3, 7))
    }
    files = {
        "brand.toml": GROCERY["brand.toml"].replace(b"quiet_from_h = 22.0", b"quiet_from_h = 7.0"),
        "objectives.toml": GROCERY["objectives.toml"],
        "places.geojson": GROCERY["places.geojson"],
        "products.csv": _products(),
    }
    served = read({**files, "purposes.toml": _purposes(PAST | narrow)})
    return served, read({**files, "purposes.toml": _purposes(PAST | wide), **actions})


def a_world(dice: Random, strategy: Strategy) -> World:
    """What was learned, at random: networks, calibrations and beliefs that say something else of each action."""
    noise = np.random.default_rng(dice.randrange(1 << 30))
    f, m, units = len(FEATURES), len(CONTEXTS), 4
    heads = {
        head: pack(
            Net(
                noise.normal(size=f),
                noise.normal(size=(f, units)),
                noise.normal(size=(m, units)),
                noise.normal(size=units),
                noise.normal(size=units),
                noise.normal(size=f),
                noise.normal(size=m),
                -1.0,
            )
        )
        for head in ("visit", "forgotten", "week")
    }
    beliefs = {action: Belief(dice.gauss(0.5, 0.5), 0.1, dice.gauss(0, 0.5), 0.1, 50) for action in strategy.actions}
    calibrations = {head: Calibration(dice.gauss(0, 0.2), 1.1) for head in heads}
    return World("w", strategy.version, Learned(f"drawn {dice.random()}", heads, {}, {}), calibrations, beliefs)


def moments(dice: Random, categories: list[str], count: int, prefix: str, *, days: float = 20.0) -> list[Moment]:
    """Things that happen, of these categories, over these days."""
    return [
        _moment(dice, dice.choice(categories), f"{prefix}{i}", NOON + timedelta(days=dice.uniform(1, 1 + days)))
        for i in range(count)
    ]


def past(dice: Random, shared: list[str], own: Random, hidden: list[str], served: Strategy) -> list[Moment]:
    """An earlier life with everything, its consents withdrawn; ``hidden`` categories have dice of their own."""
    start, end = NOON - timedelta(days=40), NOON - timedelta(days=1)
    drawn = [
        *moments(dice, shared, 2 * len(shared), "s"),
        *(moments(own, hidden, 4 * len(hidden), "p") if hidden else []),
    ]
    lived = [replace(one, id=f"h-{one.id}", occurred_at=one.occurred_at - timedelta(days=31)) for one in drawn]
    yes: list[Moment] = []
    for key in PAST:
        version = served.purposes[key].notice.version
        yes.append(Noticed(id=f"h-n-{key}", customer="camille", occurred_at=start, purpose=key, notice=version))
        yes.append(Consented(id=f"h-y-{key}", customer="camille", occurred_at=start, purpose=key, notice=version))
    no: list[Moment] = [Withdrew(id=f"h-w-{key}", customer="camille", occurred_at=end, purpose=key) for key in PAST]
    return [*yes, *sorted(lived, key=lambda one: one.occurred_at), *no]


def choices(dice: Random, served: Strategy) -> tuple[list[Moment], list[str]]:
    """Answers to the notices at noon, and the purposes open for a while, if only until a change of mind."""
    said: list[Moment] = []
    yes: list[str] = []
    for key in ASKED:
        if dice.random() < 0.5:
            continue
        yes.append(key)
        version = served.purposes[key].notice.version
        said.append(
            Noticed(
                id=f"n-{key}",
                customer="camille",
                occurred_at=NOON,
                purpose=key,
                notice=version,
                language=dice.choice(["fr", "en"]),
            )
        )
        said.append(
            Consented(
                id=f"y-{key}",
                customer="camille",
                occurred_at=NOON,
                purpose=key,
                notice=version,
                trial=dice.random() < 0.2,
            )
        )
        if dice.random() < 0.2:
            said.append(
                Withdrew(
                    id=f"w-{key}",
                    customer="camille",
                    occurred_at=NOON + timedelta(days=dice.uniform(1, 20)),
                    purpose=key,
                )
            )
    if dice.random() < 0.1:
        said.append(
            Objected(
                id="o", customer="camille", occurred_at=NOON + timedelta(days=dice.uniform(1, 20)), about="marketing"
            )
        )
    return said, yes


def allowed(served: Strategy, now: Strategy, yes: list[str]) -> set[str]:
    """The categories that some decision may read after a yes to these notices; others cannot matter."""
    found = {"service"}
    for key in {action.purpose for action in now.actions.values()}.intersection([*yes, "account"]):
        found |= served.purposes[key].categories & now.purposes[key].categories
    return found


class Life:
    """One person, lived through the real loop, one moment at a time; what was decided and told is kept as bytes."""

    def __init__(self, served: Strategy, now: Strategy, world: World) -> None:
        self._clock = TurnedClock()
        self._clock.turn((NOON - timedelta(days=41)).timestamp())
        self.processor = Processor(MemoryEntryLog(), served, KEY, self._clock)
        self._now, self._world = now, world
        self.shown: list[str] = []
        self.cards = 0

    def process(self, moment: Moment) -> list[bytes]:
        """What was decided and told at this moment and at what fell due before, without ids of entries or world."""
        if moment.occurred_at > NOON:
            self.processor.strategy, self.processor.world = self._now, self._world
        woken = []
        while (due := self.processor.next_due_at) is not None and due <= moment.occurred_at.timestamp():
            self._clock.turn(due)
            woken += self.processor.wake()
        self._clock.turn(moment.occurred_at.timestamp())
        for one in woken:
            self._note(one.entry)
        if self.shown and isinstance(moment, Answered | Displayed):
            moment = type(moment)(
                **{name: getattr(moment, name) for name in moment.__struct_fields__} | {"decision": self.shown[-1]}
            )
        answer = self.processor.step(moment)
        self.processor.commit()
        self._note(answer.entry)
        told: list[bytes] = []
        for one in (*woken, answer):
            if one.entry is None:
                told.append(b"refused " + (one.refused.category.encode() if one.refused is not None else b""))
                continue
            told.append(_told(self.processor.strategy, one.entry))
        return told

    def _note(self, entry: Entry | None) -> None:
        for decision in entry.decisions if entry is not None else ():
            if isinstance(decision, Show):
                self.shown.append(decision.id)
                self.cards += 1


def _told(strategy: Strategy, entry: Entry) -> bytes:
    """Decisions, cards, briefs, explanations and what was learned; of the moment only what both lives share."""
    common = Due(id=entry.moment.id, customer=entry.customer, occurred_at=entry.moment.occurred_at)
    kept = Entry(
        entry.form,
        entry.customer,
        entry.received_at,
        common,
        entry.decisions,
        entry.closed,
        entry.effects,
        entry.uses,
        entry.granted,
    )
    words = [
        reply(strategy, entry, language, role) for language in ("fr", "en") for role in ("device", "adviser", "brand")
    ]
    return encode(kept) + json.dumps([str(one) for one in words]).encode()


def _categories(dice: Random) -> tuple[str, ...]:
    if dice.random() < 0.15:
        return ("numbers",)
    common = [one for one in CATEGORIES if one != "numbers"]
    return tuple(sorted(dice.sample(common, dice.randint(1, 4))))


def _purposes(categories: dict[str, tuple[str, ...]]) -> bytes:
    def purpose(key: str, iri: str, basis: str, kept: tuple[str, ...]) -> str:
        names = ", ".join(f'"{one}"' for one in kept)
        return (
            f'[{key}]\niri = "{iri}"\nbasis = "{basis}"\ncategories = [{names}]\ndpia_id = "d"\nbenefit = {{fr = "b",'
            f' en = "b"}}\nnotice.version = "1"\nnotice.text = {{fr = "texte {key}", en = "text {key}"}}\n'
        )

    asked = [
        purpose(key, "dpv:PersonalisedBenefits" if key < "c" else "dpv:RequestedServiceProvision", "consent", kept)
        for key, kept in categories.items()
    ]
    return "".join([purpose("account", "dpv:AccountManagement", "contract", ("orders", "purchases")), *asked]).encode()


def _products() -> bytes:
    rows = [f"{product},Nom {i},Name {i},{FAMILIES[i]},{100 + 30 * i},0.2,1" for i, product in enumerate(PRODUCTS)]
    return "\n".join(["gtin,name_fr,name_en,family,price_cents,margin_share,aisle", *rows, ""]).encode()


def _action(dice: Random, key: str, categories: dict[str, tuple[str, ...]]) -> str:
    reads = {"orders", "purchases"} if key == "account" else set(categories[key])
    kinds = [
        kind
        for kind, made in MOMENT_KINDS.items()
        if (made.category in reads or kind in ("asked", "worn", "displayed") or (kind == "due" and dice.random() < 0.1))
        and kind != "located"
    ]
    if "checked_in" in kinds and dice.random() < 0.3:
        kinds = ["checked_in"]
    woken_by = dice.sample(kinds, min(len(kinds), dice.randint(1, 4)))
    about = dice.choice(
        ["none"]
        + (["need"] * 3 if "purchases" in reads else [])
        + (["seen"] if "sight" in reads else [])
        + (["home"] * ("home" in reads))
    )
    objective = dice.choice(
        ["needs-met", "trips-saved", "loyalty", "right-product"]
        if "purchases" in reads
        else ["acquaintance", "right-product"]
    )
    audience = "adviser" if "checked_in" in woken_by and "numbers" not in reads and dice.random() < 0.6 else "customer"
    names = [one for one in ATTRIBUTES.values() if one.scope != "product" and one.category in reads | {""}]
    products = [one for one in ATTRIBUTES.values() if one.scope == "product" and one.category in reads | {""}]
    when = _condition(dice, names) if dice.random() < 0.6 else ""
    product_when = _condition(dice, products) if about == "need" and dice.random() < 0.5 else ""
    card = 'title = "{family} ?"\nbody = "{product}"\nwhy = "Parce que."\nyes = "Oui"\nno = "Non"\n'
    return (
        f'objective = "{objective}"\npurpose = "{key}"\naudience = "{audience}"\noffer ='
        f' "{"tailored" if key != "account" else "general"}"\nwoken_by = {json.dumps(woken_by)}\nabout ='
        f' "{about}"\nwhen = {json.dumps(when)}\nproduct_when = {json.dumps(product_when)}\ntop = 3\neffect ='
        f' "{dice.choice(["", "order", "reward"])}"\nreward_cents = 50\n[limits]\nper_day = 20\ngap_s ='
        f" 1\n[card.fr]\n{card}[card.en]\n{card}"
    )


def _condition(dice: Random, names: list[Attribute]) -> str:
    def leaf() -> str:
        one = dice.choice(names)
        if one.type == "flag":
            return one.path
        if one.type == "tags":
            return f'"organic" in {one.path}'
        if dice.random() < 0.1:
            return f"{one.path} is {dice.choice(['', 'not '])}None"
        if one.type == "text":
            return f'{one.path} {dice.choice(["==", "!="])} "{dice.choice(TEXTS[one.path])}"'
        return f"{one.path} {dice.choice(['<', '>='])} {dice.choice([0, 0.5, 1, 3, 10, 500])}"

    leaves = [leaf() for _ in range(dice.randint(1, 3))]
    return f" {dice.choice(['and', 'or'])} ".join(f"not ({one})" if dice.random() < 0.2 else one for one in leaves)


def _moment(dice: Random, category: str, name: str, at: datetime) -> Moment:
    kind = dice.choice(KINDS[category])
    product = dice.choice(PRODUCTS)
    known: dict[str, dict[str, Any]] = {
        "entered": {"place": dice.choice(PLACES)},
        "left": {"place": dice.choice(PLACES)},
        "checked_in": {"place": dice.choice(PLACES)},
        "dwelled": {"place": dice.choice(PLACES), "dwell_s": dice.uniform(1, 900)},
        "saw": {"product": product},
        "ran_out": {"product": product},
        "stocked": {"product": product, "quantity": float(dice.randint(1, 5))},
        "consumed": {"product": product, "quantity": 1.0},
        "measured": {"measure": "water", "value": dice.uniform(0, 2), "goal": 2.0},
        "declared": dice.choice(
            [
                {"trait": "organic", "value": True},
                {"trait": "organic", "value": False},
                {"trait": "in_a_hurry", "value": True},
                {"trait": "first_name", "value": "Bo"},
            ]
        ),
        "ordered": {"order": f"o{dice.randint(0, 3)}", "product": product},
        "fulfilled": {"order": f"o{dice.randint(0, 3)}"},
        "asked": {"about": dice.choice(["offers", "help"])},
        "worn": {
            "device": dice.choice(["g", "w"]),
            "profile": dice.choice(["glasses", "watch"]),
            "battery": dice.random(),
        },
    }
    fields = known.get(kind, {})
    if kind in ("paying", "bought"):
        bought = dice.sample(PRODUCTS, dice.randint(1, 5))
        fields = {"place": dice.choice(PLACES), "lines": [[one, 1, dice.randint(50, 900), ""] for one in bought]}
    return from_builtins({"kind": kind, "id": name, "customer": "camille", "occurred_at": at, **fields}, received_at=at)
