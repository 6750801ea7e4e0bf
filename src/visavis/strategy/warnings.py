"""What can be used and is probably not meant: unused names, values of zero, names and prices that look wrong."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from statistics import median
from typing import Final
from unicodedata import normalize

from visavis.model.action import Action, Objective
from visavis.strategy.faults import Reading
from visavis.strategy.read import Strategy
from visavis.strategy.suggestion import suggestion
from visavis.strategy.tables import FAMILIES, PRODUCTS, rows

PRICES_LIMIT: Final = 5
"""Of fewer products no price looks absurd beside the others."""
_ALCOHOL: Final = (
    "alcools?|alcohol|alcoholic|spiritueux|spirits?|vins?|wines?|bieres?|beers?|ales?|lagers?|champagnes?|prosecco|cava"
    "|whisk(?:y|ies|eys?)|vodkas?|rhums?|rums?|gins?|tequilas?|cognacs?|armagnac|pastis|liqueurs?|liquors?|cidres?"
    "|vermouth|brandy|bourbon|scotch|schnapps|sake"
)
_TOBACCO: Final = (
    "tabacs?|tobacco|cigarettes?|cigares?|cigars?|cigarillos?|vapot\\w*|vap(?:e|es|ing)|e-?liquides?|snus|snuff"
)
_MEDICINE: Final = (
    "medicaments?|medicines?|medications?|drugs?|antidouleurs?|analgesi\\w+|paracetamol|ibuprof\\w+|aspirine?|doliprane"
    "|antiacides?|antacids?|antibioti\\w+|antihistamini\\w+|laxati\\w+|contracepti\\w+|somniferes?|homeopath\\w+"
    "|pharmacie|pharmacy|sirops? (?:contre|pour) la toux|cough"
)
_LOOKS: Final = {
    "alcohol": re.compile(rf"\b(?:{_ALCOHOL})\b"),
    "tobacco": re.compile(rf"\b(?:{_TOBACCO})\b"),
    "medicine": re.compile(rf"\b(?:{_MEDICINE})\b"),
}
_NOT_MEANT: Final = re.compile(
    r"\bvin(?:aigre|egar)|\bvinaigres? de|\bsauces?\b|\bsans alcool|\bnon[- ]alco|\balcohol[- ]free|\bgalettes?\b"
    r"|\b(?:root|ginger) beer|\bginger ale|\bgums?\b|\bchocolate\b|\bverres?\b|\bglass(?:es)?\b"
)
"""What has such a word in its name and is none: wine vinegar, beer without alcohol, ginger ale."""


def check(reading: Reading, strategy: Strategy, today: date) -> None:
    """Everything in a strategy without errors that deserves a second look; ``today`` tells what has expired."""
    for path, held in (("products.csv", strategy.products), ("places.geojson", strategy.places)):
        if not held:
            what = f"there are no {path.partition('.')[0]}"
            reading.warn(path, 1, what, "Moments name them, and cards say them: write some.")
    _unused(reading, strategy)
    _zeros(reading, strategy)
    for objective in strategy.objectives.values():
        _credit(reading, strategy, objective)
    for action in strategy.actions.values():
        _action(reading, strategy, action, today)
    for action in strategy.without_target:
        what = f"nothing delivers `{action.effect}`, so that this action is never shown"
        reading.warn(
            f"actions/{action.id}.toml", "effect", what, "Name it in webhooks.toml, and a target in the settings."
        )
    _never_push(reading, strategy)
    _families(reading, strategy)
    _products(reading, strategy)


def _unused(reading: Reading, strategy: Strategy) -> None:
    actions = strategy.actions.values()
    if not strategy.actions:
        reading.warn("actions", 1, "there is no action", "Nothing will ever be shown: write one in actions/NAME.toml.")
        return
    for name in strategy.objectives.keys() - {action.objective for action in actions}:
        reading.warn("objectives.toml", name, f"no action serves the objective `{name}`", "Drop it, or name it in one.")
    for name in strategy.purposes.keys() - {action.purpose for action in actions}:
        if strategy.purposes[name].basis == "consent":
            what = f"no action reads under the purpose `{name}`: its consent brings people nothing"
            reading.warn("purposes.toml", name, what, "Drop it, or name it in an action.")
    texts = [action.when + " " + action.product_when for action in actions]
    texts += [str(text) for text in (reading.toml("segments.toml", needed=False) or {}).values()]
    used = {name for text in texts for name in re.findall(r"\bsegment\.(\w+)", text)}
    for name in strategy.segments.keys() - used:
        reading.warn("segments.toml", name, f"no condition uses the segment `{name}`", "Drop it, or name it in one.")


def _zeros(reading: Reading, strategy: Strategy) -> None:
    brand, never = strategy.brand, "Nothing is ever shown for it: raise it, or drop it."
    if not brand.attention_units_per_day:
        what = "`attention_units_per_day` is 0: customers are never shown anything"
        reading.warn("brand.toml", "attention_units_per_day", what, "A glance costs about one unit.")
    if (brand.quiet_until_h - brand.quiet_from_h) >= 24:
        reading.warn("brand.toml", "quiet_from_h", "every hour is quiet: nothing may interrupt", "Shorten the night.")
    for name, objective in strategy.objectives.items():
        if not objective.value_cents:
            reading.warn("objectives.toml", (name, "value_cents"), f"the objective `{name}` is worth 0", never)
    for name, action in strategy.actions.items():
        path, limits = f"actions/{name}.toml", action.limits
        if not action.lever:
            reading.warn(path, "lever", "`lever` is 0: silence is always worth more", never)
        if not limits.per_day:
            reading.warn(path, ("limits", "per_day"), "`per_day` is 0: it may never be shown", never)


def _credit(reading: Reading, strategy: Strategy, objective: Objective) -> None:
    """An outcome that happens without any card, paid for as if the card had caused it."""
    if objective.credit != "response" or objective.outcome == "answered_yes":
        return
    advice = 'Write credit = "uplift" with a holdout_share, or outcome = "answered_yes".'
    if objective.outcome == "bought_any":
        what = f"`{objective.id}` pays cards for any purchase, which happens without them too"
        reading.warn("objectives.toml", (objective.id, "credit"), what, advice)
        return
    for action in strategy.actions.values():
        if action.objective == objective.id and action.about == "none":
            what = f"this card names no family, so that `{objective.id}` pays it for any purchase"
            reading.warn(f"actions/{action.id}.toml", "objective", what, advice)


def _action(reading: Reading, strategy: Strategy, action: Action, today: date) -> None:
    path = f"actions/{action.id}.toml"
    if action.last_day is not None and action.last_day < today:
        what = f"this action ended on {action.last_day.isoformat()}"
        reading.warn(path, "until", what, "Drop it, or write a later `until`.")
    if not strategy.purposes[action.purpose].enabled:
        what = f"the purpose `{action.purpose}` is not enabled: this action never runs"
        reading.warn(path, "purpose", what, "Enable it in purposes.toml, or drop the action.")


def looks_like(names: Iterable[str]) -> str:
    """Whether something of these names is ``alcohol``, ``tobacco`` or ``medicine``; empty when it seems none.

    >>> [looks_like([name]) for name in ("Bière blonde", "Vinaigre de vin", "ginger ale", "Médicaments", "Tomates")]
    ['alcohol', '', '', 'medicine', '']
    """
    for name in names:
        plain = "".join([char for char in normalize("NFKD", name.lower()) if char.isascii()])
        for kind, pattern in _LOOKS.items():
            if pattern.search(plain) and not _NOT_MEANT.search(plain):
                return kind
    return ""


def _never_push(reading: Reading, strategy: Strategy) -> None:
    advice = "Write it in the column never_push, so that no card proposes it unasked."
    path = "families.csv"
    for line, (key, name_fr, name_en, _) in rows(reading, path, FAMILIES, FAMILIES[:3]):
        if key not in strategy.never_push and (kind := looks_like((key, name_fr, name_en))):
            reading.warn(path, line, f"the family `{key}` looks like {kind}, and is not in never_push", advice)
    for line, product in _catalogue(reading):
        names = (product["family"], product["name_fr"], product["name_en"])
        family = product["family"] or product["gtin"]
        if family not in strategy.families and family not in strategy.never_push and (kind := looks_like(names)):
            what = f"the product `{product['gtin']}` looks like {kind}, and is not in never_push"
            reading.warn("products.csv", line, what, advice)


def _catalogue(reading: Reading) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in rows(reading, "products.csv", PRODUCTS, ("gtin", "family")):
        yield line, dict(zip(PRODUCTS, map(str.strip, cells), strict=True))


def _families(reading: Reading, strategy: Strategy) -> None:
    for line, (key, name_fr, name_en, _) in rows(reading, "families.csv", FAMILIES, FAMILIES[:3]):
        names = {"fr": name_fr.strip(), "en": name_en.strip()}
        if missing := [one for one in strategy.brand.languages if not names[one]]:
            what = f"the family `{key}` has no name in {', '.join(missing)}"
            reading.warn("families.csv", line, what, "Cards say it: write one.")


def _products(reading: Reading, strategy: Strategy) -> None:
    """Products without a name, of a family or in an aisle that does not exist, at a price that looks wrong."""
    path, listed = "products.csv", "families.csv" in reading.files
    prices = [product.price_cents for product in strategy.products.values() if product.price_cents]
    usual = median(prices) if len(prices) >= PRICES_LIMIT else 0.0
    aisles = {place.id for place in strategy.places.values() if place.kind == "aisle"}
    for line, product in _catalogue(reading):
        code, family, aisle = product["gtin"], product["family"], product["aisle"]
        missing = [one for one in strategy.brand.languages if not product[f"name_{one}"]]
        if missing and not product["name_fr"] + product["name_en"]:
            reading.warn(path, line, f"the product `{code}` has no name", "Cards say it: write one in each language.")
        elif missing:
            what = f"the product `{code}` has no name in {', '.join(missing)}"
            reading.warn(path, line, what, "Cards say it: write one.")
        if listed and family and family not in strategy.families:
            what = f"the family `{family}` is not in families.csv"
            reading.warn(path, line, what, suggestion(family, strategy.families))
        if aisles and aisle and aisle not in aisles:
            reading.warn(path, line, f"the aisle `{aisle}` is not in places.geojson", suggestion(aisle, sorted(aisles)))
        cents = product["price_cents"]
        if cents and (not int(cents) or (usual and not usual / 100 <= int(cents) <= usual * 1000)):
            what = f"the price of `{code}` looks wrong: {cents} cents, where most cost about {usual:,.0f}"
            reading.warn(path, line, what, "price_cents is whole cents, such as 129 for 1.29.")
