"""What is on which screen now, computed at each call: a customer's card, and the briefs of a place."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from visavis.cards.compose import compose
from visavis.delivery.eligibility import may_show, purpose_open
from visavis.model.card import Card
from visavis.model.catalogue import Place
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import CheckedIn, Corrected, Dwelled, Entered, Left
from visavis.ports import Projection
from visavis.strategy.read import Strategy

RECENT: Final = 200
KEPT: Final = 50_000
EVERYBODY: Final = "*"


class OnScreen(Struct, frozen=True):
    """A decision that may be shown now, with the entry that took it."""

    show: Show
    entry: Entry

    def card(self, strategy: Strategy, language: str) -> Card:
        """The card in this language, for the place where it was decided."""
        spot = self.entry.moment.at
        return compose(strategy, self.show, language, place=spot.place if spot is not None else "")

    def place(self, strategy: Strategy) -> Place | None:
        """The place where it was decided, if it is one of the brand's."""
        spot = self.entry.moment.at
        return strategy.places.get(spot.place) if spot is not None else None

    def place_name(self, strategy: Strategy) -> str:
        """The name of that place, else the brand's."""
        place = self.place(strategy)
        return place.name if place is not None else strategy.brand.name


class Recent(Struct, frozen=True):
    """An entry that was just committed; ``number`` grows by one each; ``us`` is how long its step took."""

    number: int
    entry: Entry
    us: float


