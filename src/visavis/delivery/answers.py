"""What comes back of a card or brief, the same for every screen; the first answer received is the one that counts."""

from datetime import datetime, timedelta
from typing import Final

from visavis.engine import shown_card
from visavis.model.entry import Origin
from visavis.model.errors import Invalid
from visavis.model.ids import own_id
from visavis.model.moment import Answered, Displayed
from visavis.runtime.writer import Writer

LATE_LIMIT_S: Final = 7 * 86_400.0  # how late a screen without a network may answer


class Answers:
    """Makes the moments ``displayed`` and ``answered`` of any screen, and enters them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def known(self, person: str, decision: str, audience: str = "customer") -> bool:
        """Whether this is a recent card (or brief) of this person, whether it may still be shown or not."""
        processor = self._writer.processor
        _, action = shown_card(processor.strategy, processor.customer(person), decision)
        return action is not None and action.audience == audience

    def displayed(
        self, person: str, decision: str, *, ago_s: float = 0.0, audience: str = "customer", reader: str = ""
    ) -> Displayed:
        """That this card was on a screen, or was read by the key ``reader``; :class:`Invalid`: unknown or too old."""
        self._check(person, decision, audience)
        name = own_id("seen", decision, *([reader] if reader else ()))
        return Displayed(id=name, customer=person, occurred_at=self._at(ago_s), decision=decision)

    def answered(
        self,
        person: str,
        decision: str,
        answer: str,
        *,
        ago_s: float = 0.0,
        audience: str = "customer",
        about: str = "",
    ) -> Answered:
        """That this card was answered so; :class:`Invalid` when there is no such card, or it was too long ago."""
        self._check(person, decision, audience)
        name, at = own_id("answer", decision), self._at(ago_s)
        return Answered(id=name, customer=person, occurred_at=at, decision=decision, answer=answer, about=about)

    async def enter(self, moment: Displayed | Answered, origin: Origin) -> str:
        """Process this moment; of an answer, return the one that counts: the first received (empty: none was kept)."""
        result = await self._writer.process(moment, origin)
        if not isinstance(moment, Answered):
            return ""
        entry = result.answer.entry
        return entry.moment.answer if entry is not None and isinstance(entry.moment, Answered) else ""

    def _check(self, person: str, decision: str, audience: str) -> None:
        if not self.known(person, decision, audience):
            advice = "Send the `decision` of a card that was shown."
            raise Invalid("There is no such card on this person's screens.", advice=advice)

    def _at(self, ago_s: float) -> datetime:
        if not 0.0 <= ago_s <= LATE_LIMIT_S:
            advice = "Send how long ago it happened; drop what is older."
            raise Invalid("`ago_s` is not a number of seconds between 0 and a week.", advice=advice)
        return self._writer.processor.clock.now() - timedelta(seconds=ago_s)
