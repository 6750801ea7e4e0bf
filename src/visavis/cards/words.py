"""Names and amounts as people say them. What people see is never ``FLUID MILK WHITE ONLY``."""

import re
from functools import lru_cache
from typing import Final

from babel.numbers import format_currency

from visavis.strategy.read import Strategy

NARROW_SPACE: Final = "\u202f"
WIDE_SPACE: Final = "\u00a0"
_JARGON: Final = {
    "FRZN": "frozen", "SFT": "soft", "DRNK": "drink", "DRNKS": "drinks", "BTL": "bottle", "CHOC": "chocolate", "SS": "", "MISC": "other", "RTS": "",
    "FRSH": "fresh", "VEG": "vegetable", "CHIX": "chicken", "SW": "sweet", "GDS": "goods", "BRD": "bread", "CND": "canned", "INCL": "", "EXCP": "",
    "EX": "", "ALL": "", "W": "with", "BULK&BAG": "", "CAN": "canned", "PK": "pack", "REFRIG": "chilled", "REFRIGERATED": "chilled",
}  # fmt: skip


@lru_cache(maxsize=4096)
def amount(cents: int, currency: str, language: str) -> str:
    """An amount as people of that language write it. Cached: one uncached call to Babel costs about 45 µs.

    >>> amount(349, "USD", "en"), amount(349, "EUR", "fr")
    ('$3.49', '3,49\\xa0€')
    """
    return format_currency(cents / 100, currency, locale=language)


@lru_cache(maxsize=4096)
def tidy(jargon: str) -> str:
    """A retailer's code as plain words: the fallback for a family that nobody named by hand.

    >>> tidy("SFT DRNK SNGL SRV BTL CARB (EX"), tidy("CAKES: CUPCAKES"), tidy("12345")
    ('soft drink sngl srv bottle carb', 'cupcakes', '12345')
    """
    text = re.sub(r"\([^)]*\)?|\d+/\d\S*", " ", jargon)
    text = text.rsplit(":", 1)[-1] if text.rsplit(":", 1)[-1].strip() else text.replace(":", " ")
    words = [_JARGON.get(word, word.lower()) for word in re.split(r"[\s/,\-]+", text.upper()) if word]
    return " ".join(word for word in words if word and word != "&").strip(" .&") or jargon.strip().lower()


def family_name(strategy: Strategy, family: str, language: str) -> str:
    """The family under the name people use; by hand where the strategy has one, else tidied."""
    named = strategy.families.get(family)
    if named is not None:
        return named.name_fr if language == "fr" else named.name_en
    alone = strategy.products.get(family)
    if alone is not None and (alone.name_fr or alone.name_en):
        return (alone.name_fr if language == "fr" else alone.name_en) or alone.name_en or alone.name_fr
    return tidy(family)


def product_name(strategy: Strategy, product: str, language: str) -> str:
    """The product's own name; a product without one is called by its family."""
    found = strategy.products.get(product)
    if found is None:
        return tidy(product)
    name = found.name_fr if language == "fr" else found.name_en
    return name or family_name(strategy, found.family, language)


def capital(text: str) -> str:
    """The text with its first letter large, the rest untouched.

    >>> capital("œufs"), capital("")
    ('Œufs', '')
    """
    return text[:1].upper() + text[1:]


def french(text: str) -> str:
    """French spacing: a narrow no-break space before ? ! ; and a no-break space before : and inside « ».

    >>> french("Rien oublié ? Lait : 2") == "Rien oublié\\u202f? Lait\\xa0: 2"
    True
    """
    text = re.sub(r"\s*([?!;])", NARROW_SPACE + r"\1", text)
    text = re.sub(r"\s+:", WIDE_SPACE + ":", text)
    return re.sub(r"«\s*", "«" + WIDE_SPACE, re.sub(r"\s*»", WIDE_SPACE + "»", text))
