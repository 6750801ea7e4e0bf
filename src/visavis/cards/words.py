"""Names, amounts, numbers and days as people write them."""

from copy import copy
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal
from babel.units import format_unit

from visavis.cards.readable_names import readable_name
from visavis.model.money import minor_digits
from visavis.strategy.read import Strategy

EPOCH: Final = date(1970, 1, 1)
YEAR_DAYS: Final = 365
_NEAR: Final = {"fr": {-1: "hier", 0: "aujourd’hui", 1: "demain"}, "en": {-1: "yesterday", 0: "today", 1: "tomorrow"}}


@lru_cache(maxsize=4096)
def amount(cents: int, currency: str, language: str) -> str:
    r"""An amount in minor units as people of that language write it. Cached: one call to Babel costs about 45 µs.

    >>> amount(349, "USD", "en"), amount(349, "EUR", "fr"), amount(349, "JPY", "en"), amount(349, "TND", "fr")
    ('$3.49', '3,49\xa0€', '¥349', '0,349\xa0TND')
    """
    digits = minor_digits(currency)
    pattern = copy(Locale.parse(language).currency_formats["standard"])
    pattern.frac_prec = digits, digits
    return str(pattern.apply(Decimal(cents).scaleb(-digits), language, currency=currency, currency_digits=False))


def figure(value: float | None, language: str) -> str:
    r"""A number as people of that language write it; empty when not known.

    >>> figure(1.25, "fr"), figure(2.0, "en")
    ('1,25', '2')
    """
    return "" if value is None else format_decimal(value, locale=language)


_PARTS: Final = {
    0.25: {"fr": "un quart", "en": "a quarter"},
    0.5: {"fr": "la moitié", "en": "half"},
    0.75: {"fr": "les trois quarts", "en": "three quarters"},
}


def left(units: float | None, language: str) -> str:
    """What is left at home, in words: a part to the nearest quarter, else a number; empty when nothing or not known.

    >>> left(0.5, "fr"), left(2.0, "en"), left(0.0, "en")
    ('la moitié', '2', '')
    """
    if not units:
        return ""
    part = round(min(max(units, 0.25), 0.75) * 4) / 4
    return _PARTS[part][language] if units < 0.875 else figure(round(units), language)


@lru_cache(maxsize=1024)
def span(days: int, language: str) -> str:
    r"""A number of days in words.

    >>> span(1, "fr"), span(3, "fr"), span(3, "en")
    ('1\xa0jour', '3\xa0jours', '3\xa0days')
    """
    return format_unit(days, "duration-day", locale=language).replace(" ", "\u00a0")


@lru_cache(maxsize=1024)
def day(local_day: int, today: int, language: str) -> str:
    r"""A local day (days since 1970-01-01) as said on the day ``today``: by name in the week to come, else by date.

    A date that is not within twelve months says its year.

    >>> day(20_001, 20_000, "fr"), day(20_003, 20_000, "en"), day(20_030, 20_000, "fr"), day(20_400, 20_000, "en")
    ('demain', 'Monday', '3\xa0novembre', 'November\xa08,\xa02025')
    """
    ahead = local_day - today
    if ahead in _NEAR[language]:
        return _NEAR[language][ahead]
    there = EPOCH + timedelta(days=local_day)
    if 0 < ahead < 7:
        return format_date(there, "EEEE", locale=language)
    skeleton = "MMMMd" if abs(ahead) < YEAR_DAYS else "yMMMMd"
    written = format_skeleton(skeleton, there, locale=language).replace(" ", "\u00a0")
    return written.replace("1\u00a0", "1er\u00a0", 1) if language == "fr" and there.day == 1 else written


@lru_cache(maxsize=1024)
def since(local_day: int, today: int, language: str) -> str:
    r"""A past local day as one says it after *since*: by its name in the week gone by, else by its date.

    >>> since(19_999, 20_000, "fr"), since(19_997, 20_000, "en"), since(19_970, 20_000, "fr")
    ('hier', 'Tuesday', 'le 4\xa0septembre')
    """
    if -7 < local_day - today < -1:
        return format_date(EPOCH + timedelta(days=local_day), "EEEE", locale=language)
    written = day(local_day, today, language)
    return f"le {written}" if language == "fr" and written[:1].isdigit() else written


def family_name(strategy: Strategy, family: str, language: str) -> str:
    """The family's name in the strategy, the product's when it is its own family, else a readable form of its key."""
    named = strategy.families.get(family) or strategy.products.get(family)
    if named is not None:
        name = (named.name_fr or named.name_en) if language == "fr" else (named.name_en or named.name_fr)
        if name:
            return name
    return readable_name(family)


def product_name(strategy: Strategy, product: str, language: str) -> str:
    """The product's own name; a product without one is called by its family."""
    found = strategy.products.get(product)
    if found is None:
        return readable_name(product)
    name = (found.name_fr or found.name_en) if language == "fr" else (found.name_en or found.name_fr)
    return name or family_name(strategy, found.family, language)
