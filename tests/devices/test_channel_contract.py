"""The contract of a channel: a good one passes, and each broken promise is found."""

import asyncio

import pytest
from msgspec.structs import replace

from support.cards import the_card
from visavis.ports import DeliveryResult, Message
from visavis.testing import check_channel

MESSAGE = Message("camille", "google-glass-xe", the_card("fr"), "À la maison", 2_000.0, 600.0)


class Shelf:
    """Screens in memory, one a person, that show one card at a time."""

    name = "shelf"
    least_s = 0.0

    def __init__(self) -> None:
        self.on: dict[str, list[str]] = {"camille": []}

    def reaches(self, person: str, device: str) -> bool:
        return person in self.on

    async def deliver(self, message: Message) -> DeliveryResult:
        if not self.reaches(message.person, message.device):
            return DeliveryResult("nobody")
        self.on[message.person] = [message.card.decision]
        return DeliveryResult("taken")

    async def recall(self, person: str, device: str, decision: str) -> None:
        if self.on.get(person) == [decision]:
            self.on[person] = []

    async def shown(self) -> list[str]:
        return [decision for decisions in self.on.values() for decision in decisions]


class ForStrangers(Shelf):
    async def deliver(self, message: Message) -> DeliveryResult:
        self.on[message.person] = [message.card.decision]
        return DeliveryResult("taken")


class Twice(Shelf):
    async def deliver(self, message: Message) -> DeliveryResult:
        receipt = await super().deliver(message)
        self.on["camille"] *= 2
        return receipt


class Forgetful(Shelf):
    async def deliver(self, message: Message) -> DeliveryResult:
        return DeliveryResult("taken" if message.person in self.on else "nobody")


class Sweeping(Shelf):
    async def recall(self, person: str, device: str, decision: str) -> None:
        self.on = {name: [] for name in self.on}


class Everywhere(Shelf):
    def reaches(self, person: str, device: str) -> bool:
        return True


class Nameless(Shelf):
    name = ""


def test_a_channel_that_keeps_its_word_passes() -> None:
    shelf = Shelf()

    assert asyncio.run(check_channel(shelf, MESSAGE, shelf.shown)) == DeliveryResult("taken")
    asyncio.run(shelf.recall("camille", "google-glass-xe", asyncio.run(shelf.shown())[0]))
    assert asyncio.run(shelf.shown()) == []


@pytest.mark.parametrize("broken", [ForStrangers, Twice, Forgetful, Sweeping, Everywhere, Nameless])
def test_a_broken_promise_is_found(broken: type[Shelf]) -> None:
    shelf = broken()

    with pytest.raises(AssertionError):
        asyncio.run(check_channel(shelf, replace(MESSAGE, lasts_s=60.0), shelf.shown))
