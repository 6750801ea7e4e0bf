"""Our card as a timeline item, and what a person does with that item as a moment.

Choosing in its menu is ``answered``, opening it ``displayed``.

The item is made anew at each look from what is on the person's screens, so it is never there after its time, after an
answer, or after the purpose was closed; then it is what a deleted item is: an id, and ``isDeleted``.
"""

from html import escape
from typing import Final

from visavis.cards.compose import compose
from visavis.cards.layout import fit
from visavis.cards.text import speech
from visavis.delivery.screens import OnScreen, Screens
from visavis.devices.mirror.resources import Contact, Location, MenuItem, MenuValue, Notification, TimelineItem, stamp
from visavis.http.access_keys import AccessKey
from visavis.model.card import Card
from visavis.model.moment import Answered, Displayed
from visavis.model.shown import Shown
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

ROOM_PX: Final = 560
SIZES_PX: Final = (64, 56, 48, 40)
"""How large a title is on a Glass: the largest of these at which it takes two lines."""
MENU: Final = ("yes", "no")


class Cards:
    """The cards of all persons, each for the person and the kind of device of a key."""

    def __init__(self, writer: Writer, screens: Screens) -> None:
        self._writer = writer
        self._screens = screens

    def language(self, person: str, asked: str = "") -> str:
        """The language to write in for this person."""
        return self._writer.processor.strategy.language_for(self._writer.processor.customer(person), asked)

    def now(self, key: AccessKey) -> TimelineItem | None:
        """The item that is on this person's Glass now."""
        found = self._screens.card(key.subject, key.profile)
        return item(self._writer.processor.strategy, found, self.language(key.subject)) if found is not None else None

    def known(self, person: str) -> dict[str, Shown]:
        """The cards that were lately decided for this person, whether they may still be shown or not."""
        actions = self._writer.processor.strategy.actions
        shown = self._writer.processor.customer(person).service.shown
        return {
            card.decision: card
            for card in shown
            if (action := actions.get(card.action)) is not None and action.audience == "customer"
        }

    def gone(self, key: AccessKey) -> list[TimelineItem]:
        """What remains of the cards that are no longer shown, the latest first."""
        current = self._screens.card(key.subject, key.profile)
        still = current.show.id if current is not None else ""
        return [TimelineItem(id=one, is_deleted=True) for one in reversed(self.known(key.subject)) if one != still]

    async def displayed(self, person: str, decision: str) -> None:
        """The card really was looked at."""
        at = self._writer.processor.clock.now()
        await self._writer.process(
            Displayed(id=f"seen-{decision}"[:128], customer=person, occurred_at=at, decision=decision)
        )

    async def answered(self, person: str, decision: str, answer: str) -> str:
        """The answer that counts: the first received from any of the person's devices."""
        at = self._writer.processor.clock.now()
        lived = await self._writer.process(
            Answered(id=f"answer-{decision}"[:128], customer=person, occurred_at=at, decision=decision, answer=answer)
        )
        entry = lived.answer.entry
        return entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""


def item(strategy: Strategy, found: OnScreen, language: str) -> TimelineItem:
    """The decision as a timeline item in this language.

    What would only repeat its id or its time is left out, since each byte is paid by a battery.
    """
    show, spot = found.show, found.entry.moment.at
    card = compose(strategy, show, language, place=spot.place if spot is not None else "")
    place = strategy.places.get(spot.place) if spot is not None else None
    said = {"yes": card.yes, "no": card.no}
    menu = [MenuItem(id=one, values=(MenuValue(display_name=said[one]),)) for one in MENU if said[one]]
    return TimelineItem(
        id=show.id,
        updated=stamp(found.entry.received_at),
        html=face(card),
        text=f"{card.title}\n{card.body}".strip(),
        speakable_text=speech(card),
        creator=Contact(id="brand", display_name=strategy.brand.name),
        location=(
            Location(latitude=place.latitude, longitude=place.longitude, display_name=place.name)
            if place is not None and place.radius_m
            else None
        ),
        notification=Notification(),
        menu_items=(*menu, *([MenuItem(action="READ_ALOUD")] if card.speech else [])),
    )


def face(card: Card) -> str:
    """The card in the elements that a timeline item may have: a title of two lines, a body, and the reason below.

    >>> face(Card("d1", "refill", "en", "Milk < 2 €", "", "You asked.", ""))
    '<article><section><h1 style="font-size:64px">Milk &lt; 2 €</h1></section><footer><p>You asked.</p></footer></article>'
    """
    size = next(
        (size for size in SIZES_PX if fit(card.title, width=ROOM_PX, font_px=size, lines=2) is not None), SIZES_PX[-1]
    )
    body = f"<p>{escape(card.body)}</p>" if card.body else ""
    return (
        "<article><section><h1"
        f' style="font-size:{size}px">{escape(card.title)}</h1>{body}</section><footer><p>{escape(card.why)}</p></footer></article>'
    )
