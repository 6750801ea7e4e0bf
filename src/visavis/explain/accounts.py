"""What sharing brought each person, by purpose, in whole cents, beside what was expected when each card was shown."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from math import inf
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from visavis.consent.gate import open_categories
from visavis.customers.wallet import COST, LIABILITY, TILL, postings
from visavis.model.consent import Purpose
from visavis.model.customer import Customer, bounded
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, Ordered, Redeeming, Returned, Reversed
from visavis.ports import Projection
from visavis.strategy.read import Strategy

K: Final = 20  # fewer people than this have no average: it could tell of one of them
KEPT_MONTHS: Final = 3
CARDS_LIMIT: Final = 256
AVERAGED_S: Final = 3600.0
USEFUL: Final = frozenset({"yes", "done"})


class Gains(Struct):
    """What one purpose brought one person: rewards redeemed (cents, number), useful cards, orders, cards shown."""

    cents: int = 0
    redeemed: int = 0
    useful: int = 0
    orders: int = 0
    shown: int = 0


class Month(Struct):
    """What was promised in one month, in thousandths of a yes and of a cent, and what came of it."""

    yes_milli: int = 0
    cents_milli: int = 0
    useful: int = 0
    cents: int = 0

    @property
    def broken(self) -> bool:
        """Whether less came than was promised: money where money was, else cards that helped."""
        return self.cents_milli > self.cents * 1000 if self.cents_milli else self.yes_milli > self.useful * 1000


class Account(Struct):
    """One person's account: what each purpose brought, and what waits for an answer, an order or a till."""

    brought: dict[str, Gains] = {}
    months: dict[str, dict[int, Month]] = {}
    cards: dict[str, str] = {}
    codes: dict[str, str] = {}
    orders: dict[str, str] = {}
    placed: set[str] = set()
    books: dict[str, int] = {}

    def apply(self, strategy: Strategy, entry: Entry) -> None:
        """Take in one entry, in order."""
        month = _month(entry.received_at)
        for decision in entry.decisions:
            if isinstance(decision, Show):
                self._shown(strategy, decision, month)
        moment = entry.moment
        match moment:
            case Answered():
                purpose = self.cards.pop(moment.decision, "")
                for effect in entry.effects:
                    (self.codes if effect.kind == "reward" else self.orders)[effect.key] = purpose
                if purpose and moment.answer in USEFUL:
                    self._of(purpose).useful += 1
                    self._month(purpose, month).useful += 1
            case Ordered() if moment.order in self.orders and moment.order not in self.placed:
                self.placed.add(moment.order)
                self._of(self.orders[moment.order]).orders += 1
            case Returned() if moment.order in self.placed:
                self.placed.discard(moment.order)
                self._of(self.orders[moment.order]).orders -= 1
            case Redeeming() | Reversed() if entry.granted is not None and entry.granted.yes:
                sign = 1 if isinstance(moment, Redeeming) else -1
                purpose = self.codes.get(moment.code, "")
                brought = self._of(purpose)
                brought.redeemed += sign
                brought.cents += sign * entry.granted.cents
                self._month(purpose, month).cents += sign * entry.granted.cents
            case _:
                pass

    def less_than_promised(self, purpose: str, now: datetime) -> bool:
        """Whether each of the last three whole months brought less than was promised in it."""
        months, this = self.months.get(purpose, {}), _month(now)
        last = [months.get(this - back) for back in range(1, KEPT_MONTHS + 1)]
        return all(month is not None and month.broken for month in last)

    def _shown(self, strategy: Strategy, decision: Show, month: int) -> None:
        self.cards = bounded(self.cards, decision.id, decision.purpose, limit=CARDS_LIMIT)
        self._of(decision.purpose).shown += 1
        promised = self._month(decision.purpose, month)
        promised.yes_milli += round(decision.p_response * 1000)
        promised.cents_milli += worth_milli(strategy, decision)

    def _of(self, purpose: str) -> Gains:
        return self.brought.setdefault(purpose, Gains())

    def _month(self, purpose: str, month: int) -> Month:
        months = self.months.setdefault(purpose, {})
        if month not in months:
            months = {one: kept for one, kept in months.items() if month - one <= KEPT_MONTHS} | {month: Month()}
            self.months[purpose] = months
        return months[month]


def together(accounts: Iterable[Account]) -> Account:
    """One account of several, of one person: what each brought and promised, added up."""
    found = Account()
    for account in accounts:
        for purpose, one in account.brought.items():
            _add(found.brought.setdefault(purpose, Gains()), one)
        for purpose, months in account.months.items():
            for month, one_month in months.items():
                _add(found.months.setdefault(purpose, {}).setdefault(month, Month()), one_month)
    return found


def _add(to: Struct, more: Struct) -> None:
    for name in to.__struct_fields__:
        setattr(to, name, getattr(to, name) + getattr(more, name))


class Average(Struct, frozen=True):
    """What a purpose brought those who opened it, on average: cents and useful cards; of at least :data:`K` people."""

    cents: int
    useful: float


class Accounts(Projection):
    """The accounts of all people; ``books`` are the brand's (costs, debts, tills), in cents that add up to zero."""

    name = "accounts"

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._accounts: dict[str, Account] = {}
        self.books: dict[str, int] = dict.fromkeys((COST, LIABILITY, TILL), 0)
        self._averages: dict[str, tuple[float, Average | None]] = {}

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        """Take one entry into its person's account, and into the books."""
        account = self._accounts.setdefault(entry.customer, Account())
        account.apply(self._strategy, entry)
        for one in postings(entry):
            account.books[one.account] = account.books.get(one.account, 0) + one.cents
            self.books[one.account] += one.cents

    def of(self, names: Iterable[str]) -> Account:
        """The account of the person who has these names; an empty one when nothing is known of them."""
        return together([self._accounts[name] for name in names if name in self._accounts])

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """The account of this person, purpose by purpose."""
        known = [(name, self._accounts[name].brought) for name in names if name in self._accounts]
        return [{"of": name, "purpose": key, **asdict(one)} for name, brought in known for key, one in brought.items()]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Drop the account of this person, and the averages that it was part of."""
        gone = [self._accounts.pop(name) for name in names if name in self._accounts]
        for one in gone:
            self._averages.clear()
            for account, cents in one.books.items():
                self.books[account] -= cents
        return len(gone)

    def average(self, purpose: Purpose, people: Callable[[str], Customer], now: float) -> Average | None:
        """What this purpose brought those who opened it (hourly); ``None`` for fewer than :data:`K` people."""
        counted_at, found = self._averages.get(purpose.key, (-inf, None))
        if now - counted_at > AVERAGED_S:
            known = {person.id: person for person in map(people, self._accounts)}
            opened = [one for one in known.values() if open_categories(one, purpose, now)]
            brought, many = [self.of(one.names).brought.get(purpose.key, Gains()) for one in opened], len(opened)
            cents, useful = sum([one.cents for one in brought]), sum([one.useful for one in brought])
            found = Average(round(cents / many), useful / many) if many >= K else None
            self._averages[purpose.key] = now, found
        return found


def worth_milli(strategy: Strategy, decision: Show) -> int:
    """What this card is believed to bring in rewards, in thousandths of a cent."""
    action = strategy.actions.get(decision.action)
    if action is None or action.effect != "reward":
        return 0
    return round(decision.p_response * 1000 * action.reward_cents)


def _month(at: datetime) -> int:
    return at.year * 12 + at.month
