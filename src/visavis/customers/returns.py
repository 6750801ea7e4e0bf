"""Returns: take returned products out of the baskets in which they were bought."""

from collections.abc import Iterable

from msgspec.structs import replace

from visavis.model.moment import Bought, Line, bought_lines


def brings_back(moment: Bought) -> bool:
    """Whether something came back with this basket."""
    return any(line.quantity < 0 for line in moment.lines)


def kept_baskets(baskets: Iterable[Bought]) -> list[Bought]:
    """What was kept of these baskets, given in the order in which they occurred; a basket of which nothing was is none.

    What came back is taken from the latest baskets with that product, the present one first; what was never bought is
    passed over. The price of a line that came back in part is kept in proportion.
    """
    kept: list[tuple[Bought, list[Line]]] = []
    for basket in baskets:
        kept.append((basket, bought_lines(basket)))
        for line in basket.lines:
            if line.quantity < 0:
                _take(kept, line.product, -line.quantity)
    return [replace(basket, lines=tuple(lines)) for basket, lines in kept if lines]


def _take(kept: list[tuple[Bought, list[Line]]], product: str, quantity: float) -> None:
    """Take so many of a product out of the latest baskets that hold it."""
    for _, lines in reversed(kept):
        for index in range(len(lines) - 1, -1, -1):
            line = lines[index]
            if line.product != product:
                continue
            left = line.quantity - quantity
            quantity -= line.quantity
            if left > 0:
                share = left / line.quantity
                lines[index] = replace(line, quantity=left, price_cents=round(line.price_cents * share))
            else:
                del lines[index]
            if quantity <= 0:
                return
