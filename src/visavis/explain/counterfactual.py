"""Why a decision was taken, found by taking it again without each datum: same person, world and random draw."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from visavis.cards.compose import compose
from visavis.cards.typography import clipped, count_words, typeset
from visavis.cards.words import EPOCH, family_name, product_name
from visavis.consent.gate import Views
from visavis.customers.fold import fold
from visavis.customers.habits import without
from visavis.customers.reordered import reordered
from visavis.decide.brief_facts import NAME
from visavis.decide.explain import sentence
from visavis.engine import decide
from visavis.ledger.personal_view import WHAT
from visavis.model.customer import Customer
from visavis.model.decision import Decision, Origin, Show
from visavis.model.entry import Entry
from visavis.model.habit import HABIT, LOCAL_DAY
from visavis.model.moment import Measured
from visavis.model.world import World
from visavis.runtime.population import Population
from visavis.strategy.freshness import fresh
from visavis.strategy.read import Strategy

Change = Literal["gone", "shown", "other", "less", "more", "same"]
LANGUAGES: Final = ("fr", "en")
WORDS_LIMIT: Final = 25
NAMED: Final = 3  # how many data a sentence names at most: it is read at a glance
FIRST: Final[tuple[Origin, ...]] = ("declared", "observed", "inferred")  # the order in a sentence
THIS: Final = {
    "customer": {"fr": "cette carte", "en": "this card"},
    "adviser": {"fr": "cette fiche", "en": "this brief"},
}
NOTHING: Final = {"fr": "{this} ne s'appuie sur aucune de vos données.", "en": "{this} relies on none of your data."}
RELIES: Final = {"fr": "{this} s'appuie sur {what}.", "en": "{this} relies on {what}."}
CHANGED: Final[dict[str, dict[Change, str]]] = {
    "fr": {
        "gone": "Sans {what}, {this} ne serait pas apparue.",
        "shown": "Sans {what}, quelque chose vous aurait été dit.",
        "other": "Sans {what}, {this} aurait dit autre chose.",
        "less": "Sans {what}, {this} aurait eu moins de raisons d'apparaître.",
        "more": "Sans {what}, {this} aurait eu plus de raisons d'apparaître.",
        "same": "Sans {what}, rien n'aurait changé.",
    },
    "en": {
        "gone": "Without {what}, {this} would not have appeared.",
        "shown": "Without {what}, something would have been said.",
        "other": "Without {what}, {this} would have said something else.",
        "less": "Without {what}, {this} would have had less reason to appear.",
        "more": "Without {what}, {this} would have had more reason to appear.",
        "same": "Without {what}, nothing would have changed.",
    },
}
_DATA: Final = {
    "habit": {"fr": "vos achats ({name})", "en": "your purchases ({name})"},
    "need": {"fr": "ce que nous en avons déduit ({name})", "en": "what we concluded from them ({name})"},
    "trait": {"fr": "ce que vous avez dit ({name})", "en": "what you told us ({name})"},
    "home": {"fr": "ce que signale votre maison ({name})", "en": "what your home reports ({name})"},
    "number": {"fr": "votre nombre du jour", "en": "your number of the day"},
    "order": {"fr": "votre commande ({name})", "en": "your order ({name})"},
    "reward": {"fr": "votre récompense", "en": "your reward"},
    "called": {"fr": "votre prénom", "en": "your first name"},
}
_TOGETHER: Final = {"fr": " et ", "en": " and "}


class UsedData(Struct, frozen=True):
    """One kind of data that the decision read (``datum`` empty), or one datum in it: what, from where, for what.

    ``day`` is when it was last seen, where that is one day (ISO 8601). ``change`` is what deciding again without it
    came to, and ``without`` its text; both are empty when it could not be decided again.
    """

    category: str
    datum: str
    origin: Origin
    what: str
    purposes: tuple[str, ...]
    day: str = ""
    change: Change | Literal[""] = ""
    without: str = ""


class Why(Struct, frozen=True):
    """One decision explained; ``again``: whether it could be decided again with the rules and knowledge of then."""

    decision: str
    moment: str
    at: datetime
    audience: str
    result: Literal["show", "silence"]
    title: str
    plain: dict[str, str]
    used: tuple[UsedData, ...]
    withheld: tuple[str, ...]
    records: dict[str, str]
    again: bool
    strategy: str
    world: str
    contact: str
    links: dict[str, str]


Datum = tuple[str, Origin, str, Customer]  # name, origin, words, and the person without it


def walk(entries: Iterable[Entry]) -> Iterator[tuple[Customer, Entry]]:
    """Every entry of one person, under all of their names and in order, with the person as they were before it."""
    population, seen = Population(), list[Entry]()
    for entry in entries:
        before = population.customer(entry.customer)
        if not entry.moment.late:
            after = reordered(before, lambda name: [one for one in seen if one.customer == name])
            population.put_in_order(before, after)
            before = after
        yield before, entry
        seen.append(entry)
        population.fold(entry)


def find(entries: Iterable[Entry], decision: str) -> tuple[Customer, Entry] | None:
    """The entry of this decision, and the person before it; ``None`` when it is not among their entries."""
    return next((one for one in walk(entries) if any(made.id == decision for made in one[1].decisions)), None)


def why(
    strategy: Strategy, world: World | None, before: Customer, entry: Entry, decision: str, key: bytes, language: str
) -> Why:
    """Explain this decision of this entry, given the person before it and the world that it saw (if still known)."""
    logged = next(one for one in entry.decisions if one.id == decision)
    happened = fold(before, replace(entry, decisions=()))
    experiment = _Experiment(strategy, world, happened, entry, logged, key)
    again = world is not None and world.strategy == strategy.version and experiment.decide(happened) == logged
    woken = strategy.woken_by(entry.moment.kind, logged.audience)
    purposes = {use.purpose: use for use in entry.uses if use.purpose in woken and not use.by}
    read = {
        category: tuple([name for name, use in purposes.items() if category in use.categories])
        for use in purposes.values()
        for category in use.categories
    }
    found = {spoken: list(experiment.used(read, spoken, again=again)) for spoken in LANGUAGES}
    spot, title = entry.moment.at, ""
    if isinstance(logged, Show) and logged.action in strategy.actions:
        title = compose(strategy, logged, language, place=spot.place if spot is not None else "").title
    return Why(
        logged.id,
        entry.moment.id,
        entry.received_at,
        logged.audience,
        "show" if isinstance(logged, Show) else "silence",
        title,
        {spoken: plain(logged, found[spoken], spoken) for spoken in LANGUAGES},
        tuple(found[language]),
        tuple(sorted({one.detail for one in logged.refusals if one.reason == "consent"})),
        {name: happened.consents[name].record for name in purposes if name in happened.consents},
        again,
        strategy.version,
        entry.world,
        strategy.brand.controller.email if strategy.brand.controller is not None else "",
        _links(entry.customer, logged),
    )


def plain(decision: Decision, used: Iterable[UsedData], language: str) -> str:
    """One sentence of at most :data:`WORDS_LIMIT` words: what the decision changes without, by :data:`FIRST`."""
    if not isinstance(decision, Show):
        return typeset(sentence(decision, language), language)
    used = list(used)
    counted = [one for one in used if one.change not in ("same", "")] or [one for one in used if not one.datum]
    finer = {one.category for one in counted if one.datum}
    named = [one for one in counted if one.datum or one.category not in finer]
    named.sort(key=lambda one: FIRST.index(one.origin))
    for many in range(min(NAMED, len(named)), 0, -1):
        *others, last = [one.what for one in named[:many]]
        what = _TOGETHER[language].join([", ".join(others), last]) if others else last
        text = typeset(RELIES[language].format(this=THIS[decision.audience][language], what=what), language)
        if count_words(text) <= WORDS_LIMIT:
            return text
    return typeset(NOTHING[language].format(this=THIS[decision.audience][language]), language)


def changed(before: Decision, after: Decision | None) -> Change:
    """What became of a decision."""
    if not isinstance(before, Show):
        return "shown" if isinstance(after, Show) else "same"
    if not isinstance(after, Show):
        return "gone"
    if any(getattr(before, one) != getattr(after, one) for one in ("action", "family", "product", "facts", "figures")):
        return "other"
    then, now = (before.p_shown, before.p_response), (after.p_shown, after.p_response)
    return "same" if then == now else "less" if now < then else "more"


class _Experiment(Struct, frozen=True):
    """A decision that can be taken again: who the person was, what happened, in which world, with which dice."""

    strategy: Strategy
    world: World | None
    happened: Customer
    entry: Entry
    logged: Decision
    key: bytes

    def decide(self, customer: Customer, hidden: frozenset[str] = frozenset()) -> Decision | None:
        """The decision for this person, of whom these categories are not seen."""
        assert self.world is not None
        moment, received_s = self.entry.moment, self.entry.received_at.timestamp()
        views = Views(fresh(self.strategy.brand, customer, received_s), moment, received_s, without=hidden)
        decisions = decide(self.strategy, self.world, views, moment, self.key)[0]
        return next((one for one in decisions if one.audience == self.logged.audience), None)

    def used(self, read: Mapping[str, tuple[str, ...]], language: str, *, again: bool) -> Iterator[UsedData]:
        """What was read, each decided without (where that can be): the kinds of data, then the data that count."""
        for category, purposes in sorted(read.items()):
            change = changed(self.logged, self.decide(self.happened, frozenset((category,)))) if again else ""
            origin: Origin = "declared" if category == "preferences" else "observed"
            day, what = self._day(category), WHAT[category][language]
            whole = UsedData(category, "", origin, what, purposes, day, change)
            yield _with_words(whole, self.logged.audience, language)
            for datum, its_origin, its_words, other in self._data(category, language):
                change = changed(self.logged, self.decide(other)) if again else ""
                if change != "same":
                    one = UsedData(category, datum, its_origin, its_words, purposes, self._day(category, datum), change)
                    yield _with_words(one, self.logged.audience, language)

    def _data(self, category: str, language: str) -> Iterator[Datum]:
        person, strategy = self.happened, self.strategy
        match category:
            case "purchases":
                yield from self._purchases(language)
            case "preferences":
                for trait in person.preferences:
                    called = strategy.brand.trait_name(trait, language)
                    what = _words("called", language) if trait == NAME else _words("trait", language, called)
                    others = {name: value for name, value in person.preferences.items() if name != trait}
                    yield f"trait/{trait}", "declared", what, replace(person, preferences=others)
            case "home":
                for family in [name for name in self._families() if name in person.home]:
                    home = {name: stock for name, stock in person.home.items() if name != family}
                    what = _words("home", language, family_name(strategy, family, language))
                    yield f"home/{family}", "observed", what, replace(person, home=home)
            case "numbers" if isinstance(self.entry.moment, Measured):
                measure = self.entry.moment.measure
                numbers = {name: number for name, number in person.numbers.items() if name != measure}
                yield f"number/{measure}", "observed", _words("number", language), replace(person, numbers=numbers)
            case "orders":
                for order in person.orders:
                    orders = tuple([one for one in person.orders if one.key != order.key])
                    what = _words("order", language, product_name(strategy, order.product, language))
                    yield f"order/{order.key}", "observed", what, replace(person, orders=orders)
                for reward in person.rewards:
                    rewards = tuple([one for one in person.rewards if one.code != reward.code])
                    what = _words("reward", language)
                    yield f"reward/{reward.action}", "observed", what, replace(person, rewards=rewards)
            case _:
                return

    def _purchases(self, language: str) -> Iterator[Datum]:
        person = self.happened
        for family in self._families():
            name = family_name(self.strategy, family, language)
            if family in person.purchases.rows:
                forgotten = replace(person, purchases=without(person.purchases, family))
                yield f"habit/{family}", "observed", _words("habit", language, name), forgotten
            if any(one.family == family for one in self.logged.known):
                service = replace(person.service, wrong=(*person.service.wrong, family))
                yield f"need/{family}", "inferred", _words("need", language, name), replace(person, service=service)

    def _families(self) -> list[str]:
        if not isinstance(self.logged, Show):
            return []
        needs = [fact.subject for fact in self.logged.facts if fact.kind == "need"]
        return list(dict.fromkeys([*([self.logged.family] if self.logged.family else []), *needs]))

    def _day(self, category: str, datum: str = "") -> str:
        person, moment, at = self.happened, self.entry.moment, 0.0
        kind, _, name = datum.partition("/")
        if kind in ("habit", "need") and (row := person.purchases.rows.get(name)) is not None:
            habit = HABIT.unpack_from(person.purchases.table, row * HABIT.size)
            return (EPOCH + timedelta(days=int(habit[LOCAL_DAY]))).isoformat()
        if kind == "home":
            at = person.home[name].at
        elif kind == "order":
            at = next(order.at for order in person.orders if order.key == name)
        elif moment.category == category and kind in ("", "number"):
            at = moment.occurred_at.timestamp()
        return datetime.fromtimestamp(at, UTC).date().isoformat() if at else ""


def _with_words(used: UsedData, audience: str, language: str) -> UsedData:
    if not used.change:
        return used
    text = CHANGED[language][used.change].format(this=THIS[audience][language], what=used.what)
    return replace(used, without=typeset(text, language))


def _words(kind: str, language: str, name: str = "") -> str:
    return _DATA[kind][language].format(name=clipped(name, 28, 4))


def _links(name: str, decision: Decision) -> dict[str, str]:
    here = f"/v1/people/{quote(name, safe='')}"
    contest = f"{here}/decisions/{decision.id}/contest"
    found = {"correct": f"{here}/corrections", "contest": contest, "erase": f"{here}/erase"}
    return found | ({"withdraw": f"{here}/purposes/{decision.purpose}"} if decision.purpose else {})
