"""Rectification: correct entries of a person, and every other entry that rested on them.

A word that only the wrong moment contained (a product, a family, a trait's value) is removed from decisions, briefs and
effects. A ``corrected`` moment, without values, stays; the person is folded again from their entries.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from visavis.consent.gate import placed
from visavis.consent.vocabulary import undeclared
from visavis.model.decision import Decision, Silence
from visavis.model.decoding import from_builtins
from visavis.model.entry import Entry
from visavis.model.errors import Invalid
from visavis.model.moment import Answered, Corrected, Moment, MomentBase, Requested
from visavis.strategy.read import Strategy

CORRECTABLE: Final = frozenset({"places", "sight", "purchases", "home", "numbers", "preferences", "orders"})
"""Data about the person. What they chose and what we did are no data to correct: they are what happened."""
EVIDENCE: Final = frozenset({"purchases", "orders"})  # a proof for both sides: the brand corrects it
_ENVELOPE: Final = ("id", "customer", "occurred_at", "kind", "at", "late", "own_offset_s")


def corrected(strategy: Strategy, entry: Entry, instead: Mapping[str, Any]) -> Entry:
    """The entry with these fields of its moment corrected; whose, when and of what kind it was stay."""
    old = entry.moment
    if old.category not in CORRECTABLE:
        advice = "Correct what was declared, observed, bought or measured."
        raise Invalid("This moment holds no data about the person.", advice=advice)
    unknown = set(instead) - (set(old.__struct_fields__) - set(_ENVELOPE))
    if unknown or not instead:
        wrong = f"{len(unknown)} of these fields are not known of this kind of moment."
        advice = f"Known: {', '.join(sorted(_fields(old)))}."
        raise Invalid(wrong if unknown else "There is no field to correct.", advice=advice)
    fields: dict[str, Any] = msgspec.to_builtins(replace(old, at=None))
    decoded = from_builtins(fields | dict(instead), received_at=entry.received_at, our_own=True)
    if advice := undeclared(strategy, decoded):
        raise Invalid("The strategy does not declare what this names.", advice=advice)
    new = placed(strategy, decoded, old.own_offset_s)
    if getattr(new, "place", None) == getattr(old, "place", None):
        new = replace(new, at=old.at)  # its local time was that of an offset that is not kept with the instant
    return replace(entry, moment=new)


def amended(entries: Sequence[Entry], of: str, new: Entry | None) -> dict[str, Entry | None]:
    """Every entry that must change with that of the moment ``of``, which becomes ``new`` (``None``: it goes)."""
    wrong = next((entry for entry in entries if entry.moment.id == of), None)
    if wrong is None:
        raise Invalid("There is no such moment of this person.", advice="GET …/export lists them.")
    if wrong.moment.category not in CORRECTABLE:
        advice = "Correct what was declared, observed, bought or measured."
        raise Invalid("This moment holds no data about the person.", advice=advice)
    others = [entry for entry in entries if entry is not wrong]
    kept = others if new is None else [*others, new]
    words, outcomes = _words_of([wrong]) - _words_of(kept), _outcomes_of([wrong]) - _outcomes_of(kept)
    found: dict[str, Entry | None] = {of: _without(new, words, outcomes) if new is not None else None}
    for entry in others:
        after = _without(entry, words, outcomes)
        if after is not entry:
            found[entry.moment.id] = after
    return found


def without_categories(entries: Sequence[Entry], over: Container[str]) -> Iterator[tuple[Entry, Entry | None]]:
    """A person's entries that change when what is kept as these goes, each with what it becomes (``None``: it goes)."""
    gone = [entry for entry in entries if entry.moment.retention in over]
    kept = [entry for entry in entries if entry.moment.retention not in over]
    words, outcomes = _words_of(gone) - _words_of(kept), _outcomes_of(gone) - _outcomes_of(kept)
    for entry in gone:
        yield entry, None
    for entry in kept:
        after = _without(entry, words, outcomes)
        if after is not entry:
            yield entry, after


def _without(entry: Entry, gone: set[str], outcomes: set[str]) -> Entry:
    """The entry, with nothing that rests on these words, and no decision that waits for one of these outcomes."""
    moment = entry.moment
    if isinstance(moment, Answered) and moment.about in gone:
        moment = replace(moment, about="")
    kept = [_decision(decision, gone) for decision in entry.decisions]
    decisions = tuple([replace(one, window=None) if one.id in outcomes else one for one in kept])
    effects = tuple([replace(effect, product="") if effect.product in gone else effect for effect in entry.effects])
    after = replace(entry, moment=moment, decisions=decisions, effects=effects)
    return after if after != entry else entry


def _decision(decision: Decision, gone: set[str]) -> Decision:
    """A card about what is gone becomes a silence; one that named it among others teaches nothing any more."""
    scored = tuple([arm for arm in decision.scored if arm.family not in gone])
    known = () if any({one.family, one.product} & gone for one in decision.known) else decision.known
    if isinstance(decision, Silence):
        return replace(decision, scored=scored, known=known)
    if {decision.family, decision.product} & gone:
        return Silence(
            decision.id,
            decision.audience,
            decision.purpose,
            "wrong",
            decision.p_shown,
            scored,
            known,
            decision.refusals,
            None,
            decision.head,
        )
    facts = tuple([fact for fact in decision.facts if fact.subject not in gone])
    return replace(decision, scored=scored, known=known, facts=facts)


def _words_of(entries: Iterable[Entry]) -> set[str]:
    return {word for entry in entries for word in _words(entry.moment)}


def _outcomes_of(entries: Iterable[Entry]) -> set[str]:
    return {outcome.decision for entry in entries for outcome in entry.closed}


def _words(moment: Moment) -> set[str]:
    if isinstance(moment, Answered | Corrected | Requested):
        return set()
    return {word for name in _fields(moment) for word in _texts(msgspec.to_builtins(getattr(moment, name))) if word}


def _fields(moment: MomentBase) -> list[str]:
    return [name for name in moment.__struct_fields__ if name not in _ENVELOPE]


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
