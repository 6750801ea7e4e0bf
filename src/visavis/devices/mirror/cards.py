"""Our card as a timeline item, made at each request from what is on the person's screens.

After its time, an answer or a closed purpose it is what a deleted item is: an id, and ``isDeleted``.
"""

from html import escape
from typing import Final

from visavis.cards.layout import fit
from visavis.cards.text import speech
from visavis.delivery.answers import Answers
from visavis.delivery.screens import OnScreen, Screens
from visavis.devices.mirror.resources import Contact, Location, MenuItem, MenuValue, Notification, TimelineItem, stamp
from visavis.http.access_keys import AccessKey
from visavis.model.card import Card
from visavis.runtime.writer import Writer
from visavis.strategy.read import Strategy

ROOM_PX: Final = 560
SIZES_PX: Final = (64, 56, 48, 40)
"""The sizes of a title on a Glass: the largest of these at which it takes two lines."""
MENU: Final = ("yes", "no")


class Cards:
    """The cards of all persons, each for the person and the kind of device of a key."""

    def __init__(self, writer: Writer, screens: Screens) -> None:
        self._loop = writer.processor
        self._screens = screens
        self._answers = Answers(writer)

    def language(self, person: str, asked: str = "") -> str:
        """The language of this person's timeline."""
        return self._loop.strategy.language_for(self._loop.customer(person) if person else None, asked)

    def now(self, key: AccessKey) -> TimelineItem | None:
        """The item that is on this person's Glass now."""
        found = self._screens.card(key.subject, key.profile)
        return item(self._loop.strategy, found, self.language(key.subject)) if found is not None else None

    def known(self, person: str, decision: str) -> bool:
        """Whether this is a recent card of this person, whether it may still be shown or not."""
        return self._answers.known(person, decision)

    def gone(self, key: AccessKey) -> list[TimelineItem]:
        """What remains of the cards that are no longer shown, the latest first."""
        current = self._screens.card(key.subject, key.profile)
        still = current.show.id if current is not None else ""
        shown = [card.decision for card in reversed(self._loop.customer(key.subject).service.shown)]
        cards = [one for one in shown if one != still and self.known(key.subject, one)]
        return [TimelineItem(id=one, is_deleted=True) for one in cards]

    async def displayed(self, key: AccessKey, decision: str) -> None:
        """Enter that this card was displayed."""
        await self._answers.enter(self._answers.displayed(key.subject, decision), key.origin("mirror"))

    async def answered(self, key: AccessKey, decision: str, answer: str) -> str:
        """Enter this answer, and return the one that counts."""
        return await self._answers.enter(self._answers.answered(key.subject, decision, answer), key.origin("mirror"))


def item(strategy: Strategy, found: OnScreen, language: str) -> TimelineItem:
    """The card as a timeline item in this language; without what only repeats its id or its time, to save bytes."""
    show, card, place = found.show, found.card(strategy, language), found.place(strategy)
    labels = {"yes": card.yes, "no": card.no}
    menu = [MenuItem(id=one, values=(MenuValue(display_name=labels[one]),)) for one in MENU if labels[one]]
    return TimelineItem(
        id=show.id,
        updated=stamp(found.entry.received_at),
        html=card_html(card),
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


def card_html(card: Card) -> str:
    """The card in the elements that a timeline item may have: a title of two lines, a body, and the reason below.

    >>> card_html(Card("d1", "refill", "en", "Milk < 2 €", "", "You asked.", ""))
    '<article><section><h1 style="font-size:64px">Milk &lt; 2 €</h1></section><footer><p>You asked.</p>...'
    """
    size = next(
        (size for size in SIZES_PX if fit(card.title, width=ROOM_PX, font_px=size, lines=2) is not None), SIZES_PX[-1]
    )
    body = f"<p>{escape(card.body)}</p>" if card.body else ""
    title = f'<h1 style="font-size:{size}px">{escape(card.title)}</h1>'
    return f"<article><section>{title}{body}</section><footer><p>{escape(card.why)}</p></footer></article>"