class Screens(Projection):
    """Follows the durable entries, and what may be shown still; ``customer`` gives a person as of the last of them."""

    name = "screens"

    def __init__(self, strategy: Strategy, customer: Callable[[str], Customer], now: Callable[[], datetime]) -> None:
        self._strategy = strategy
        self._customer = customer
        self._now = now
        self._last: dict[tuple[str, str], OnScreen] = {}
        self._present: dict[str, dict[str, None]] = {}
        self._where: dict[str, str] = {}
        self._bells: dict[str, set[asyncio.Event]] = {}
        self.recent: deque[Recent] = deque(maxlen=RECENT)
        self._number = 0
        self.closed = False

    def apply(self, entry: Entry, customer: Customer, live: bool) -> None:
        """Note what is shown to whom and who is where; wake the screens that it concerns."""
        name, moment = entry.customer, entry.moment
        where = self._where.get(name)
        if not moment.late and (
            isinstance(moment, Entered | CheckedIn)
            or (isinstance(moment, Left) and moment.place == where)
            or (isinstance(moment, Dwelled) and moment.place != where)
        ):
            self._present.get(self._where.pop(name, ""), {}).pop(name, None)
        if isinstance(moment, CheckedIn) and not moment.late:
            self._where[name] = moment.place
            self._present.setdefault(moment.place, {})[name] = None
            self._last.pop((name, "adviser"), None)  # who checks in again has a new brief, or none
        if isinstance(moment, Corrected):
            self._take_off({name})
        for decision in entry.decisions:
            if isinstance(decision, Show):
                self._last.pop((name, decision.audience), None)
                self._last[name, decision.audience] = OnScreen(decision, entry)
        while len(self._last) > KEPT:
            self._last.pop(next(iter(self._last)))
        if live:
            places = {where or "", customer.places.here}
            if isinstance(moment, CheckedIn | Entered | Left | Dwelled):
                places.add(moment.place)
            self.ring(*customer.names, *[f"place:{place}" for place in places])

    def record_recent(self, processed: Iterable[tuple[Entry, float]]) -> None:
        """Keep these entries for those who watch everybody, with how long their steps took (µs); wake them."""
        for entry, us in processed:
            self._number += 1
            self.recent.append(Recent(self._number, entry, us))
        self.ring(EVERYBODY)

    def ring(self, *names: str) -> None:
        """Wake the screens that watch these names: something of theirs changed."""
        for name in names:
            for bell in self._bells.get(name, ()):
                bell.set()

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Take everything of this person off every screen; how many cards and briefs that was."""
        cards = self._take_off(names)
        for name in names:
            self._present.get(self._where.pop(name, ""), {}).pop(name, None)
        self.look_again()
        return cards

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        """What was last put on this person's screens, and on an adviser's about them."""
        theirs = [(*key, one.show.id, one.entry.moment.id) for key, one in self._last.items() if key[0] in names]
        return [dict(zip(("of", "audience", "decision", "moment"), one, strict=True)) for one in theirs]

    def _take_off(self, names: Collection[str]) -> int:
        cards = [key for key in self._last if key[0] in names]
        for key in cards:
            del self._last[key]
        self.recent = deque([one for one in self.recent if one.entry.customer not in names], maxlen=RECENT)
        return len(cards)

    def card(self, customer: str, device: str = "") -> OnScreen | None:
        """The card on this person's screens now; with ``device``, only if it was decided for that profile."""
        person = self._customer(customer)
        found = self._latest(person, "customer")
        if found is None or (device and found.show.device != device):
            return None
        return found if self._may_show(person, found.show) else None

    def briefs(self, place: str) -> list[OnScreen]:
        """The briefs of those who checked in at this place and are still there, the latest first."""
        briefs = [(one, self._latest(one, "adviser")) for one in self._there(place)]
        return [brief for customer, brief in briefs if brief is not None and self._may_show(customer, brief.show)]

    def checked_in(self, place: str) -> list[str]:
        """Who checked in at this place and is still there, whether a brief may be shown or not."""
        return [one.id for one in reversed(self._there(place))]

    def greeting(self, place: str) -> bool:
        """Whether somebody who checked in is there without a brief, shown now or answered by an adviser."""
        briefed = {self._customer(one.entry.customer).id for one in self.briefs(place)}
        return any(name not in briefed and not self._answered(name) for name in self.checked_in(place))

    def brief_of(self, customer: str) -> OnScreen | None:
        """The brief decided last for this person, whether it may still be shown or not."""
        return self._latest(self._customer(customer), "adviser")

    def open_to(self, customer: str, purpose: str) -> bool:
        """Whether this purpose is open for this person now."""
        return purpose_open(self._strategy, self._customer(customer), purpose, self._now().timestamp())

    def close(self) -> None:
        """End every stream: the server stops."""
        self.closed = True
        self.look_again()

    def look_again(self) -> None:
        """Wake every screen: something changed that is in no entry (a key was revoked, the clock was turned)."""
        self.ring(*self._bells)

    def lasts_s(self, show: Show) -> float:
        """How long it may still be shown, in seconds."""
        return max(0.0, show.until - self._now().timestamp())

    def ends_in_s(self, show: Show) -> float:
        """In how many seconds a screen that shows this looks again, to take it off: just after its end."""
        return self.lasts_s(show) + 0.05

    @contextmanager
    def watching(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something of this person (or ``place:ID``, or everybody) has happened."""
        bell = asyncio.Event()
        self._bells.setdefault(name, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[name]
            bells.discard(bell)
            if not bells:
                del self._bells[name]

    def _latest(self, person: Customer, audience: str) -> OnScreen | None:
        found = [one for name in person.names if (one := self._last.get((name, audience))) is not None]
        return max(found, key=lambda one: one.entry.received_at, default=None)

    def _there(self, place: str) -> list[Customer]:
        people = [self._customer(name) for name in reversed(self._present.get(place, {}))]
        found = {one.id: one for one in people if one.places.checked_in == place}
        return list(found.values())

    def _may_show(self, customer: Customer, show: Show) -> bool:
        return may_show(self._strategy, customer, show, self._now().timestamp())

    def _answered(self, name: str) -> bool:
        brief = self.brief_of(name)
        card = self._customer(name).service.card(brief.show.id) if brief is not None else None
        return card is not None and bool(card.answer)
