"""A home over a real broker, with mosquitto's own clients: events are kept once, the screen shows what it should."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from support.devices.broker import RIGHTS, Hearing, Home, Houses, Mosquitto, a_broker, houses
from support.people import NOON, ROOT, STRATEGY
from visavis.config import Broker, settings
from visavis.devices.home.discovery import events
from visavis.devices.home.messages import PAYLOAD_LIMIT, answer, event, opened
from visavis.model.errors import Invalid, Unavailable
from visavis.model.moment import Answered, Consumed, Displayed, Measured, RanOut, Stocked, Worn

MILK, BREAD = list(STRATEGY.products)[:2]
LINKED = list(STRATEGY.products)[-1]
TOLD = (Stocked, Consumed, RanOut, Measured)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with a_broker(tmp_path_factory.mktemp("mosquitto")) as found:
        yield found


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of its own: two servers of the same name would take each other's session."""
    with a_broker(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def street(broker: Mosquitto) -> Iterator[Houses]:
    with houses(broker, discovery="homeassistant") as found:
        yield found


def at(seconds: float = 0.0) -> str:
    return (NOON - timedelta(seconds=seconds)).isoformat()


def out(product: str = MILK, seconds: float = 0.0) -> dict[str, Any]:
    return {"event_type": "out_of_stock", "gtin": product, "time": at(seconds)}


def title(message: tuple[str, bool, str]) -> str:
    return str(json.loads(message[2])["decision"])


def orders(home: Home) -> list[Any]:
    return [effect for entry in home.houses.site.entries(home.person) for effect in entry.effects]


def test_what_runs_out_comes_back_as_a_card_and_a_yes_on_the_fridge_is_one_order(street: Houses) -> None:
    home = street.home()
    screen = home.screen()

    home.says("event", out())
    topic, _, told = screen.next()
    card = json.loads(told)
    home.says("displayed", {"decision": card["decision"]})
    home.says("answer", {"decision": card["decision"], "answer": "yes"})
    gone = screen.next()
    home.says("answer", {"decision": card["decision"], "answer": "no"})
    street.until(lambda: orders(home))

    assert topic == home.topic("card")
    assert (card["yes"], card["no"], card["language"]) == ("Commander", "Non merci", "fr")
    assert "n’y en a plus" in card["title"]
    assert gone == (home.topic("card"), False, "")
    assert [effect.kind for effect in orders(home)] == ["order"]
    assert [one.answer for one in street.moments(home, Answered)] == ["yes"], "of two answers the first counts"
    assert len(street.moments(home, Displayed)) == 1


def test_each_type_of_event_is_the_moment_that_it_tells_of_and_guesses_are_none(street: Houses) -> None:
    home = street.home(role="sensor")

    told: list[tuple[str, dict[str, Any]]] = [
        ("item_added", {"product": MILK, "quantity": 2}),
        ("item_consumed", {"gtin": MILK}),
        ("item_removed", {"gtin": MILK, "uom": "EA"}),
        ("item_added", {"digital_link": f"https://shop.example/fridge/01/0{LINKED}/10/L1/21/S1?17=271231"}),
        ("ran_out", {"gtin": BREAD}),
        ("low_stock", {"gtin": MILK}),
        ("expiring", {"gtin": MILK}),
        ("item_consumed", {"gtin": MILK, "quantity": 0.3, "uom": "LTR"}),
        ("item_added", {"gtin": MILK, "confidence": 0.3}),
        ("item_added", {"gtin": "3017620422003"}),
        ("danced", {"gtin": MILK}),
    ]
    for number, (kind, more) in enumerate(told):
        home.says("event", {"event_type": kind, "time": at(60 - number), **more})
    home.says("event", {"event_type": "item_added", "gtin": LINKED, "time": at()})
    found = street.until(lambda: len(found) == 6 and found if (found := street.moments(home, *TOLD)) else None)

    assert [(type(one), one.product, getattr(one, "quantity", None)) for one in found] == [
        (Stocked, MILK, 2),
        (Consumed, MILK, 1),
        (Consumed, MILK, 1),
        (Stocked, LINKED, 1),
        (RanOut, BREAD, None),
        (Stocked, LINKED, 1),
    ]


def test_what_comes_twice_or_was_kept_by_the_broker_counts_once(street: Houses) -> None:
    home = street.home(role="sensor")
    added = {"event_type": "item_added", "gtin": MILK, "time": at(5)}

    for _ in range(3):
        home.says("event", added)
    home.says("event", added, "-r")
    for quantity in (1, 2):
        home.says("event", {"event_type": "item_added", "gtin": BREAD, "quantity": quantity, "id": "e1", "time": at(4)})
    kicked(street)
    home.says("event", added)
    home.says("event", {"event_type": "item_added", "gtin": MILK, "time": at(1)})
    street.until(lambda: len(street.moments(home, Stocked)) >= 3)

    assert [(one.product, one.quantity) for one in street.moments(home, Stocked)] == [(MILK, 1), (BREAD, 1), (MILK, 1)]


def test_what_the_broker_kept_is_of_the_day_that_it_tells_or_of_none() -> None:
    told = {"event_type": "out_of_stock", "gtin": MILK, "id": "e"}
    with pytest.raises(Invalid, match="has a `time`"):
        event(told, "camille", "h1", STRATEGY.products, NOON, retained=True)
    assert event(told | {"time": at()}, "camille", "h1", STRATEGY.products, NOON, retained=True) is not None
    assert event(told, "camille", "h1", STRATEGY.products, NOON) is not None


def kicked(street: Houses) -> None:
    """Somebody takes the server's session over, as a broken network would end it; it comes back by itself."""
    hearing = Hearing(street.broker, "admin", "visavis/status")
    hearing.next()
    intruder = Hearing(street.broker, "server", "visavis/nothing", more=("-i", "visavis-visavis"))
    said = [hearing.next()[2] for _ in range(2)]
    intruder.close()
    hearing.close()
    assert said == ["offline", "online"], "our last will, then we are back"


HOSTILE = [
    b"\xff\xfe\x00",
    b"{",
    b"",
    b"[" * 10_000,
    b"null",
    b'"x"',
    b"12",
    b"{}",
    b"\x00" * 9_000,
    b"x" * 2_000_000,
    {"event_type": "out_of_stock", "gtin": MILK},
    {"event_type": "out_of_stock", "gtin": MILK, "time": "2026-11-24T17:00:00"},
    {"event_type": "out_of_stock", "gtin": MILK, "time": "2036-11-24T17:00:00Z"},
    {"event_type": "out_of_stock", "gtin": MILK, "time": "0001-01-01T00:00:00+14:00"},
    {"event_type": "out_of_stock", "gtin": "unknown", "time": at()},
    {"event_type": "item_added", "gtin": MILK, "time": at(), "quantity": -1},
    {"event_type": "item_added", "gtin": MILK, "time": at(), "quantity": 1e300},
    {"event_type": ["item_added"], "gtin": {}, "time": []},
    {"event_type": "item_added", "customer": "p1", "kind": "withdrew", "id": "x" * 500, "gtin": MILK, "time": at()},
    {"event_type": "measured", "measure": "", "value": 1, "time": at()},
    {"decision": "d", "answer": "yes"},
    {"decision": "x" * 5_000, "answer": "perhaps"},
]


def test_hostile_messages_leave_nothing_and_the_next_good_one_is_heard(street: Houses) -> None:
    home = street.home()
    screen = home.screen()

    for payload in HOSTILE:
        for what in ("event", "answer", "displayed", "status"):
            if payload or what != "status":  # nothing at all is how a status is taken back
                home.says(what, payload)
    home.says("event", out())
    card = screen.next()

    assert [type(one) for one in street.moments(home, *TOLD, Answered, Displayed)] == [RanOut]
    assert json.loads(card[2])["yes"]
    assert street.site.server.home is not None
    assert screen.quiet()


def test_nobody_speaks_for_another_home(street: Houses) -> None:
    mine, other = street.home(), street.home()
    before = len(street.site.entries(other.person))

    street.broker.say(mine.id, other.topic("event"), out())  # the broker does not let it pass
    street.broker.say("admin", "visavis/ffffffffffff/event", out())  # whose key is none
    street.broker.say("admin", f"visavis/{other.id}/x/event", out())
    announced = {"name": "Spy", "event_types": ["out_of_stock"], "state_topic": other.topic("door"), "unique_id": "spy"}
    street.broker.say(mine.id, f"homeassistant/event/{mine.id}/spy/config", announced)
    street.broker.say("admin", other.topic("door"), out())
    mine.says("event", out())
    street.until(lambda: street.moments(mine, RanOut))

    assert len(street.site.entries(other.person)) == before
    other.close()


def test_a_sensor_tells_and_never_answers_and_a_revoked_key_is_nobodys(street: Houses) -> None:
    fridge, sensor = street.home(), street.home(role="sensor")
    screen = fridge.screen()
    fridge.says("event", out())
    decision = title(screen.next())

    sensor.says("status", "online")
    sensor.says("answer", {"decision": decision, "answer": "yes"})
    street.site.call(lambda: street.site.server.access_keys.revoke(fridge.id))
    street.site.call(street.site.server.screens.look_again)
    gone = screen.next()
    fridge.says("answer", {"decision": decision, "answer": "yes"})
    sensor.says("event", out(BREAD))
    street.until(lambda: street.moments(sensor, RanOut))

    assert gone[2] == ""
    assert street.moments(fridge, Answered) == street.moments(sensor, Answered, Worn) == []


@pytest.mark.parametrize("end", ["withdrawn", "over"])
def test_a_card_is_taken_away_when_it_may_no_longer_be_shown(apart: Mosquitto, end: str) -> None:
    with houses(apart) as street:
        home = street.home()
        screen = home.screen()
        home.says("event", out())
        shown = json.loads(screen.next()[2])

        if end == "withdrawn":
            street.site.withdraws(home.person, "home")
        else:
            street.site.passes(
                datetime.fromisoformat(shown["until"]).timestamp() - street.site.clock.now().timestamp() + 1
            )
        gone = screen.next()
        late = Hearing(apart, home.id, home.topic("card"))

        assert gone == (home.topic("card"), False, "")
        assert late.quiet(), "nor does the broker keep it"
        late.close()


def test_a_fridge_that_is_lost_is_no_screen_and_its_card_waits_for_nobody(street: Houses) -> None:
    home = street.home()
    screen = home.screen()
    home.says("event", out())
    screen.next()

    screen.lose()
    street.until(lambda: not street.worn(home))
    late = Hearing(street.broker, "admin", home.topic("card"))

    assert late.quiet()
    assert [one.worn for one in street.moments(home, Worn)] == [True, False]
    late.close()


def test_a_card_that_was_on_the_screen_is_not_sent_again_after_a_lost_connection(street: Houses) -> None:
    home = street.home()
    screen = home.screen()
    home.says("event", out())
    decision = title(screen.next())

    kicked(street)
    still = Hearing(street.broker, "admin", home.topic("card"))

    assert screen.quiet()
    assert title(still.next()) == decision
    home.says("answer", {"decision": decision, "answer": "no"})
    assert screen.next()[2] == ""
    still.close()


def test_a_stale_card_that_the_broker_kept_is_taken_away(street: Houses) -> None:
    home = street.home()
    stale = {"decision": "of last week", "language": "fr", "title": "Vieux", "until": "2026-11-20T10:00:00Z"}
    for topic in (home.topic("card"), "visavis/eeeeeeeeeeee/card"):
        street.broker.say("admin", topic, stale, "-r")

    hearing = Hearing(street.broker, "admin", home.topic("card"), "visavis/eeeeeeeeeeee/card")
    assert {hearing.next()[1] for _ in range(2)} == {True}
    kicked(street)

    assert [hearing.next()[2] for _ in range(2)] == ["", ""]
    hearing.close()


def test_a_burst_is_held_back_by_the_broker_and_kept_whole(street: Houses) -> None:
    home = street.home(role="sensor")
    lines = [
        json.dumps({"event_type": "item_added", "gtin": MILK, "id": str(number), "time": at(number)})
        for number in range(300)
    ]

    subprocess.run(
        ["mosquitto_pub", *street.broker.arguments(home.id), "-q", "1", "-t", home.topic("event"), "-l"],
        input="\n".join(lines),
        text=True,
        check=True,
    )
    street.until(lambda: len(street.moments(home, Stocked)) >= 300)

    assert len({one.id for one in street.moments(home, Stocked)}) == len(street.moments(home, Stocked)) == 300


def test_a_broker_that_dies_and_comes_back_finds_everybody_again(apart: Mosquitto) -> None:
    with houses(apart) as street:
        home = street.home()
        screen = home.screen()
        home.says("event", out())
        decision = title(screen.next())

        apart.stop(signal.SIGKILL)
        apart.start()
        home.says("status", "online", "-r")
        again = title(screen.next(20))
        home.says("answer", {"decision": again, "answer": "yes"})
        street.until(lambda: street.moments(home, Answered))

        assert again == decision, "the same card, which a screen knows by its decision"
        assert len(orders(home)) == 1


def test_what_homes_say_while_the_server_is_away_waits_for_it(apart: Mosquitto) -> None:
    with houses(apart) as street:
        home = street.home(role="sensor")
        ours = street.site.server.home
        assert ours is not None
        home.says("event", out(BREAD))
        street.until(lambda: street.moments(home, RanOut))

        street.site.run(ours.stop())
        home.says("event", out())
        assert len(street.moments(home, RanOut)) == 1
        street.site.call(ours.start)

        street.until(lambda: len(street.moments(home, RanOut)) == 2)


def test_the_rights_here_are_those_that_the_page_tells_to_give() -> None:
    told = (ROOT / "docs" / "devices" / "fridge.md").read_text(encoding="utf-8")

    assert [line for line in RIGHTS.splitlines() if line not in told] == ["user admin", "topic readwrite #"]


# ---- Home Assistant


@pytest.mark.parametrize("style", ["entity", "device"])
def test_a_fridge_that_home_assistant_knows_is_understood_in_both_styles(street: Houses, style: str) -> None:
    home = street.home(role="sensor")
    door = {
        "name": "Porte",
        "uniq_id": "f1_door",
        "event_types": ["item_added"],
        "stat_t": home.topic("door"),
        "val_tpl": "{{ value_json.after.event }}",
    }
    dev = {"ids": ["f1"], "name": "Frigo", "mf": "X"}
    if style == "entity":
        announced: dict[str, Any] = door | {"dev": dev}
        config = f"homeassistant/event/{home.id}/door/config"
    else:
        announced = {
            "dev": dev,
            "o": {"name": "frigo2mqtt"},
            "cmps": {"door": door | {"p": "event"}, "temp": {"p": "sensor", "stat_t": "elsewhere"}},
            "qos": 1,
        }
        config = f"homeassistant/device/{home.id}/config"

    street.broker.say(home.id, config, announced, "-r")
    street.until(lambda: home.topic("door") in street.site.server.home.announced)  # type: ignore[union-attr]
    home.says("door", {"after": {"event": {"event_type": "item_added", "gtin": MILK, "time": at()}}})
    street.until(lambda: street.moments(home, Stocked))
    street.broker.say(home.id, config, b"", "-r")
    street.until(lambda: home.topic("door") not in street.site.server.home.announced)  # type: ignore[union-attr]

    home.says("door", {"after": {"event": {"event_type": "item_added", "gtin": BREAD, "time": at()}}})
    home.says("event", out())
    street.until(lambda: street.moments(home, RanOut))
    assert len(street.moments(home, Stocked)) == 1


@pytest.mark.parametrize("style", ["entity", "device"])
def test_a_screen_is_announced_with_buttons_that_answer_its_card_and_no_other(apart: Mosquitto, style: str) -> None:
    with houses(apart, discovery="homeassistant", style=style) as street:
        home = street.home()
        assistant = Hearing(apart, home.id, f"homeassistant/+/{home.id}/+/config")
        home.screen()
        found: dict[str, Any] = {}

        def hears(yes: bool) -> dict[str, Any]:
            while ("no" in components(found)) is not yes or "card" not in components(found):
                topic, _, told = assistant.next()
                if home.id in topic:
                    found[topic] = json.loads(told) if told else None
            return components(found)

        before = hears(yes=False)
        home.says("event", out())
        card = hears(yes=True)
        street.broker.say(home.id, card["yes"]["command_topic"], card["yes"]["payload_press"])
        after = hears(yes=False)
        street.until(lambda: orders(home))

        assert before["card"]["state_topic"] == home.topic("card")
        assert card["yes"]["name"] == "Commander"
        assert "yes" not in after
        assert home.person not in json.dumps(found)
        assert {one["unique_id"] for one in card.values()} == {
            f"visavis-{home.id}-{name}" for name in ("card", "yes", "no")
        }
        assistant.close()


def components(found: dict[str, Any]) -> dict[str, Any]:
    """What Home Assistant would hold after these announcements."""
    held: dict[str, Any] = {}
    for topic, told in found.items():
        if told is not None and topic.startswith("homeassistant/device/"):
            held |= {name: one for name, one in told["components"].items() if len(one) > 1}
        elif told is not None:
            held[topic.split("/")[3]] = told
    return held


# ---- without a broker

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=200) | st.binary(max_size=20).map(lambda part: part * 2000))
@example(b"[" * PAYLOAD_LIMIT)
@example(b" " * (PAYLOAD_LIMIT + 1))
def test_any_bytes_are_json_or_one_clear_no(payload: bytes) -> None:
    try:
        opened(payload)
    except Invalid as error:
        assert str(error).startswith("The message is ")


