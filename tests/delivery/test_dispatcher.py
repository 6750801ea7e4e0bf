"""Dispatch: at most once, while the card may be shown, the next way only after a sure failure; recalls."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.people import NOON, STRATEGY, a_loop, camille, enters, turn
from visavis.delivery.dispatcher import Dispatcher
from visavis.delivery.screens import Screens
from visavis.model.customer import newborn
from visavis.model.decision import Show
from visavis.model.entry import Entry
from visavis.model.moment import Answered, Displayed, Moment, Withdrew, Worn
from visavis.ports import DeliveryResult, Handed, Message


class Line:
    """A channel of which the test says how each handing over ends; what it does not say is taken."""

    def __init__(
        self, name: str = "web_push", *, least_s: float = 0.0, doing: Callable[[], None] = lambda: None
    ) -> None:
        self.name = name
        self.least_s = least_s
        self.ends: list[DeliveryResult | Exception] = []
        self.handed: list[Message] = []
        self.recalled: list[str] = []
        self.doing = doing
        self.there = True

    def reaches(self, person: str, device: str) -> bool:
        return self.there

    async def deliver(self, message: Message) -> DeliveryResult:
        self.handed.append(message)
        self.doing()
        end = self.ends.pop(0) if self.ends else DeliveryResult("taken")
        if isinstance(end, Exception):
            raise end
        return end

    async def recall(self, person: str, device: str, decision: str) -> None:
        self.recalled.append(decision)


class Bench:
    """Camille, who carries a phone; what is decided for her, and the lines to her."""

    def __init__(self, *lines: Line, path: Path | str = ":memory:") -> None:
        self.processor = a_loop()
        camille(self.processor, "place-moment", "reminders")
        self.screens = Screens(STRATEGY, self.processor.customer, self.processor.clock.now)
        self.lines = lines
        self.path = path
        self.delivery = self.made()
        self.lives(Worn(id="on", customer="camille", occurred_at=NOON, device="p1", profile="phone"))

    def made(self) -> Dispatcher:
        return Dispatcher(
            self.path,
            self.lines,
            STRATEGY,
            self.screens,
            self.processor.customer,
            lambda: self.processor.clock.now().timestamp(),
        )

    def lives(self, *moments: Moment) -> list[Entry]:
        entries = [answer.entry for answer in self.processor.process(moments) if answer.entry is not None]
        for entry in entries:
            self.screens.apply(entry, newborn("camille"), True)
            self.delivery.apply(entry, newborn("camille"), True)
        return entries

    def enters(self, *, at: Any = NOON, id: str = "door") -> Show:  # noqa: A002
        (entry,) = self.lives(enters(at=at, id=id))
        show = entry.decisions[0]
        assert isinstance(show, Show)
        assert show.device == "phone"
        return show

    def passes(self, seconds: float) -> None:
        turn(self.processor, self.processor.clock.now() + timedelta(seconds=seconds))
        self.delivery.nudge()

    async def settles(self) -> None:
        """Let whatever can happen now happen: three rounds, since one thing brings about the next."""
        for _ in range(3):
            await asyncio.sleep(0.005)
            await asyncio.gather(*self.delivery.under_way.values(), return_exceptions=True)

    async def quietens(self) -> None:
        """The same without waiting for anything but what is under way."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(*self.delivery.under_way.values(), return_exceptions=True)
        await asyncio.sleep(0)

    async def restarts(self) -> None:
        entries = [entry for _, entry in self.processor.log.scan() if isinstance(entry, Entry)]
        await self.delivery.stop()
        self.delivery = self.made()
        for entry in entries:
            self.delivery.apply(entry, newborn("camille"), True)
        self.delivery.start()
        await self.settles()

    def says(self, decision: str, answer: str = "no") -> None:
        self.lives(
            Answered(
                id=f"said-{decision}",
                customer="camille",
                occurred_at=self.processor.clock.now(),
                decision=decision,
                answer=answer,
            )
        )


def at_bench(bench: Bench, story: Any) -> None:
    async def told() -> None:
        bench.delivery.start()
        try:
            await story(bench)
        finally:
            await bench.delivery.stop()

    asyncio.run(told())


