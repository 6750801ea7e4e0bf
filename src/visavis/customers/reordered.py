"""Fold a person's baskets and stocks again, in the order in which they occurred, without what came back."""
# A habit depends on the order of the baskets: which came last, how many lie between, what was usual before. The fold
# takes a basket as the latest; it marks the person when it is not, and this mends them, once for all that came late.

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from msgspec.structs import replace

from visavis.customers.habits import bought
from visavis.customers.returns import kept_baskets
from visavis.customers.stock import with_stock
from visavis.model.customer import Customer, Purchases, Stock
from visavis.model.entry import Entry
from visavis.model.moment import Bought, Consumed, RanOut, Stocked

ORDERED: Final = Bought | Stocked | Consumed | RanOut
"""The kinds of which each says how things were *after* those before it."""


def reordered(customer: Customer, entries_of: Callable[[str], Iterable[Entry]]) -> Customer:
    """The customer as if every basket and stock had come in order, and nothing that came back had been bought.

    Of two at one instant the lower id is the first.

    ``entries_of`` gives the entries under one of their names, oldest first; those after the customer's are not read.
    """
    if not customer.out_of_order:
        return customer
    profiles = customer.profiles or (customer,)
    facts = {profile.id: _facts(islice(entries_of(profile.id), profile.entries)) for profile in profiles}
    every = [moment for moments in facts.values() for moment in moments]
    parts = [_in_order(one, facts[one.id]) if one.out_of_order else one for one in customer.profiles]
    return _in_order(replace(customer, profiles=tuple(parts)), every)


def _facts(entries: Iterable[Entry]) -> list[Bought | Stocked | Consumed | RanOut]:
    return [entry.moment for entry in entries if isinstance(entry.moment, ORDERED)]


def _in_order(customer: Customer, facts: Iterable[Bought | Stocked | Consumed | RanOut]) -> Customer:
    purchases, home = Purchases(), dict[str, Stock]()
    ordered = sorted(facts, key=lambda moment: (moment.occurred_at, moment.id))
    for basket in kept_baskets([moment for moment in ordered if isinstance(moment, Bought)]):
        purchases = bought(purchases, basket)
    for moment in ordered:
        if not isinstance(moment, Bought):
            home = with_stock(home, moment)
    return replace(customer, purchases=purchases, home=home, out_of_order=False)
