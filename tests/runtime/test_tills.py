"""What no working till saw is not observed: it teaches nothing and counts in no arm."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from support.doors import MOMENTS, a_server, client, moment, running
from support.people import BRANDS, KEY, NOON, STRATEGY, a_loop, camille, enters, lines, turn
from visavis.measurement.objectives import ObjectiveTallies
from visavis.model.decision import Outcome
from visavis.model.moment import Bought
from visavis.runtime.clock import TurnedClock
from visavis.runtime.loop import Processor
from visavis.runtime.projections import Projections
from visavis.runtime.replay import Difference, verify
from visavis.runtime.tills import Stretches

DAY = timedelta(days=1)


def reports(*days: float, place: str = "s1", name: str = "bo") -> list[Bought]:
    """What a till reports of somebody else, so many days after noon."""
    return [
        Bought(id=f"{place}-{day}", customer=name, occurred_at=NOON + day * DAY, place=place, lines=lines(BRANDS[9]))
        for day in days
    ]


def after_a_door(*of_others: Bought, received: timedelta = timedelta(hours=20)) -> tuple[Processor, list[Outcome]]:
    """The outcomes of a door at noon after which nothing was bought, when the till reports these of others."""
    loop = a_loop()
    camille(loop, "reminders", "place-moment")
    loop.process([enters()])
    turn(loop, NOON + received)
    loop.process(of_others)
    turn(loop, NOON + 2 * DAY)
    outcomes = [outcome for answer in loop.wake() if answer.entry for outcome in answer.entry.closed]
    loop.commit()
    differences: list[Difference] = []
    assert verify(loop.log, KEY, found=differences.append) > 0
    assert not differences
    return loop, outcomes


def test_a_window_without_a_working_till_is_not_observed() -> None:
    for others, observed in (
        ((), False),  # the till was silent for a week before, and since
        (reports(-2.0), True),
        (reports(0.1), False),  # it was silent when the window opened, and had been for a week
        (reports(-3.95, 0.5), False),
        (reports(-2.0, place="s9"), False),  # the till of another shop
    ):
        _, outcomes = after_a_door(*others)

        assert [outcome.observed for outcome in outcomes] == [observed], others


def test_what_a_till_reports_at_night_shows_that_it_was_working() -> None:
    _, outcomes = after_a_door(*reports(-3.0, -1.0, 0.05), received=timedelta(hours=26))

    assert [outcome.observed for outcome in outcomes] == [True]


def test_a_window_that_was_not_observed_teaches_nothing_and_is_in_no_arm() -> None:
    for others, seen in ((reports(-1.0), 1), ((), 0)):
        loop, _ = after_a_door(*others)
        tallies = ObjectiveTallies(STRATEGY, KEY)
        again = Processor(loop.log, STRATEGY, KEY, loop.clock, projections=Projections([tallies]))
        result = next(one for one in tallies.results() if one.closed or one.unobserved)

        assert (result.closed, result.people, result.unobserved) == (seen, seen, 1 - seen)
        assert again.customer("camille") == loop.customer("camille")
        learner = next(iter(loop.projections))
        assert [one["waits"] for one in learner.export_personal_data(["camille"])] == [
            "recalibration",
            "beliefs",
        ] * seen


def test_what_comes_after_the_grace_is_counted() -> None:
    loop, _ = after_a_door(*reports(-1.0))
    late = [
        Bought(
            id=f"late-{m}", customer="camille", occurred_at=NOON + timedelta(minutes=m), place="s1", lines=lines("p1")
        )
        for m in (-5, 30, 40, 300)
    ]
    loop.process(late)
    tallies = ObjectiveTallies(STRATEGY, KEY)
    Processor(loop.log, STRATEGY, KEY, loop.clock, projections=Projections([tallies]))

    assert tallies.too_late() == 1


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=40),
    st.integers(0, 200),
    st.integers(1, 40),
    st.integers(1, 50),
    st.randoms(),
)
def test_a_till_was_working_when_no_silence_was_too_long(
    hours: list[int], opens: int, length: int, stale: int, dice: object
) -> None:
    """In whichever order reports come: at each instant the last report is no older than what makes it stale."""
    shuffled, stretches = list(hours), Stretches([], [])
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    for hour in shuffled:
        stretches.add(hour * 3600.0)

    found = stretches.fresh(opens * 3600.0, (opens + length) * 3600.0, stale * 3600.0)

    halves = [opens + step / 2 for step in range(2 * length)]
    # Just before the next report, or the end, the last one is the oldest.
    instants = [*halves, opens + length - 1e-6, *[hour - 1e-6 for hour in hours if opens < hour < opens + length]]
    ages = [at - max([hour for hour in hours if hour <= at], default=-1e9) for at in instants]
    assert found == (max(ages) <= stale)


def test_what_is_silent_is_said_to_the_brand_and_to_each_person(tmp_path: Path) -> None:
    """To the brand no person is named; each person reads what is not known of them, and since when."""

    async def found() -> None:
        server = a_server(tmp_path)
        async with running(server) as brand:
            for language in ("en", "fr"):
                page = await brand.get(f"/console?language={language}")
                assert {"en": "No source is silent", "fr": "Aucune source"}[language] in page.text
            for one in ("home", "own-numbers"):
                (await brand.put(f"/v1/people/bo/purposes/{one}", json={"on": True})).raise_for_status()
            for sent in (
                moment("bought", "bo", id="b", place="s1", lines=[[BRANDS[0], 1, 100]]),
                moment("stocked", "bo", id="s", product=BRANDS[0]),
                moment("worn", "bo", id="w", device="g1"),
            ):
                (await brand.post(MOMENTS, json=sent)).raise_for_status()
            assert isinstance(server.processor.clock, TurnedClock)
            server.processor.clock.turn((NOON + 9 * DAY).timestamp())
            console, metrics = (await brand.get("/console?language=en")).text, (await brand.get("/metrics")).text
            assert "silent since 24 November" in console
            assert "Homes: 1 silent" in console
            assert "visavis_tills_stale 1.0" in metrics
            assert not re.search(r">\s*bo\s*<", console)
            async with client(server, server.access_keys.issue("device", "bo")) as own:
                english, french = [(await own.get(f"/me?language={one}")).text for one in ("en", "fr")]
            assert "since 24 November 2026" in english
            assert "depuis le 24 novembre 2026" in french.replace("\xa0", " ").replace("\u202f", " ")
        server.log.close()

    asyncio.run(found())
