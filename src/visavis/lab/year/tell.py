"""Explain one logged decision in words: for a person, for an adviser, for whoever has to answer for it."""

from visavis.decide.explain import SENTENCES, sentence
from visavis.model.decision import Decision, Show
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Invalid
from visavis.ports import Log


def find(log: Log, decision: str) -> tuple[Entry, Decision]:
    """The decision of this id with its entry; :class:`Invalid` when the log does not hold it."""
    for _, entry in log.scan():
        if not isinstance(entry, WorldEntry):
            for one in entry.decisions:
                if one.id == decision:
                    return entry, one
    raise Invalid(
        f"No decision {decision[:40]} is in this log.", advice="Ids are in the decisions file, and in each answer."
    )


def tell(log: Log, decision: str, language: str) -> str:
    """What was decided, why, what was read for it, and what the alternatives were, a line each."""
    entry, one = find(log, decision)
    what = (
        " · ".join(["show", one.action, *([one.family] if one.family else [])])
        if isinstance(one, Show)
        else f"silence · {one.reason}"
    )
    lines = [
        (
            f"{one.id} · {one.audience} · {entry.moment.kind} · {entry.received_at:%Y-%m-%d %H:%M} UTC · world"
            f" {entry.world}"
        ),
        f"{what} · p_shown {one.p_shown:g}",
        sentence(one, language),
    ]
    lines += [f"  read for {use.purpose}: {', '.join(use.categories)}" for use in entry.uses]
    if isinstance(one, Show):
        lines += [f"  {term.feature}: {term.push / 100:+.2f}" for term in one.terms]
    lines += [
        f"  arm {arm.action or 'silence'} {arm.family}: {arm.net_millicents / 1000:.2f} cents, p {arm.p_shown:g}"
        for arm in one.scored
    ]
    lines += [f"  known {known.family}: {known.p:.3f}" for known in one.known]
    lines += [
        f"  not {refusal.action}: {SENTENCES[refusal.reason][language]} {refusal.detail}".rstrip()
        for refusal in one.refusals
    ]
    return "\n".join(lines) + "\n"