def test_a_card_is_handed_over_once_with_its_words_and_the_time_that_is_left() -> None:
    line = Line()

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        (message,) = line.handed
        assert (message.person, message.device, message.card.decision, message.place) == (
            "camille",
            "phone",
            show.id,
            "Rue Haute",
        )
        assert message.card.title
        assert message.lasts_s == pytest.approx(show.until - NOON.timestamp())
        bench.passes(5.0)
        await bench.settles()
        assert len(line.handed) == 1
        assert line.recalled == []

    at_bench(Bench(line), story)


def test_a_card_on_its_own_screen_is_not_sent_as_well() -> None:
    line = Line()

    async def story(bench: Bench) -> None:
        show = bench.enters()
        bench.lives(Displayed(id="seen", customer="camille", occurred_at=NOON, decision=show.id))
        await bench.settles()
        assert line.handed == []
        assert bench.delivery.parcels[show.id].reason == "displayed already"

    at_bench(Bench(line), story)


@pytest.mark.parametrize(
    ("state", "reason"), [({"worn": False}, "not_worn"), ({"battery": 0.05}, "battery"), ({"busy": True}, "busy")]
)
def test_a_device_that_cannot_show_it_any_more_drops_it_and_nothing_else_is_sent(
    state: dict[str, Any], reason: str
) -> None:
    line, letter = Line(), Line("mail")

    async def story(bench: Bench) -> None:
        show = bench.enters()
        bench.lives(Worn(id="now", customer="camille", occurred_at=NOON, device="p1", profile="phone", **state))
        await bench.settles()
        assert (line.handed, letter.handed) == ([], [])
        assert (bench.delivery.parcels[show.id].status, bench.delivery.parcels[show.id].reason) == ("dropped", reason)

    at_bench(Bench(line, letter), story)


@pytest.mark.parametrize("end", [DeliveryResult("unsure", "ReadTimeout"), TimeoutError(), RuntimeError("broken")])
def test_what_may_have_arrived_is_never_sent_again_by_any_way(end: DeliveryResult | Exception, tmp_path: Path) -> None:
    line, letter = Line(), Line("mail")
    line.ends = [end]

    async def story(bench: Bench) -> None:
        show = bench.enters()
        for _ in range(4):
            await bench.settles()
            bench.passes(60.0)
        await bench.restarts()
        assert len(line.handed) == 1
        assert letter.handed == []
        assert bench.delivery.parcels[show.id].status == "unsure"

    at_bench(Bench(line, letter, path=tmp_path / "d.sqlite"), story)


def test_what_surely_did_not_leave_is_tried_again_after_a_pause_and_not_after_its_time() -> None:
    line = Line()
    line.ends = [
        DeliveryResult("not_sent", "ConnectError"),
        DeliveryResult("not_sent", "429", 20.0),
        *[DeliveryResult("not_sent")] * 20,
    ]

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        assert len(line.handed) == 1
        bench.passes(1.5)
        await bench.settles()
        assert len(line.handed) == 2
        bench.passes(10.0)
        await bench.settles()
        assert len(line.handed) == 2, "the service asked for twenty seconds"
        bench.passes(11.0)
        await bench.settles()
        assert len(line.handed) == 3
        for _ in range(20):
            bench.passes(60.0)
            await bench.settles()
        assert all(message.until > NOON.timestamp() and message.lasts_s > 0 for message in line.handed)
        assert show.id not in bench.delivery.parcels, "nothing is kept of a card that is over"

    at_bench(Bench(line), story)


@pytest.mark.parametrize("handed", ["nobody", "refused", "not_sent"])
def test_the_next_way_is_taken_only_when_the_first_surely_failed(handed: Any) -> None:
    line, letter = Line(), Line("mail")
    line.ends = [DeliveryResult(handed)]

    async def story(bench: Bench) -> None:
        bench.enters()
        await bench.settles()
        assert (len(line.handed), len(letter.handed)) == (1, 1)
        bench.passes(30.0)
        await bench.settles()
        assert (len(line.handed), len(letter.handed)) == (1, 1)

    at_bench(Bench(letter, line), story)


def test_a_way_that_is_too_slow_for_the_card_is_not_taken() -> None:
    letter = Line("mail", least_s=3600.0)

    async def story(bench: Bench) -> None:
        bench.enters()
        await bench.settles()
        assert letter.handed == []

    at_bench(Bench(letter), story)


