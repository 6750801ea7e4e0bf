"""What each purpose brought one person or, when it is off, would have brought; and when it is less than expected."""

from collections.abc import Iterable
from typing import Final, Literal

from babel.numbers import format_decimal
from msgspec import Struct

from visavis.cards.typography import typeset
from visavis.cards.words import amount
from visavis.consent.gate import open_categories
from visavis.explain.accounts import Accounts, Average, Gains
from visavis.explain.what_if import WhatIf, recent, would
from visavis.model.entry import Entry
from visavis.runtime.loop import Processor

Kind = Literal["own", "less", "replay", "average", "none"]


class Benefit(Struct, frozen=True):
    """One purpose on the person's own page: what it brought, or would have; ``text`` says which, in words."""

    purpose: str
    on: bool
    kind: Kind
    text: str
    cents: int = 0
    useful: int = 0
    orders: int = 0
    shown: int = 0


def benefits(
    processor: Processor, accounts: Accounts, customer: str, entries: Iterable[Entry], language: str
) -> list[Benefit]:
    """Every purpose that this person may choose: what it brought; for one that is off, what it would have."""
    strategy, person, now = processor.strategy, processor.customer(customer), processor.clock.now()
    now_s, account, days = now.timestamp(), accounts.of(processor.names(customer)), recent(entries, now)
    found = []
    for purpose in strategy.purposes.values():
        if purpose.basis != "consent":
            continue
        on = bool(open_categories(person, purpose, now_s))
        brought = account.brought.get(purpose.key, Gains())
        less = on and account.less_than_promised(purpose.key, now)
        maybe = None
        if days is not None and not on and not person.restricted:
            maybe = would(strategy, processor.world, days, purpose, processor.randomization_key)
        average = accounts.average(purpose, processor.customer, now_s) if not on and maybe is None else None
        kind, text = described(brought, maybe, average, strategy.brand.currency, language, on=on, less=less)
        found.append(Benefit(purpose.key, on, kind, text, brought.cents, brought.useful, brought.orders, brought.shown))
    return found


_NONE: Final = {"fr": "Rien pour l'instant.", "en": "None so far."}
_LESS: Final = {
    "fr": "Moins que prévu, trois mois de suite : {what}.",
    "en": "Less than expected, three months in a row: {what}.",
}
_WOULD: Final = {
    "fr": "Aurait donné, ces 30 derniers jours : {what}.",
    "en": "Would have given, in your last 30 days: {what}.",
}
_WOULD_NOT: Final = {
    "fr": "N'aurait rien changé ces 30 derniers jours.",
    "en": "Would have changed nothing in your last 30 days.",
}
_AVERAGE: Final = {
    "fr": "En moyenne, chez celles et ceux qui l'ont ouvert : {what}.",
    "en": "On average, for those who opened it: {what}.",
}
_USED: Final = {"fr": "{sum} en caisse", "en": "{sum} at the till"}
_ABOUT: Final = {"fr": "environ {sum}", "en": "about {sum}"}
_COUNTS: Final = {
    "useful": {"fr": ("{n} carte utile", "{n} cartes utiles"), "en": ("{n} useful card", "{n} useful cards")},
    "cards": {"fr": ("{n} carte", "{n} cartes"), "en": ("{n} card", "{n} cards")},
    "orders": {"fr": ("{n} commande", "{n} commandes"), "en": ("{n} order", "{n} orders")},
}


def described(
    brought: Gains, maybe: WhatIf | None, average: Average | None, currency: str, language: str, *, on: bool, less: bool
) -> tuple[Kind, str]:
    r"""Which kind of figure one purpose has, and the words for it.

    >>> described(Gains(cents=250, redeemed=1, useful=3), None, None, "EUR", "en", on=True, less=False)
    ('own', '€2.50 at the till, 3 useful cards.')
    >>> described(Gains(), None, Average(40, 1.25), "EUR", "en", on=False, less=False)
    ('average', 'On average, for those who opened it: about\xa0€0.40, 1.2 useful cards.')
    >>> described(Gains(), None, None, "EUR", "en", on=False, less=False)
    ('none', 'None so far.')
    """
    parts = [_USED[language].format(sum=amount(brought.cents, currency, language))] if brought.cents else []
    parts += [_count(what, n, language) for what, n in (("orders", brought.orders), ("useful", brought.useful)) if n]
    if less:
        return "less", typeset(_LESS[language].format(what=", ".join(parts) or _count("useful", 0, language)), language)
    if parts:
        return "own", typeset(", ".join(parts) + ".", language)
    if on or (maybe is None and average is None):
        return "none", typeset(_NONE[language], language)
    if maybe is not None:
        counts = [_count("cards", maybe.cards, language), *_about(maybe.cents, currency, language)]
        text = _WOULD[language].format(what=", ".join(counts)) if maybe.cards else _WOULD_NOT[language]
        return "replay", typeset(text, language)
    assert average is not None
    counts = [*_about(average.cents, currency, language), _count("useful", average.useful, language)]
    return "average", typeset(_AVERAGE[language].format(what=", ".join(counts)), language)


def _about(cents: int, currency: str, language: str) -> list[str]:
    return [_ABOUT[language].format(sum=amount(cents, currency, language))] if cents else []


def _count(what: str, n: float, language: str) -> str:
    one, many = _COUNTS[what][language]
    single = n < 2 if language == "fr" else n == 1
    return (one if single else many).format(n=format_decimal(n, "0.#", locale=language))
