"""Home Assistant's discovery, both ways.

A fridge that announces its events so is understood, and a home's screen is announced so that it appears there.

Both styles are read: one message for one entity, or one for a device with its components. Of templates only ``{{ value
}}`` and ``{{ value_json.a.b }}`` are understood; nothing that comes from the network is ever run.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from visavis.config import Broker
from visavis.model.card import Card
from visavis.model.errors import Invalid

SHORT: Final = {
    "cmps": "components",
    "dev": "device",
    "p": "platform",
    "o": "origin",
    "stat_t": "state_topic",
    "val_tpl": "value_template",
    "uniq_id": "unique_id",
}
EVENTS_LIMIT: Final = 16
"""How many kinds of event one home may announce."""
TEMPLATE: Final = re.compile(r"\s*\{\{\s*value(?:_json((?:\.[A-Za-z_]\w{0,63}){0,8}))?\s*\}\}\s*")
ANSWERS: Final = ("yes", "no")
Path = tuple[str, ...]
"""Where in a message its event is: the names to follow, from the outside in."""


def filters(prefix: str) -> list[str]:
    """The topics on which an event may be announced, in both styles."""
    return [f"{prefix}/event/+/config", f"{prefix}/event/+/+/config", f"{prefix}/device/+/config"]


def home_of(prefix: str, topic: str) -> str:
    """Whose announcement this is: the node of its topic, else the object; empty when it is none.

    >>> home_of("homeassistant", "homeassistant/event/4f1c/door/config"), home_of("homeassistant", "homeassistant/device/4f1c/config")
    ('4f1c', '4f1c')
    """
    parts = topic.removeprefix(f"{prefix}/").split("/")
    return parts[1] if len(parts) in (3, 4) and parts[-1] == "config" and parts[0] in ("event", "device") else ""


def events(told: Any, own: str) -> dict[str, Path]:
    """The topics on which this announcement says that events come, and where in their messages these are.

    :class:`Invalid` when one is not below ``own``: nobody announces another home's.

    >>> events({"name": "Door", "stat_t": "visavis/4f1c/door", "val_tpl": "{{ value_json.event }}"}, "visavis/4f1c/")
    {'visavis/4f1c/door': ('event',)}
    """
    told = _long(told)
    found: dict[str, Path] = {}
    for component in _components(told):
        topic = component.get("state_topic", told.get("state_topic", ""))
        if not isinstance(topic, str) or not topic.startswith(own) or re.search(r"[+#\x00]", topic) or len(topic) > 200:
            raise Invalid(
                "A home announces only topics of its own.", advice="The state_topic begins with the home's own topic."
            )
        found[topic] = path(component.get("value_template", ""))
        if len(found) > EVENTS_LIMIT:
            raise Invalid("This home announces too much.", advice=f"At most {EVENTS_LIMIT} kinds of event.")
    return found


def path(template: Any) -> Path:
    """Where a template says that the event is. :class:`Invalid` when it says more than that.

    >>> path(""), path("{{ value }}"), path("{{value_json.after.event}}")
    ((), (), ('after', 'event'))
    """
    if template == "":
        return ()
    found = TEMPLATE.fullmatch(template) if isinstance(template, str) and len(template) < 600 else None
    if found is None:
        raise Invalid("This template is not understood.", advice="Write {{ value }} or {{ value_json.name }}.")
    return tuple((found[1] or "").split(".")[1:])


def within(told: Any, where: Path) -> Any:
    """What a message holds there; :class:`Invalid` when it holds nothing there."""
    for name in where:
        if not isinstance(told, dict) or name not in told:
            raise Invalid("The event is not where its announcement said.", advice="Check the value_template.")
        told = told[name]
    return told


def announced(broker: Broker, home: str, brand: str, card: Card | None) -> dict[str, bytes]:
    """The retained messages by which this home's screen is in Home Assistant as it should be now.

    The card, and its yes and no while there is one.

    An empty message takes an entity away. What a button sends names its card, so that a press that comes late answers
    that card and no other.
    """
    own, prefix = f"{broker.root}/{home}", broker.discovery
    shared = {
        "device": {"identifiers": [f"visavis-{home}"], "name": brand, "manufacturer": "Vis-à-vis"},
        "availability_topic": f"{broker.root}/status",
        "qos": 1,
    }
    components: dict[str, dict[str, Any]] = {
        "card": {
            "platform": "sensor",
            "name": None,
            "unique_id": f"visavis-{home}-card",
            "state_topic": f"{own}/card",
            "json_attributes_topic": f"{own}/card",
            "value_template": "{{ value_json.title if value_json is defined else '' }}",
            "json_attributes_template": "{{ value or '{}' }}",
        }
    }
    for name in ANSWERS:
        said = getattr(card, name) if card is not None else ""
        components[name] = {"platform": "button"}
        if card is not None and said:
            pressed = msgspec.json.encode({"decision": card.decision, "answer": name}).decode()
            components[name] |= {
                "name": said,
                "unique_id": f"visavis-{home}-{name}",
                "command_topic": f"{own}/answer",
                "payload_press": pressed,
            }
    if broker.style == "device":
        # There a component of which nothing but the platform is told is taken away.
        whole = shared | {"origin": {"name": "visavis"}, "components": components}
        return {f"{prefix}/device/{home}/card/config": msgspec.json.encode(whole)}
    return {
        f"{prefix}/{told['platform']}/{home}/{name}/config": (
            msgspec.json.encode(shared | told) if "unique_id" in told else b""
        )
        for name, told in components.items()
    }


def _components(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The components that announce events.

    Of a device those on the platform ``event``, else the announcement itself.
    """
    if "components" not in told:
        yield told
        return
    if (
        not isinstance(told["components"], dict)
        or not isinstance(told.get("device"), dict)
        or not isinstance(told.get("origin"), dict)
    ):
        raise Invalid(
            "An announced device has a device, an origin and components.", advice="See Home Assistant's MQTT discovery."
        )
    for component in [_long(one) for one in told["components"].values()]:
        if component.get("platform") == "event" and len(component) > 1:
            yield component


def _long(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise Invalid("An announcement is a JSON object.", advice="See Home Assistant's MQTT discovery.")
    return {str(SHORT.get(name, name)): value for name, value in told.items()}