def test_consent_is_asked_again_at_the_last_moment_and_what_was_sent_is_recalled() -> None:
    line = Line()
    line.ends = [DeliveryResult("not_sent")]

    def off(name: str) -> list[Moment]:
        return [
            Withdrew(id=f"{name}-{purpose}", customer="camille", occurred_at=NOON, purpose=purpose)
            for purpose in ("reminders", "place-moment")
        ]

    def withdrawn(bench: Bench) -> None:
        bench.lives(*off("c"))

    async def story(bench: Bench) -> None:
        bench.enters()
        await bench.settles()
        bench.lives(*off("a"))
        bench.passes(2.0)
        await bench.settles()
        assert len(line.handed) == 1, "withdrawn between two attempts: not tried again"

    async def other(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        bench.lives(*off("b"))
        await bench.settles()
        assert second.recalled == [show.id]

    async def third(bench: Bench) -> None:
        during.doing = lambda: withdrawn(bench)
        show = bench.enters()
        await bench.settles()
        assert during.recalled == [show.id], "withdrawn while it was being handed over: recalled as soon as it is there"

    second, during = Line(), Line()
    at_bench(Bench(line), story)
    at_bench(Bench(second), other)
    at_bench(Bench(during), third)


def test_an_answer_elsewhere_recalls_it_once_and_a_card_that_is_over_is_left_alone() -> None:
    line = Line()

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        bench.says(show.id)
        await bench.settles()
        bench.passes(5.0)
        bench.lives(Worn(id="still on", customer="camille", occurred_at=NOON, device="p1", profile="phone"))
        await bench.settles()
        assert line.recalled == [show.id]

    async def over(bench: Bench) -> None:
        bench.enters()
        await bench.settles()
        bench.passes(700.0)
        bench.lives(Worn(id="still on", customer="camille", occurred_at=NOON, device="p1", profile="phone"))
        await bench.settles()
        assert later.recalled == [], "its own time says it: nobody is woken"
        assert bench.delivery.parcels == {}

    later = Line()
    at_bench(Bench(line), story)
    at_bench(Bench(later), over)


def test_a_channel_that_breaks_while_recalling_is_asked_once_and_stops_nobody() -> None:
    class Broken(Line):
        async def recall(self, person: str, device: str, decision: str) -> None:
            await super().recall(person, device, decision)
            raise RuntimeError("broken")

    line = Broken()

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        bench.says(show.id)
        await bench.settles()
        assert line.recalled == [show.id]
        bench.passes(3_700.0)
        assert bench.enters(at=bench.processor.clock.now(), id="again").id
        await bench.settles()
        assert len(line.handed) == 2

    at_bench(Bench(line), story)


def test_a_restart_repeats_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    line = Line()
    line.there = False

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        assert line.handed == []
        assert bench.delivery.parcels[show.id].status == "given_up"
        line.there = True
        await bench.restarts()
        assert [message.card.decision for message in line.handed] == [show.id], (
            "it surely never left, and there is time"
        )

    async def again(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        await bench.restarts()
        await bench.restarts()
        assert len(sure.handed) == 1
        bench.says(show.id)
        await bench.settles()
        assert sure.recalled == [show.id], "what was sent before the restart is still recalled"

    sure = Line()
    at_bench(Bench(line, path=tmp_path / "a.sqlite"), story)
    at_bench(Bench(sure, path=tmp_path / "b.sqlite"), again)


def test_a_crash_while_it_is_handed_over_counts_as_perhaps_arrived(tmp_path: Path) -> None:
    line = Line()

    async def story(bench: Bench) -> None:
        def crash() -> None:
            raise asyncio.CancelledError  # the process is gone: nothing after this line is ever run

        line.doing = crash
        show = bench.enters()
        await asyncio.sleep(0.05)
        line.doing = lambda: None
        bench.delivery.under_way.clear()
        await bench.restarts()
        assert len(line.handed) == 1
        assert bench.delivery.parcels[show.id].status == "unsure"

    at_bench(Bench(line, path=tmp_path / "d.sqlite"), story)


HANDED: tuple[Handed, ...] = get_args(Handed)
RECEIPTS = st.lists(st.sampled_from(HANDED).map(DeliveryResult), max_size=6)


@settings(max_examples=25)
@given(
    first=RECEIPTS,
    second=RECEIPTS,
    does=st.lists(st.sampled_from(["wait", "restart", "answer", "withdraw"]), max_size=5),
)
def test_whatever_happens_a_card_is_at_most_once_where_it_may_have_arrived(
    first: list[DeliveryResult], second: list[DeliveryResult], does: list[str]
) -> None:
    line, letter = Line(), Line("mail")
    line.ends, letter.ends = [*first], [*second]
    arrived: list[str] = []

    async def story(bench: Bench) -> None:
        show = bench.enters()
        await bench.settles()
        for number, what in enumerate(does):
            if what == "restart":
                await bench.restarts()
            elif what == "answer":
                bench.says(show.id)
            elif what == "withdraw":
                bench.lives(Withdrew(id=f"off-{number}", customer="camille", occurred_at=NOON, purpose=show.purpose))
            else:
                bench.passes(45.0)
            await bench.settles()
        ends = [
            *(first + [DeliveryResult("taken")] * 9)[: len(line.handed)],
            *(second + [DeliveryResult("taken")] * 9)[: len(letter.handed)],
        ]
        arrived.extend([end.handed for end in ends if end.handed in ("taken", "unsure")])
        assert len(arrived) <= 1
        assert len(line.recalled) + len(letter.recalled) <= len(arrived)

    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        at_bench(Bench(line, letter, path=Path(folder) / "d.sqlite"), story)


def test_a_thousand_cards_for_three_devices_through_cuts_and_restarts_are_each_shown_at_most_once_on_the_right_one(
    tmp_path: Path,
) -> None:
    chance = Random(7)
    ways = {"phone": "web_push", "apple-watch-46": "wallet", "glasses": ""}
    device_of: dict[str, str] = {}

    def ends() -> DeliveryResult:
        return DeliveryResult(chance.choice(("taken", "taken", "taken", "unsure", "not_sent", "nobody", "refused")))

    class Chancy(Line):
        async def deliver(self, message: Message) -> DeliveryResult:
            end = ends()
            self.ends = [end]
            kept.append((self.name, message.card.decision, end.handed))
            return await super().deliver(message)

    kept: list[tuple[str, str, str]] = []
    push, wallet, letter = Chancy(), Chancy("wallet"), Chancy("mail")

    async def story(bench: Bench) -> None:
        (first,) = bench.processor.process([enters()])
        assert first.entry is not None
        show = first.entry.decisions[0]
        assert isinstance(show, Show)
        # No person gets so many cards: their decisions are copied from a real one, and folded as the log would.
        for number in range(1_000):
            bench.passes(20.0)
            now = bench.processor.clock.now()
            device = chance.choice(list(ways))
            decision = replace(show, id=f"d{number}", device=device, until=now.timestamp() + 15.0)
            device_of[decision.id] = device
            entry = replace(first.entry, moment=enters(at=now, id=f"m{number}"), decisions=(decision,), received_at=now)
            bench.processor.population.fold(entry)
            bench.screens.apply(entry, newborn("camille"), True)
            bench.delivery.apply(entry, newborn("camille"), True)
            await bench.quietens()
            if chance.random() < 0.1:
                bench.passes(6.0)
                await bench.quietens()
            if chance.random() < 0.05:
                await bench.delivery.stop()
                bench.delivery = bench.made()
                bench.delivery.apply(entry, newborn("camille"), True)
                bench.delivery.start()
                await bench.quietens()

    at_bench(Bench(push, wallet, letter, path=tmp_path / "d.sqlite"), story)
    arrived = [decision for _, decision, handed in kept if handed in ("taken", "unsure")]
    assert len(arrived) == len(set(arrived))
    assert len(arrived) > 300
    for name, decision, _ in kept:
        assert name in (ways[device_of[decision]], "mail")
    for decision in set(device_of):
        story_of = [(name, handed) for name, one, handed in kept if one == decision]
        assert all(handed not in ("taken", "unsure") for _, handed in story_of[:-1]), (
            "after it may have arrived, nothing follows"
        )
