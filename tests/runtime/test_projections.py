"""Projections: one contract for all, one list for rebuilding, commits, copies and erasures; none stops the others."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.doors import MOMENTS, a_server, moment, running
from support.house import House, everything
from support.people import BRANDS, KEY, NOON, STRATEGY, a_history, a_loop, enters, lines, says_yes, turn
from visavis.delivery.dispatcher import Dispatcher
from visavis.delivery.screens import Screens
from visavis.delivery.webhook_targets import Target
from visavis.delivery.webhooks import Webhooks
from visavis.explain.accounts import Accounts
from visavis.learning.online import OnlineLearner
from visavis.measurement.objectives import ObjectiveTallies
from visavis.model.customer import Customer
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, Bought, RanOut
from visavis.ports import DeliveryResult, Log, Message, Projection
from visavis.rights.suppression_list import SuppressionList
from visavis.runtime.loop import Processor
from visavis.runtime.projections import ATTEMPTS, Projections
from visavis.runtime.replay import rebuild
from visavis.testing import check_projection

pytestmark = pytest.mark.anyio
SHE, HE = "camille", "basile"


class Everywhere:
    """A way to every person that never has to deliver anything."""

    name = "mail"
    least_s = 0.0

    def reaches(self, person: str, device: str) -> bool:
        return True

    async def deliver(self, message: Message) -> DeliveryResult:
        return DeliveryResult("taken")

    async def recall(self, person: str, device: str, decision: str) -> None:
        pass


@pytest.fixture(scope="module")
def world() -> Processor:
    """Two people who shop, whose fridge reports, who say yes to a card, and who have one before them now."""
    processor = a_loop(at=NOON - timedelta(days=80))
    for name in (SHE, HE):
        purposes = ("place-moment", "reminders", "tailored-offers", "home")
        processor.process([*says_yes(name, *purposes, at=NOON - timedelta(days=80)), *a_history(name)])
    for day in range(30):
        at = NOON + timedelta(days=day)
        turn(processor, at)
        processor.wake()
        for name in (SHE, HE):
            for asked in (enters(name, at=at, id=f"in-{day}"), _ran_out(name, day)):
                entry = processor.process([asked])[0].entry
                shown = [one for one in entry.decisions if isinstance(one, Show)] if entry is not None else []
                if shown and day < 29:
                    yes = Answered(
                        id=f"yes-{asked.id}", customer=name, occurred_at=at, decision=shown[0].id, answer="yes"
                    )
                    processor.process([yes])
            basket = lines(*BRANDS[: 1 + day % 4])
            processor.process([Bought(id=f"paid-{day}", customer=name, occurred_at=at, place="s1", lines=basket)])
    return processor


def _ran_out(name: str, day: int) -> RanOut:
    return RanOut(id=f"out-{day}", customer=name, occurred_at=NOON + timedelta(days=day), product=BRANDS[0])


def a_dispatcher(processor: Processor) -> Dispatcher:
    screens = Screens(STRATEGY, processor.customer, processor.clock.now)
    return Dispatcher(":memory:", [Everywhere()], STRATEGY, screens, processor.customer, lambda: 0.0)


def webhooks() -> Webhooks:
    target = Target("https://example.org/orders", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    return Webhooks(":memory:", {"order": target}, covered=lambda *_: True)


MAKERS: dict[str, Callable[[Processor], Projection]] = {
    "suppression_list": lambda _: SuppressionList(None, b"secret"),
    "online_learning": lambda processor: OnlineLearner(processor.customer, STRATEGY.purposes),
    "webhooks": lambda _: webhooks(),
    "objectives": lambda _: ObjectiveTallies(STRATEGY, KEY),
    "accounts": lambda _: Accounts(STRATEGY),
    "screens": lambda processor: Screens(STRATEGY, processor.customer, processor.clock.now),
    "dispatcher": a_dispatcher,
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_projection_keeps_the_contract(name: str, world: Processor) -> None:
    check_projection(lambda: MAKERS[name](world), world.log, SHE, HE, exports=name != "suppression_list")


def test_every_projection_of_a_server_is_among_those_that_are_checked() -> None:
    server = a_server()
    assert [one.name for one in server.projections()] == list(MAKERS)
    assert [one.name for one in server.processor.projections] == list(MAKERS)
    assert [one.name for one in server.requests.people.holders] == [
        *MAKERS,
        "access_keys",
        "addresses",
        "mirror",
        "positions",
    ]


class Visits(Projection):
    """How often each person came: an honest projection of a few lines."""

    name = "visits"

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def apply(self, entry: Entry, _customer: Customer, _live: bool) -> None:
        self.counts[entry.customer] = self.counts.get(entry.customer, 0) + 1

    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        return [{"of": name, "visits": self.counts[name]} for name in names if name in self.counts]

    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        return len([self.counts.pop(name) for name in names if name in self.counts])


class Indiscreet(Visits):
    def export_personal_data(self, names: Collection[str]) -> list[dict[str, Any]]:
        return super().export_personal_data(self.counts) if names else []


class Lasting(Visits):
    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        return 0


class Doubling(Visits):
    def amend(self, customer: Customer, _replaced: Sequence[Entry], entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.apply(entry, customer, False)


class Sweeping(Visits):
    def erase_personal_data(self, names: Collection[str], _entries: Sequence[Entry]) -> int:
        return super().erase_personal_data(list(self.counts), ())


def test_a_projection_of_a_few_lines_keeps_the_contract(world: Processor) -> None:
    check_projection(Visits, world.log, SHE, HE)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Indiscreet, "about its person only"),
        (Lasting, "changes nothing|held no more"),
        (Doubling, "correction"),
        (Sweeping, "nobody else|changes nothing"),
    ],
)
def test_a_projection_that_breaks_the_contract_is_caught(broken: type[Visits], told: str, world: Processor) -> None:
    with pytest.raises(AssertionError, match=told):
        check_projection(broken, world.log, SHE, HE)


def test_what_follows_the_position_of_a_projection_alone_is_taken_in(world: Processor) -> None:
    found, rows = Visits(), list(world.log.scan())
    found.position = rows[-3][0]
    rebuild(world.log, projections=Projections([found]))
    assert sum(found.counts.values()) == 2


async def test_one_that_fails_stops_no_other_is_counted_and_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    server, honest = a_server(), Accounts.apply

    def broken(*_: object) -> None:
        raise RuntimeError("It is broken.")

    async with running(server) as brand:
        monkeypatch.setattr(Accounts, "apply", broken)
        for number in range(ATTEMPTS - 1):
            told = await brand.post(MOMENTS, json=moment("worn", "bo", id=f"w{number}"))
            assert told.status_code == 200, "what is derived stops who sends"
        assert [one.entry.moment.id for one in server.screens.recent] == ["w0", "w1"], "another one was stopped"
        assert b'visavis_projection_failures_total{projection="accounts"} 2.0' in server.metrics.text()
        assert server.accounts.position < server.screens.position, "it is not where it failed"
        monkeypatch.setattr(Accounts, "apply", honest)
        await brand.post(MOMENTS, json=moment("worn", "bo", id="w2"))
    assert server.accounts.position == server.screens.position, "it did not catch up"
    assert server.accounts.export_personal_data(["bo"]) == _rebuilt(server.log).export_personal_data(["bo"])


async def test_an_entry_at_which_one_fails_for_good_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    server, honest, seen = a_server(), Accounts.apply, list[str]()

    def broken_at_one(self: Accounts, entry: Entry, customer: Customer, live: bool) -> None:
        if entry.moment.id == "w0":
            raise RuntimeError("It is broken.")
        seen.append(entry.moment.id)
        honest(self, entry, customer, live)

    monkeypatch.setattr(Accounts, "apply", broken_at_one)
    async with running(server) as brand:
        for number in range(ATTEMPTS + 1):
            await brand.post(MOMENTS, json=moment("worn", "bo", id=f"w{number}"))
    assert seen == ["w1", "w2", "w3"], "each of the others is taken in once, in order"
    assert server.accounts.position == server.screens.position


def _rebuilt(log: Log) -> Accounts:
    accounts = Accounts(STRATEGY)
    rebuild(log, projections=Projections([accounts]))
    return accounts


def test_a_restart_derives_what_was_derived_live(tmp_path: Path) -> None:
    """Whatever is in memory of two people follows from the log: a copy is the same before and after a restart."""
    with House(tmp_path) as house:
        house.process([*everything(SHE), *everything(HE)])

        def copies() -> list[list[dict[str, Any]]]:
            return [holder.export_personal_data([SHE]) for holder in house.server.requests.people.holders]

        before = copies()
        assert sum(map(len, before)) >= 10, "nothing is held: this proves nothing"
        house.reopen()
        assert copies() == before


def test_who_was_erased_is_nowhere_in_memory(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        house.process([*everything(SHE), *everything(HE)])
        house.erase(SHE)
        assert all(not holder.export_personal_data([SHE]) for holder in house.server.requests.people.holders)
        assert SHE not in house.server.screens._where, "where they were is remembered"
