"""Some real households of the Complete Journey (84.51°, CC0), taken out by ``journey.extract``.

Their baskets are real, their first names are not.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from visavis.model.errors import Unavailable
from visavis.model.moment import Line
from visavis.model.world import Learned

WEEK_S: Final = 7 * 86_400
FAITHFUL_SHARE: Final = 0.8


class Good(msgspec.Struct, frozen=True, array_like=True):
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

    def __init__(self, name: str, baskets: list[Basket], goods: Mapping[str, Good]) -> None:
        self.name = name
        self.baskets = baskets
        self._goods = goods

    @cached_property
    def bought(self) -> Counter[str]:
        """In how many baskets each product was."""
        return Counter([product for basket in self.baskets for product in {line.product for line in basket.lines}])

    def usual(self, family: str) -> str:
        """The product of this family that the household took most often; empty when it never did."""
        return self._usual.get(family, "")

    @cached_property
    def _usual(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for product, _ in self.bought.most_common():
            found.setdefault(self._goods[product].family, product)
        return found

    def faithful(self) -> list[str]:
        """The families of which the household nearly always takes the same product, the most often bought first."""
        takes: dict[str, Counter[str]] = {}
        for product, times in self.bought.items():
            takes.setdefault(self._goods[product].family, Counter())[product] = times
        own = {family: (top := counts.most_common(1)[0][1], top / counts.total()) for family, counts in takes.items()}
        return [
            family for family in sorted(own, key=lambda name: (-own[name][0], name)) if own[family][1] >= FAITHFUL_SHARE
        ]


class Extract:
    """The households, the products that they bought, and what was learned from the whole year."""

    def __init__(self, folder: Path) -> None:
        try:
            told: dict[str, Any] = msgspec.json.decode(gzip.decompress((folder / "households.json.gz").read_bytes()))
            self.learned = msgspec.msgpack.decode(
                gzip.decompress((folder / "learned.msgpack.gz").read_bytes()), type=Learned
            )
        except OSError:
            raise Unavailable(
                "The households of the stage are not there.", advice="Reinstall visavis, or run `visavis extract`."
            ) from None
        self.credit: str = told["credit"]
        goods = [msgspec.convert(row, Good) for row in told["products"]]
        self.goods = {good.id: good for good in goods}
        self.households: dict[str, Household] = {}
        for one in told["households"]:
            baskets, at = [], 0
            for gap, shop, flat in one["baskets"]:
                at += gap
                lines = tuple([Line(goods[flat[i]].id, flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3)])
                baskets.append(Basket(at, f"s{shop}", lines))
            self.households[one["name"]] = Household(one["name"], baskets, self.goods)

    def other(self, household: Household, family: str) -> str:
        """The product of this family that all households together take most, and that this one does not usually take."""
        counts = self._taken.get(family, Counter())
        usual = household.usual(family)
        mine = self.goods[usual].name_en if usual else ""
        return next(
            (
                product
                for product, _ in counts.most_common()
                if product != usual and self.goods[product].name_en != mine
            ),
            "",
        )

    @cached_property
    def _taken(self) -> dict[str, Counter[str]]:
        """In how many baskets of all households each product was, family by family."""
        found: dict[str, Counter[str]] = {}
        for one in self.households.values():
            for product, n in one.bought.items():
                found.setdefault(self.goods[product].family, Counter())[product] += n
        return found

    def stocked(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The strategy's files with the products of the extract added to its catalogue."""
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        head = files["products.csv"].decode().splitlines()[0].split(",")
        for good in self.goods.values():
            row = {
                "gtin": good.id,
                "name_fr": good.name_fr,
                "name_en": good.name_en,
                "family": good.family,
                "price_cents": str(good.price_cents),
            }
            writer.writerow([row.get(name, "") for name in head])
        return {**files, "products.csv": files["products.csv"].rstrip() + b"\n" + rows.getvalue().encode()}
