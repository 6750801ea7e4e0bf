"""The stories of a strategy, checked before they are played: keys, kinds of moment, and what they name."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from msgspec.structs import fields

from visavis.model.consent import CATEGORIES
from visavis.model.decision import RefusalReason
from visavis.model.moment import KINDS, MomentBase
from visavis.strategy.brand import FIRST_NAME
from visavis.strategy.faults import Reading
from visavis.strategy.file_names import is_own
from visavis.strategy.read import Strategy
from visavis.strategy.story import Expected, Step, Story
from visavis.strategy.suggestion import suggestion

NAMES: Final = ("@usual", "@other", "@basket", "@here", "@here-front", "@card", "@brief", "@reward", "@order")
NAMES_ALONE: Final = ("@new card", "@name")
WRITTEN: Final = frozenset(MomentBase.__struct_fields__) - {"id"}
"""What the one who plays, or the gate, writes into each moment."""
DOES: Final = ("moment", "switch", "close", "read", "pass_s", "again")
REFUSED: Final = 400
"""From this status on a step expects to be refused, so that it may be wrong."""


def check(reading: Reading, strategy: Strategy | None) -> None:
    """Every story can be read, and names what exists; without a ``strategy`` only what needs none is checked."""
    for path in sorted(reading.files):
        if path.startswith("stories/") and is_own(path):
            story = reading.record(Story, path, reading.toml(path), (), id=path[len("stories/") : -len(".toml")])
            if story is None:
                continue
            if not story.steps:
                reading.fault(path, "steps", "this story has no steps", "Write one as [[steps]].")
            for number, step in enumerate(story.steps):
                _does_one_thing(reading, path, number, step)
                _moment(reading, path, number, step)
            if strategy is not None:
                _names(reading, path, story, strategy)


def _does_one_thing(reading: Reading, path: str, number: int, step: Step) -> None:
    done = [name for name in DOES if getattr(step, name)]
    if len(done) != 1:
        what = f"step {number + 1} does " + (f"{len(done)} things: {', '.join(done)}" if done else "nothing")
        reading.fault(path, ("steps", str(number)), what, f"A step has one of {', '.join(DOES)}.")


def _moment(reading: Reading, path: str, number: int, step: Step) -> None:
    """Its kind exists, its reporter may send it, and its fields are those of the kind."""
    if not step.moment or step.expect.status >= REFUSED:
        return
    where, given = ("steps", str(number), "moment"), step.moment.get("kind")
    if given not in KINDS:
        what = f"`{given}` is no kind of moment" if given is not None else "this moment has no kind"
        reading.fault(path, where, what, suggestion(str(given), KINDS))
        return
    kind = KINDS[str(given)]
    role = step.by.removeprefix("other-")
    if role not in kind.senders:
        what = f"`{given}` does not come from `by` = {step.by}"
        reading.fault(path, where, what, f"It comes from: {', '.join(sorted(kind.senders)) or 'the server only'}.")
    known = {field.name: field.required for field in fields(kind) if field.name not in WRITTEN}
    for name in step.moment.keys() - known.keys() - {"kind"}:
        reading.fault(path, where, f"`{name}` is not a field of {given}", suggestion(name, known.keys() - {"id"}))
    for name in sorted(name for name, required in known.items() if required and name not in (*step.moment, "id")):
        reading.fault(path, where, f"`{name}` is missing: each {given} has one", "Add it.")
    for value in _texts(step.moment.values()):
        if value.startswith("@") and value not in NAMES_ALONE and value.split()[0] not in NAMES:
            reading.fault(path, where, f"`{value}` stands for nothing", suggestion(value, (*NAMES, *NAMES_ALONE)))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _names(reading: Reading, path: str, story: Story, strategy: Strategy) -> None:
    """The purposes, actions, places and products that it names exist."""

    def known(where: tuple[str, ...], what: str, given: Iterable[str], names: Iterable[str]) -> None:
        every = list(names)
        for one in given:
            if one and one not in every and strategy.actions:  # without any action that is the one warning
                reading.fault(path, where, f"`{one}` is not {what}", suggestion(one, every))

    traits = (FIRST_NAME, *strategy.brand.traits)
    known(("given",), "a purpose", story.given, strategy.purposes)
    known(("declared",), "a trait of brand.toml", story.declared, traits)
    for number, step in enumerate(story.steps):
        at = ("steps", str(number))
        known((*at, "switch"), "a purpose", (step.switch,), strategy.purposes)
        known((*at, "close"), "a category of data", (step.close,), CATEGORIES)
        if step.expect.status < REFUSED:
            place, product = str(step.moment.get("place", "")), str(step.moment.get("product", ""))
            trait, measure = str(step.moment.get("trait", "")), str(step.moment.get("measure", ""))
            known((*at, "moment"), "a trait of brand.toml", (trait,), traits)
            known((*at, "moment"), "a measure of brand.toml", (measure,), strategy.brand.measures)
            known((*at, "moment"), "a place", (place,) if not place.startswith("@") else (), strategy.places)
            known((*at, "moment"), "a product", (product,) if not product.startswith("@") else (), strategy.products)
        for name, (what, given, names) in _expected(step.expect, strategy).items():
            known((*at, "expect", name), what, given, names)


def _expected(expect: Expected, strategy: Strategy) -> Mapping[str, tuple[str, Iterable[str], Iterable[str]]]:
    """What each expectation names, and the names that exist."""
    cards, briefs = [
        [action.id for action in strategy.actions.values() if action.audience == audience]
        for audience in ("customer", "adviser")
    ]
    reasons = get_args(RefusalReason)
    return {
        "card": ("a customer's action", (expect.card,), cards),
        "brief": ("an adviser's action", (expect.brief,), briefs),
        "silence": ("a reason", (expect.silence,), reasons),
        "or_silence": ("a reason", expect.or_silence, reasons),
        "effect": ("an effect", (expect.effect,), ("order", "reward")),
        "on_glasses": ("seen there", (expect.on_glasses,), ("a card", "nothing")),
        "device": ("a device", (expect.device,), strategy.devices),
        "wallet": ("in a wallet", expect.wallet, ("orders", "rewards")),
        "on": ("a purpose", expect.on, strategy.purposes),
        "off": ("a purpose", expect.off, strategy.purposes),
    }
