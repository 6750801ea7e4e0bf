"""Take some real households out of the year for the stage, with the products they bought and what was learned.

Those with a steady year and milk in it that were not used for development, the first by hash. Names are invented;
prices are medians of what was paid for one. The Complete Journey is published under CC0.
"""

import gzip
import json
from collections.abc import Mapping
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from visavis.lab.year import data
from visavis.model.entry import WorldEntry
from visavis.model.errors import Invalid
from visavis.model.world import Learned, ParametersLearned
from visavis.ports import EntryLog
from visavis.strategy.read import Strategy

NAMES: Final = (
    "Solène Camille Inès Léa Anouk Maëlle Jeanne Sacha Lina Noémie Alix Yaël Mathilde Zoé Eden Rose Mila Nora Axelle"
    " Iris Théa Salomé Clémence Agathe Bérénice"
)
MILK: Final = "FLUID MILK WHITE ONLY"
BASKETS: Final = range(60, 131)
CREDIT: Final = "The Complete Journey, 84.51°, published under CC0; first names are invented."
_LOWER: Final = ("GAL", "OZ", "LB", "QT", "PT", "ML", "FT")
CASES: Final = {"LB": 10.0, "CT": 24.0}
"""Sizes beyond these are of whole cases (bananas of 40 lb), which nobody reads on a shelf."""
_UNITS: Final = {"LTR": "L", "L": "L", "GA": "gal", "CT": "x"} | {one: one.lower() for one in _LOWER}


def extract(strategy: Strategy, learned: Learned, to: Path) -> int:
    """Write ``households.json.gz`` and ``learned.msgpack.gz`` reproducibly into this folder; returns their bytes."""
    year = data.load()
    chosen = _chosen(year)
    products = sorted({p for indices in chosen.values() for i in indices for p in year.rows_of(i)})
    place = {p: at for at, p in enumerate(products)}
    content: dict[str, Any] = {
        "credit": CREDIT,
        "products": _products(strategy, year, products),
        "households": [
            {"id": household, "name": name, "baskets": _baskets(year, indices, place)}
            for name, (household, indices) in zip(NAMES.split(), chosen.items(), strict=True)
        ],
    }
    to.mkdir(parents=True, exist_ok=True)
    bought = {family for *_, family, _ in content["products"]}
    families = {name: row for name, row in learned.families.items() if name in bought}
    kept = Learned(learned.version, learned.heads, families, learned.card)
    files = {
        "households.json.gz": json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(),
        "learned.msgpack.gz": msgspec.msgpack.encode(kept),
    }
    packed = {name: gzip.compress(content, 9, mtime=0) for name, content in files.items()}
    return sum([(to / name).write_bytes(content) for name, content in packed.items()])


def learned_of(log: EntryLog) -> Learned:
    """The parameters that a whole year learned; :class:`Invalid` when the log holds none."""
    changes = [entry.change for _, entry in log.scan() if isinstance(entry, WorldEntry)]
    learned = [change.learned for change in changes if isinstance(change, ParametersLearned)]
    if not learned:
        raise Invalid("This log holds no learned parameters.", advice="Run `visavis year --log FOLDER` to its end.")
    return learned[-1]


def _chosen(year: data.Year) -> Mapping[int, list[int]]:
    """The households, each with the indices of its baskets."""
    milk = {p for p, family in enumerate(year.families) if family == MILK}
    steady: dict[int, list[int]] = {}
    for household, indices in data.by_household(year):
        held = [bool(milk.intersection(year.rows_of(i))) for i in indices.tolist()]
        late = year.paid_at[indices[-1]] > year.paid_at[-1] - 7 * 86_400
        if len(indices) in BASKETS and sum(held) >= 12 and late and not data.development(household):
            steady[household] = indices.tolist()
    first = sorted(steady, key=lambda household: sha256(f"stage-{household}".encode()).digest())[: len(NAMES.split())]
    return {household: steady[household] for household in sorted(first)}


def _baskets(year: data.Year, indices: list[int], place: Mapping[int, int]) -> list[Any]:
    """[seconds since the last, shop (s1 the most visited, else s2), [product, quantity, cents, …]] of each basket."""
    shops, counts = np.unique(year.shop[indices], return_counts=True)
    home = int(shops[np.argmax(counts)])
    rows, before = [], 0
    for i in indices:
        part = slice(int(year.starts[i]), int(year.starts[i + 1]))
        columns = (year.product[part].tolist(), year.quantity[part].tolist(), year.cents[part].tolist())
        lines = [n for p, q, c in zip(*columns, strict=True) for n in (place[p], q, c)]
        at = int(year.paid_at[i])
        rows.append([at - before, 1 if int(year.shop[i]) == home else 2, lines])
        before = at
    return rows


def _products(strategy: Strategy, year: data.Year, products: list[int]) -> list[list[Any]]:
    """[id, French name, English name, family, cents] of each product."""
    table = pl.read_parquet(data.folder() / "products.parquet", columns=["product_id", "package_size"])
    sizes = dict(zip(table["product_id"].cast(pl.Utf8).to_list(), table["package_size"].to_list(), strict=True))
    each = pl.DataFrame({"p": year.product, "each": year.cents / np.maximum(year.quantity, 1)})
    paid = each.group_by("p").agg(pl.col("each").median())
    price = dict(zip(paid["p"].to_list(), paid["each"].to_list(), strict=True))
    rows = []
    for p in products:
        family, size = year.families[p], _size(sizes.get(year.products[p]))
        named = strategy.families.get(family)
        names = [_named(name, size) for name in (named.name_fr, named.name_en)] if named is not None else ["", ""]
        rows.append([year.products[p], *names, family, round(price[p])])
    return rows


def _size(text: str | None) -> str:
    """A size as a shelf label has it; empty for none, no number with a unit, or the case that the shop receives."""
    number, _, unit = (text or "").partition(" ")
    try:
        size = float(number)
    except ValueError:
        return ""
    if size > CASES.get(unit, inf) or unit not in _UNITS:
        return ""
    return f"x{size:g}" if unit == "CT" else f"{size:g}\u00a0{_UNITS[unit]}"


def _named(name: str, size: str) -> str:
    return f"{name[:1].upper()}{name[1:]} {size}".strip() if name else ""
