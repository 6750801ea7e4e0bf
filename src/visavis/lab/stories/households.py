"""Real households of the Complete Journey (84.51°, CC0), from `visavis extract`; baskets are real, names invented."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from visavis.model.errors import Invalid, Unavailable
from visavis.model.moment import Line
from visavis.model.world import Learned

WEEK_S: Final = 7 * 86_400
LOYAL_SHARE: Final = 0.8


class ExtractProduct(msgspec.Struct, frozen=True, array_like=True):
    """One product of the extract, under the name that people use for it."""

    id: str
    name_fr: str
    name_en: str
    family: str
    price_cents: int


class Basket(msgspec.Struct, frozen=True):
    """One basket as it was paid for; ``at`` is the real instant (epoch seconds, 2017)."""

    at: int
    place: str
    lines: tuple[Line, ...]


class Household:
    """One household's year, oldest basket first."""

    def __init__(self, name: str, baskets: list[Basket], products: Mapping[str, ExtractProduct]) -> None:
        self.name = name
        self.baskets = baskets
        self._products = products

    @cached_property
    def bought(self) -> Counter[str]:
        """In how many baskets each product was."""
        return Counter([product for basket in self.baskets for product in {line.product for line in basket.lines}])

    def usual(self, family: str) -> str:
        """The product of this family that the household bought most often; empty when it never did."""
        return self._usual.get(family, "")

    @cached_property
    def _usual(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for product, _ in self.bought.most_common():
            found.setdefault(self._products[product].family, product)
        return found

    def loyal_families(self) -> list[str]:
        """The families of which the household nearly always buys the same product, the most often bought first."""
        bought: dict[str, Counter[str]] = {}
        for product, times in self.bought.items():
            bought.setdefault(self._products[product].family, Counter())[product] = times
        top = {family: counts.most_common(1)[0][1] for family, counts in bought.items()}
        loyal = [family for family in top if top[family] / bought[family].total() >= LOYAL_SHARE]
        return sorted(loyal, key=lambda name: (-top[name], name))


class HouseholdExtract:
    """The households, the products that they bought, and what was learned from the whole year."""

    def __init__(self, folder: Path) -> None:
        try:
            content: dict[str, Any] = msgspec.json.decode(gzip.decompress((folder / "households.json.gz").read_bytes()))
            learned = gzip.decompress((folder / "learned.msgpack.gz").read_bytes())
            self.learned = msgspec.msgpack.decode(learned, type=Learned)
        except (OSError, EOFError, zlib.error, msgspec.DecodeError):
            raise Unavailable(
                f"The households of the stage cannot be read from {folder}.",
                advice="Reinstall visavis, or run `visavis extract`.",
            ) from None
        products = [msgspec.convert(row, ExtractProduct) for row in content["products"]]
        self.products = {product.id: product for product in products}
        self.households: dict[str, Household] = {}
        for one in content["households"]:
            baskets, at = [], 0
            for gap, shop, flat in one["baskets"]:
                at += gap
                lines = tuple([Line(products[flat[i]].id, flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3)])
                baskets.append(Basket(at, f"s{shop}", lines))
            self.households[one["name"]] = Household(one["name"], baskets, self.products)

    def household(self, name: str) -> Household:
        """The household of this name; :class:`Invalid` lists the names."""
        if name not in self.households:
            raise Invalid(f"There is no household `{name}`.", advice=f"Choose one of: {', '.join(self.households)}.")
        return self.households[name]

    def alternative(self, household: Household, family: str) -> str:
        """The product of this family that all households together buy most, and that is not this one's usual."""
        usual = household.usual(family)
        name = self.products[usual].name_en if usual else ""
        candidates = self._bought.get(family, Counter()).most_common()
        others = (one for one, _ in candidates if one != usual and self.products[one].name_en != name)
        return next(others, "")

    @cached_property
    def _bought(self) -> dict[str, Counter[str]]:
        """In how many baskets of all households each product was, family by family."""
        found: dict[str, Counter[str]] = {}
        for household in self.households.values():
            for product, n in household.bought.items():
                found.setdefault(self.products[product].family, Counter())[product] += n
        return found

    def with_products(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The strategy's files with the products of the extract added to its catalogue."""
        catalogue = files.get("products.csv", b"gtin,name_fr,name_en,family,price_cents").rstrip()
        rows = io.StringIO()
        columns = catalogue.decode().splitlines()[0].split(",")
        writer = csv.DictWriter(rows, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writerows({**msgspec.structs.asdict(one), "gtin": one.id} for one in self.products.values())
        return {**files, "products.csv": catalogue + b"\n" + rows.getvalue().encode()}
