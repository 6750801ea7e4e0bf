"""Why a card was shown, in full.

The data that it came from, and what would have changed it, found by deciding again without each of them.

Nothing here is written by hand for a card: each line is an experiment on the person as they were, in the world as it
was, with the same dice. What is named as a reason is what the decision changes without. Asked for, never made at the
moment itself.
"""

from collections.abc import Callable, Iterable, Iterator
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
from visavis.customers.identity import apply_entry
from visavis.decide.brief_facts import NAME
from visavis.decide.explain import sentence
from visavis.engine import decide
from visavis.ledger.personal_view import WHAT
from visavis.model.customer import Customer, newborn
from visavis.model.decision import Decision, Origin, Show
from visavis.model.entry import Entry
from visavis.model.habit import HABIT, LOCAL_DAY
from visavis.model.moment import Measured
from visavis.model.world import World
from visavis.strategy.read import Strategy

Change = Literal["gone", "shown", "other", "less", "more", "same"]
LANGUAGES: Final = ("fr", "en")
WORDS_LIMIT: Final = 25
NAMED: Final = 3
"""How many data a sentence names at most: it is read at a glance."""
FIRST: Final[tuple[Origin, ...]] = ("declared", "observed", "inferred")
"""What the person said comes before what was seen, and what was concluded comes last."""
THIS: Final = {
    "customer": {"fr": "cette carte", "en": "this card"},
    "adviser": {"fr": "cette fiche", "en": "this brief"},
}
NOTHING: Final = {"fr": "{this} ne s'appuie sur aucune de vos données.", "en": "{this} relies on none of your data."}
RELIES: Final = {"fr": "{this} s'appuie sur {what}.", "en": "{this} relies on {what}."}
CHANGED: Final[dict[Change, dict[str, str]]] = {
    "gone": {
        "fr": "Sans {what}, {this} ne serait pas apparue.",
        "en": "Without {what}, {this} would not have appeared.",
    },
    "shown": {
        "fr": "Sans {what}, quelque chose vous aurait été dit.",
        "en": "Without {what}, something would have been said.",
    },
    "other": {
        "fr": "Sans {what}, {this} aurait dit autre chose.",
        "en": "Without {what}, {this} would have said something else.",
    },
    "less": {
        "fr": "Sans {what}, {this} aurait eu moins de raisons d'apparaître.",
        "en": "Without {what}, {this} would have had less reason to appear.",
    },
    "more": {
        "fr": "Sans {what}, {this} aurait eu plus de raisons d'apparaître.",
        "en": "Without {what}, {this} would have had more reason to appear.",
    },
    "same": {"fr": "Sans {what}, rien n'aurait changé.", "en": "Without {what}, nothing would have changed."},
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
    """One kind of data that the decision read (``datum`` empty), or one of the data in it, by its name.

    What it is, where it comes from, for which purposes.

    ``day`` is when it was last seen, where that is one day (ISO 8601). ``change`` is what deciding again without it
    came to, ``without`` says it; both are empty when it could not be decided again.
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
    """One decision explained.

    ``plain`` is one sentence in each language; ``withheld`` the purposes that were closed, of which nothing was read.

    ``records`` are the choices that opened the purposes; ``again`` whether it could be decided again with the rules and
    the knowledge that it saw; ``contact`` reaches somebody, ``links`` are where the person corrects, withdraws,
    contests and erases.
    """

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


Again = Callable[[Customer, frozenset[str]], Decision | None]
"""Decide again for this person, of whom these categories are not seen."""


def walk(entries: Iterable[Entry]) -> Iterator[tuple[Customer, Entry]]:
    """Every entry of one person, under all of their names and in order, with the person as they were before it."""
    people, identified = dict[str, Customer](), dict[str, str]()
    for entry in entries:
        before = people.get(entry.customer) or newborn(entry.customer)
        yield before, entry
        apply_entry(people, identified, entry, fold(before, entry))


def find(entries: Iterable[Entry], decision: str) -> tuple[Customer, Entry] | None:
    """The entry of this decision, and the person as they were before it.

    ``None`` when it is not among their entries.
    """
    return next(
        ((before, entry) for before, entry in walk(entries) if any(one.id == decision for one in entry.decisions)), None
    )


def why(
    strategy: Strategy, world: World | None, before: Customer, entry: Entry, decision: str, key: bytes, language: str
) -> Why:
    """Explain this decision of this entry.

    ``before`` is the person before it; ``world`` the one that it saw, ``None`` when it is not known any more.
    """
    logged = next(one for one in entry.decisions if one.id == decision)
    happened = fold(before, replace(entry, decisions=()))

    def again(customer: Customer, hidden: frozenset[str]) -> Decision | None:
        assert world is not None
        views = Views(customer, entry.moment, entry.received_at.timestamp(), without=hidden)
        return next(
            (one for one in decide(strategy, world, views, entry.moment, key)[0] if one.audience == logged.audience),
            None,
        )

    known = world is not None and world.strategy == strategy.version and again(happened, frozenset()) == logged
    woken = strategy.woken_by(entry.moment.kind, logged.audience)
    purposes = {use.purpose: use for use in entry.uses if use.purpose in woken and not use.by}
    read = {
        category: tuple([name for name, use in purposes.items() if category in use.categories])
        for use in purposes.values()
        for category in use.categories
    }
    found = {
        spoken: _used(strategy, logged, happened, entry, read, again if known else None, spoken) for spoken in LANGUAGES
    }
    spot = entry.moment.at
    shown = isinstance(logged, Show)
    title = (
        compose(strategy, logged, language, place=spot.place if spot is not None else "").title
        if isinstance(logged, Show) and logged.action in strategy.actions
        else ""
    )
    return Why(
        logged.id,
        entry.moment.id,
        entry.received_at,
        logged.audience,
        "show" if shown else "silence",
        title,
        {spoken: plain(logged, found[spoken], spoken) for spoken in LANGUAGES},
        tuple(found[language]),
        tuple(sorted({one.detail for one in logged.refusals if one.reason == "consent"})),
        {name: happened.consents[name].record for name in purposes if name in happened.consents},
        known,
        strategy.version,
        entry.world,
        strategy.brand.controller.email if strategy.brand.controller is not None else "",
        _links(entry.customer, logged),
    )


def plain(decision: Decision, used: Iterable[UsedData], language: str) -> str:
    """One sentence of at most :data:`WORDS_LIMIT` words.

    What the decision changes without, what the person said first, what was concluded last.
    """
    if not isinstance(decision, Show):
        return typeset(sentence(decision, language), language)
    used = list(used)
    counted = [one for one in used if one.change not in ("same", "")] or [one for one in used if not one.datum]
    finer = {one.category for one in counted if one.datum}
    named = sorted(
        [one for one in counted if one.datum or one.category not in finer], key=lambda one: FIRST.index(one.origin)
    )
    for many in range(min(NAMED, len(named)), 0, -1):
        *others, last = [one.what for one in named[:many]]
        what = _TOGETHER[language].join([", ".join(others), last]) if others else last
        said = typeset(RELIES[language].format(this=THIS[decision.audience][language], what=what), language)
        if count_words(said) <= WORDS_LIMIT:
            return said
    return typeset(NOTHING[language].format(this=THIS[decision.audience][language]), language)


def _used(
    strategy: Strategy,
    logged: Decision,
    happened: Customer,
    entry: Entry,
    read: dict[str, tuple[str, ...]],
    again: Again | None,
    language: str,
) -> list[UsedData]:
    """What was read, each decided without: the kinds of data, then the data in them that count."""
    found: list[UsedData] = []
    for category, purposes in sorted(read.items()):
        change = changed(logged, again(happened, frozenset((category,)))) if again is not None else ""
        origin: Origin = "declared" if category == "preferences" else "observed"
        kind = UsedData(
            category, "", origin, WHAT[category][language], purposes, _day(happened, entry, category, ""), change
        )
        found.append(_told(logged, kind, language))
        for datum, origin, what, other in _data(strategy, logged, happened, entry, category, language):
            change = changed(logged, again(other, frozenset())) if again is not None else ""
            if change != "same":
                found.append(
                    _told(
                        logged,
                        UsedData(
                            category, datum, origin, what, purposes, _day(happened, entry, category, datum), change
                        ),
                        language,
                    )
                )
    return found


def _told(logged: Decision, used: UsedData, language: str) -> UsedData:
    if not used.change:
        return used
    return replace(
        used,
        without=typeset(
            CHANGED[used.change][language].format(this=THIS[logged.audience][language], what=used.what), language
        ),
    )


def changed(before: Decision, after: Decision | None) -> Change:
    """What became of a decision."""
    if not isinstance(before, Show):
        return "shown" if isinstance(after, Show) else "same"
    if not isinstance(after, Show):
        return "gone"
    if (before.action, before.family, before.product, before.facts, before.figures) != (
        after.action,
        after.family,
        after.product,
        after.facts,
        after.figures,
    ):
        return "other"
    if (before.p_shown, before.p_response) == (after.p_shown, after.p_response):
        return "same"
    return "less" if (after.p_shown, after.p_response) < (before.p_shown, before.p_response) else "more"


def _data(
    strategy: Strategy, logged: Decision, person: Customer, entry: Entry, category: str, language: str
) -> Iterator[tuple[str, Origin, str, Customer]]:
    """The single data of this category that this decision may have come from.

    Name, origin, words, and the person without it.
    """

    def words(kind: str, name: str = "") -> str:
        return _DATA[kind][language].format(name=clipped(name, 28, 4))

    facts = logged.facts if isinstance(logged, Show) else ()
    families = [logged.family] if isinstance(logged, Show) and logged.family else []
    families += [fact.subject for fact in facts if fact.kind == "need" and fact.subject not in families]
    match category:
        case "purchases":
            for family in families:
                name = family_name(strategy, family, language)
                if family in person.purchases.rows:
                    yield (
                        f"habit/{family}",
                        "observed",
                        words("habit", name),
                        replace(person, purchases=without(person.purchases, family)),
                    )
                if any(one.family == family for one in logged.known):
                    service = replace(person.service, wrong=(*person.service.wrong, family))
                    yield f"need/{family}", "inferred", words("need", name), replace(person, service=service)
        case "preferences":
            for trait in person.preferences:
                said = (
                    words("called")
                    if trait == NAME
                    else words("trait", strategy.brand.traits.get(trait, {}).get(language, trait))
                )
                others = {name: value for name, value in person.preferences.items() if name != trait}
                yield f"trait/{trait}", "declared", said, replace(person, preferences=others)
        case "home":
            for family in [name for name in families if name in person.home]:
                others_home = {name: stock for name, stock in person.home.items() if name != family}
                yield (
                    f"home/{family}",
                    "observed",
                    words("home", family_name(strategy, family, language)),
                    replace(person, home=others_home),
                )
        case "numbers" if isinstance(entry.moment, Measured):
            others_numbers = {name: number for name, number in person.numbers.items() if name != entry.moment.measure}
            yield f"number/{entry.moment.measure}", "observed", words("number"), replace(person, numbers=others_numbers)
        case "orders":
            for order in person.orders:
                kept = tuple([one for one in person.orders if one.key != order.key])
                yield (
                    f"order/{order.key}",
                    "observed",
                    words("order", product_name(strategy, order.product, language)),
                    replace(person, orders=kept),
                )
            for reward in person.rewards:
                left = tuple([one for one in person.rewards if one.code != reward.code])
                yield f"reward/{reward.action}", "observed", words("reward"), replace(person, rewards=left)
        case _:
            return


def _day(person: Customer, entry: Entry, category: str, datum: str) -> str:
    kind, _, name = datum.partition("/")
    at = 0.0
    if kind in ("habit", "need") and (row := person.purchases.rows.get(name)) is not None:
        return (
            EPOCH + timedelta(days=int(HABIT.unpack_from(person.purchases.table, row * HABIT.size)[LOCAL_DAY]))
        ).isoformat()
    if kind == "home":
        at = person.home[name].at
    elif kind == "order":
        at = next(order.at for order in person.orders if order.key == name)
    elif entry.moment.category == category and kind in ("", "number"):
        at = entry.moment.occurred_at.timestamp()
    return datetime.fromtimestamp(at, UTC).date().isoformat() if at else ""


def _links(name: str, decision: Decision) -> dict[str, str]:
    here = f"/v1/people/{quote(name, safe='')}"
    found = {
        "correct": f"{here}/corrections",
        "contest": f"{here}/decisions/{decision.id}/contest",
        "erase": f"{here}/erase",
    }
    return found | ({"withdraw": f"{here}/purposes/{decision.purpose}"} if decision.purpose else {})