@given(
    st.dictionaries(
        st.sampled_from(
            ["event_type", "id", "time", "gtin", "product", "digital_link", "quantity", "uom", "confidence", "value"]
        ),
        anything,
    )
)
def test_any_json_is_a_moment_of_a_known_product_or_nothing(told: dict[str, Any]) -> None:
    try:
        found = event(
            {"event_type": "item_added", "time": at(), "gtin": MILK} | told, "camille", "h1", STRATEGY.products, NOON
        )
    except Invalid as error:
        assert "camille" not in str(error)
        return
    assert found is None or (
        isinstance(found, TOLD) and found.customer == "camille" and getattr(found, "product", MILK) in STRATEGY.products
    )


@given(anything)
def test_any_json_is_an_announcement_of_ones_own_topics_or_none(told: Any) -> None:
    for one in (
        told,
        {"state_topic": told},
        {"stat_t": "visavis/h1/x", "val_tpl": told},
        {"dev": {}, "o": {}, "cmps": {"a": told, "b": {"p": "event", "stat_t": told}}},
    ):
        try:
            found = events(one, "visavis/h1/")
        except Invalid:
            continue
        assert all(topic.startswith("visavis/h1/") for topic in found)


@pytest.mark.parametrize(
    "template",
    [
        "{{ states('x') }}",
        "{{ value_json.__class__ | x }}",
        "{% for a in b %}",
        "{{ value_json['a'].b() }}",
        "{{ value_json[a] }}",
        "{{ value_json['a\\'] }}",
        12,
        "{{ value }} {{ value }}",
    ],
)
def test_a_template_that_says_more_than_a_place_is_refused(template: Any) -> None:
    with pytest.raises(Invalid):
        events({"state_topic": "visavis/h1/x", "value_template": template}, "visavis/h1/")


