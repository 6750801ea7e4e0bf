"""Home Assistant's MQTT discovery: reads the announcements of fridges, and announces a home's screen.

Read are messages for one entity or for a device with its components; ``~`` at either end of a topic stands for the
base topic. Of templates only ``{{ value }}``, ``{{ value_json.a.b }}`` and ``{{ value_json['a']['b'] }}`` are
understood; nothing from the network is ever evaluated.
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
BASE: Final = "~"
_NAME: Final = r"\.[A-Za-z_]\w{0,63}|\[\s*(?:'[^'\\]{1,64}'|\"[^\"\\]{1,64}\")\s*\]"
TEMPLATE: Final = re.compile(rf"\s*\{{\{{\s*value(?:_json((?:{_NAME}){{0,8}}))?\s*\}}\}}\s*")
ANSWERS: Final = ("yes", "no")
Path = tuple[str, ...]
"""Where in a message its event is: the names to follow, from the outside in."""


def filters(prefix: str) -> list[str]:
    """The topics on which an event may be announced, in both styles."""
    return [f"{prefix}/event/+/config", f"{prefix}/event/+/+/config", f"{prefix}/device/+/config"]


def home_of(prefix: str, topic: str) -> str:
    """Whose announcement this is: the node of its topic, else the object; empty when it is none.

    >>> home_of("homeassistant", "homeassistant/event/4f1c/door/config")
    '4f1c'
    >>> home_of("homeassistant", "homeassistant/device/4f1c/config")
    '4f1c'
    """
    parts = topic.removeprefix(f"{prefix}/").split("/")
    return parts[1] if len(parts) in (3, 4) and parts[-1] == "config" and parts[0] in ("event", "device") else ""


def events(announcement: Any, own: str) -> dict[str, Path]:
    """The topics of the events that are announced, and where in their messages these are.

    :class:`Invalid` when one is not below ``own``: a home announces only its own.

    >>> events({"name": "Door", "stat_t": "visavis/4f1c/door", "val_tpl": "{{ value_json.event }}"}, "visavis/4f1c/")
    {'visavis/4f1c/door': ('event',)}
    """
    long = _long(announcement)
    found: dict[str, Path] = {}
    for component in _components(long):
        topic = _expanded(
            component.get("state_topic", long.get("state_topic", "")), component.get(BASE, long.get(BASE))
        )
        if not topic.startswith(own) or re.search(r"[+#\x00]", topic) or len(topic) > 200:
            raise Invalid(
                "A home announces only topics of its own.", advice="The state_topic begins with the home's own topic."
            )
        found[topic] = path(component.get("value_template", ""))
        if len(found) > EVENTS_LIMIT:
            raise Invalid("This home announces too much.", advice=f"At most {EVENTS_LIMIT} kinds of event.")
    return found


def path(template: Any) -> Path:
    """Where the event is by this template. :class:`Invalid` when the template is another than these.

    >>> path(""), path("{{ value }}"), path("{{value_json.after['event']}}")
    ((), (), ('after', 'event'))
    """
    if template == "":
        return ()
    found = TEMPLATE.fullmatch(template) if isinstance(template, str) and len(template) < 600 else None
    if found is None:
        raise Invalid("This template is not understood.", advice="Write {{ value }} or {{ value_json.name }}.")
    return tuple([one.strip(".[]'\" ") for one in re.findall(_NAME, found[1] or "")])


def within(message: Any, where: Path) -> Any:
    """What a message holds there; :class:`Invalid` when nothing is there."""
    for name in where:
        if not isinstance(message, dict) or name not in message:
            raise Invalid("The event is not where it was announced.", advice="Check the value_template.")
        message = message[name]
    return message


def announced(broker: Broker, home: str, brand: str, card: Card | None) -> dict[str, bytes]:
    """Retained messages that announce this home's screen: the card, and its yes and no while there is one.

    An empty message removes an entity. What a button sends names its card, so that a late press answers no other.
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
        label = getattr(card, name) if card is not None else ""
        components[name] = {"platform": "button"}
        if card is not None and label:
            pressed = msgspec.json.encode({"decision": card.decision, "answer": name}).decode()
            components[name] |= {
                "name": label,
                "unique_id": f"visavis-{home}-{name}",
                "command_topic": f"{own}/answer",
                "payload_press": pressed,
            }
    if broker.style == "device":
        # In this style a component with nothing but a platform is removed.
        whole = shared | {"origin": {"name": "visavis"}, "components": components}
        return {f"{prefix}/device/{home}/card/config": msgspec.json.encode(whole)}
    return {
        f"{prefix}/{one['platform']}/{home}/{name}/config": (
            msgspec.json.encode(shared | one) if "unique_id" in one else b""
        )
        for name, one in components.items()
    }


def _components(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The components that announce events: a device's on the platform ``event``, else the announcement itself."""
    if "components" not in fields:
        yield fields
        return
    if not all(isinstance(fields.get(name), dict) for name in ("components", "device", "origin")):
        raise Invalid(
            "An announced device has a device, an origin and components.", advice="See Home Assistant's MQTT discovery."
        )
    for component in [_long(one) for one in fields["components"].values()]:
        if component.get("platform") == "event" and len(component) > 1:
            yield component


def _expanded(topic: Any, base: Any) -> str:
    """The topic with its base topic in the place of ``~``; empty for what is no text."""
    if not isinstance(topic, str) or not isinstance(base, str | None):
        return ""
    if base is None:
        return str(topic)
    topic = base + topic[1:] if topic.startswith(BASE) else topic
    return str(topic[:-1] + base if topic.endswith(BASE) else topic)


def _long(fields: Any) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise Invalid("An announcement is a JSON object.", advice="See Home Assistant's MQTT discovery.")
    return {str(SHORT.get(name, name)): value for name, value in fields.items()}
