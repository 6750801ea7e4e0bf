"""Explain one logged decision in words, for whoever has to answer for it."""

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


def explanation(log: Log, decision: str, language: str) -> str:
    """What was decided, why, what was read for it, and what the alternatives were, a line each."""
    entry, found = find(log, decision)
    what = f"silence · {found.reason}" if not isinstance(found, Show) else f"show · {found.action}"
    if isinstance(found, Show) and found.family:
        what += f" · {found.family}"
    at, kind = f"{entry.received_at:%Y-%m-%d %H:%M} UTC", entry.moment.kind
    lines = [f"{found.id} · {found.audience} · {kind} · {at} · world {entry.world}"]
    lines += [f"{what} · p_shown {found.p_shown:g}", sentence(found, language)]
    lines += [f"  read for {use.purpose}: {', '.join(use.categories)}" for use in entry.uses]
    if isinstance(found, Show):
        lines += [f"  {term.feature}: {term.push / 100:+.2f}" for term in found.terms]
    lines += [
        f"  arm {arm.action or 'silence'} {arm.family}: {arm.net_millicents / 1000:.2f} cents, p {arm.p_shown:g}"
        for arm in found.scored
    ]
    lines += [f"  known {known.family}: {known.p:.3f}" for known in found.known]
    lines += [f"  not {one.action}: {SENTENCES[one.reason][language]} {one.detail}".rstrip() for one in found.refusals]
    return "\n".join(lines) + "\n"
