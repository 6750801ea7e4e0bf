"""Actions that can never run, or never do what they promise, whatever happens."""

from collections.abc import Iterator
from typing import Final, get_args

from visavis.model.action import Action, Objective, Weekday
from visavis.model.moment import KINDS
from visavis.strategy.contradictions import carriers
from visavis.strategy.faults import Reading

ABOUT: Final = {"seen": carriers("saw.family"), "home": carriers("home.family")}
"""The kinds of moment that name a family, by what an action is about."""
SAID_BY: Final = {
    "today": carriers("measure.today"),
    "goal": carriers("measure.goal_share"),
    "left": carriers("saw.units_at_home"),
}
"""The kinds of moment that give a placeholder its value."""
OF_A_FAMILY: Final = frozenset({"family", "product", "price"})


def check(reading: Reading, found: Action, objective: Objective | None) -> None:
    """Each thing that keeps this action from running is a fault."""
    path, kinds = f"actions/{found.id}.toml", [kind for kind in found.woken_by if kind in KINDS]
    for kind in kinds:
        for what, advice in _unheard(found, kind):
            reading.fault(path, "woken_by", what, advice)
    for key, what, advice in _without_effect(found):
        reading.fault(path, key, what, advice)
    if found.first_day is not None and found.last_day is not None and found.first_day > found.last_day:
        reading.fault(path, "until", "`until` is before `from`", "Swap them; both days are included.")
    elif not _has_a_day(found):
        reading.fault(path, "days", "none of these days is between `from` and `until`", "Name another, or drop `days`.")
    if len(set(found.days)) < len(found.days):
        reading.fault(path, "days", "`days` names a day twice", "Name each day once.")
    agrees = objective is not None and objective.outcome == "answered_yes"
    for language, card in found.card.items():
        if (found.effect or agrees) and not card.yes.strip():
            what = "nobody can say yes to this card, and its " + ("effect" if found.effect else "outcome") + " is a yes"
            reading.fault(path, ("card", language), what, "Write `yes`.")
        for key, text in (("title", card.title), ("body", card.body), ("why", card.why)):
            for what, advice in _without_value(found, kinds, text):
                reading.fault(path, ("card", language, key), what, advice)


def _unheard(found: Action, kind: str) -> Iterator[tuple[str, str]]:
    """Why a moment of this kind never leads to this action, and advice."""
    if kind == "located":
        yield "`located` is never stored: a position becomes `entered`", 'Write ["entered"].'
    elif found.audience == "adviser" and kind != "checked_in":
        yield f"an adviser is never shown anything because of `{kind}`", 'Only a check-in is: write ["checked_in"].'
    elif found.about == "need" and not KINDS[kind].has_local_time:
        yield f"needs are not estimated when `{kind}` wakes it: it has no local time", "Write another kind, or `about`."
    elif found.about in ABOUT and kind not in ABOUT[found.about]:
        known = ", ".join(ABOUT[found.about])
        yield f"`{kind}` names no product, and this action is about what is {_WHAT[found.about]}", f"Known: {known}."


_WHAT: Final = {"seen": "looked at", "home": "reported by the home"}


def _without_effect(found: Action) -> Iterator[tuple[str, str, str]]:
    """Settings that contradict each other: the key, what is wrong, and advice."""
    if found.effect == "reward" and not found.reward_cents:
        yield "effect", "this reward is worth nothing", "Write `reward_cents`, a whole number above 0."
    if found.effect != "reward" and found.reward_cents:
        yield "reward_cents", "nothing grants this reward", 'Write effect = "reward", or drop `reward_cents`.'
    if found.effect == "order" and found.about == "none":
        yield "effect", "this order has no product", 'Write `about` = "need", "seen" or "home".'
    if found.product_when and found.about != "need":
        yield "product_when", f"`product_when` is not read: this action is about {found.about}", "Use `when`."


def _has_a_day(found: Action) -> bool:
    """Whether some day of the week lies between its first and its last day; a week has them all."""
    first, last = found.first_day, found.last_day
    if not found.days or first is None or last is None or (last - first).days >= 6:
        return True
    ordinals = range(first.toordinal(), last.toordinal() + 1)
    return any(get_args(Weekday)[(day - 1) % 7] in found.days for day in ordinals)


def _without_value(found: Action, kinds: list[str], text: str) -> Iterator[tuple[str, str]]:
    """The placeholders of a text that never have a value, and advice."""
    if found.about == "none":
        for name in sorted(name for name in OF_A_FAMILY if f"{{{name}}}" in text):
            yield f"{{{name}}} has no value: this action is about none", 'Write about = "need", "seen" or "home".'
    for name, known in SAID_BY.items():
        if f"{{{name}}}" in text and not set(kinds) & set(known):
            advice = f"It has one when {', '.join(known)} does."
            yield f"{{{name}}} has no value when {', '.join(kinds)} wakes it", advice
