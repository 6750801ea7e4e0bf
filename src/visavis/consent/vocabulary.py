"""What a moment may name: declared traits and measures, known products and places, else their codes; no free text."""

from typing import Final

from visavis.model.errors import Invalid
from visavis.model.gs1 import gtin, read
from visavis.model.ids import has_form
from visavis.model.moment import Bought, Declared, Measured, Moment, Paying
from visavis.strategy.brand import FIRST_NAME, Brand
from visavis.strategy.read import Strategy

FIRST_NAME_LIMIT: Final = 60
GLN_LENGTH: Final = 13
"""A GS1 number of a place has as many digits as a GTIN-13, and the same check digit."""


def undeclared(strategy: Strategy, moment: Moment) -> str:
    """What to do about a name that the strategy does not declare and that has no form of a code; empty: all may come.

    What was sent is not repeated: it may be personal.
    """
    if isinstance(moment, Declared):
        return _trait(strategy.brand, moment)
    if isinstance(moment, Measured):
        return _measure(strategy.brand, moment)
    if (place := unknown_place(strategy, moment)) and not _is_place(strategy.brand, place):
        known = ", ".join(strategy.places)
        return f"`place` is not one of the brand's and no code of one. Known: {known}; see `place_ids` in brand.toml."
    if any(not is_product(strategy.brand, product) for product in unknown_products(strategy, moment)):
        return "A product is named by its id in products.csv, a GTIN, or a form of `product_ids` in brand.toml."
    return ""


def unknown_place(strategy: Strategy, moment: Moment) -> str:
    """The place of this moment, if it is none of the brand's; else empty."""
    place: str = getattr(moment, "place", "")
    return "" if place in strategy.places else place


def unknown_products(strategy: Strategy, moment: Moment) -> list[str]:
    """The products of this moment that are not in the catalogue, as they were named."""
    if isinstance(moment, Paying | Bought):
        return [line.product for line in moment.lines if line.product not in strategy.products]
    product: str = getattr(moment, "product", "")
    return [product] if product and product not in strategy.products else []


def is_product(brand: Brand, code: str) -> bool:
    """Whether this is a product's code: a GTIN in any of GS1's spellings, or a form of the brand's own."""
    if has_form(brand.product_ids, code):
        return True
    try:
        return bool(read(code))
    except Invalid:
        return False


def _is_place(brand: Brand, code: str) -> bool:
    if has_form(brand.place_ids, code):
        return True
    try:
        return len(code) == GLN_LENGTH and bool(gtin(code))
    except Invalid:
        return False


def _trait(brand: Brand, moment: Declared) -> str:
    if moment.trait == FIRST_NAME:
        valid = moment.value is None or (isinstance(moment.value, str) and len(moment.value) <= FIRST_NAME_LIMIT)
        return "" if valid else f"`{FIRST_NAME}` is a text of at most {FIRST_NAME_LIMIT} characters."
    trait = brand.traits.get(moment.trait)
    if trait is None:
        return f"The strategy does not declare this trait. Declared: {', '.join((FIRST_NAME, *brand.traits))}."
    if isinstance(moment.value, str) and moment.value not in trait.values:
        values = ", ".join(trait.values) or "true, false, or a number"
        return f"`{moment.trait}` does not have this value. Declared: {values}."
    return ""


def _measure(brand: Brand, moment: Measured) -> str:
    units = brand.measures.get(moment.measure)
    if units is None:
        return f"The strategy does not declare this measure. Declared: {', '.join(brand.measures)}."
    if moment.unit and moment.unit not in units:
        return f"`{moment.measure}` is not measured in this unit. Declared: {', '.join(units) or 'none'}."
    return ""