@pytest.mark.parametrize(
    ("announcement", "topic"),
    [
        ({"~": "visavis/h1", "stat_t": "~/door"}, "visavis/h1/door"),
        ({"~": "/door", "stat_t": "visavis/h1~"}, "visavis/h1/door"),
        ({"~": "visavis/h1", "dev": {}, "o": {}, "cmps": {"a": {"p": "event", "stat_t": "~/a"}}}, "visavis/h1/a"),
        ({"dev": {}, "o": {}, "cmps": {"a": {"~": "visavis/h1", "p": "event", "stat_t": "~/a"}}}, "visavis/h1/a"),
    ],
)
def test_a_base_topic_stands_at_either_end_of_a_topic(announcement: dict[str, Any], topic: str) -> None:
    template = {"val_tpl": "{{ value_json.after['the event'][ \"kind\" ] }}"}
    assert list(events(announcement, "visavis/h1/")) == [topic]
    assert list(events({**announcement, **template}, "visavis/h1/")) == [topic]
    assert events({"stat_t": topic, **template}, "visavis/h1/") == {topic: ("after", "the event", "kind")}


@pytest.mark.parametrize("base", ["visavis/h2", "visavis/h1/#", 7, "", ["visavis/h1"]])
def test_a_base_topic_of_another_home_is_refused(base: Any) -> None:
    with pytest.raises(Invalid):
        events({"~": base, "stat_t": "~/door"}, "visavis/h1/")


def test_an_answer_is_one_of_four() -> None:
    assert answer({"decision": "d1", "answer": "later"}).answer == "later"
    wrong: list[Any] = [{"decision": "", "answer": "yes"}, {"decision": "d1", "answer": "perhaps"}, [], "yes"]
    for told in wrong:
        with pytest.raises(Invalid):
            answer(told)


def test_a_broker_without_the_library_and_a_wrong_setting_are_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "visavis.toml"
    file.write_text('[mqtt]\nhost = "broker.example"\nroot = "a/b"\n')
    with pytest.raises(Invalid, match="settings"):
        settings(file)
    file.write_text('[mqtt]\nhost = "broker.example"\nstyle = "device"\n')
    told = settings(file).mqtt
    assert told == Broker("broker.example", 8883, style="device")

    from visavis.devices.home.broker import Connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "aiomqtt", None)
        with pytest.raises(Unavailable, match=r"visavis\[mqtt\]"):
            Connection(told, None)  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="authority"):
        Connection(replace(told, ca=str(tmp_path / "none.pem")), None)  # type: ignore[arg-type]
