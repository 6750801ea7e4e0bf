"""Which woken actions may be proposed: purpose open, condition true in its view (unknown is not); else a refusal."""

from msgspec import Struct

from visavis.decide.facts import facts
from visavis.decide.needs import Ranking
from visavis.model.action import Action
from visavis.model.decision import Refusal
from visavis.model.view import View
from visavis.strategy.read import WokenActions


class Eligible(Struct, frozen=True, gc=False):
    """An action whose condition holds, the view that it reads, and the needs that it is about (absent when none)."""

    action: Action
    view: View
    ranking: Ranking | None = None


def conditions_hold(woken: WokenActions, view: View) -> tuple[list[Action], list[Refusal]]:
    """The actions whose ``when`` is true in this view, and a refusal that names the failing predicate of each other."""
    values = facts(view, woken.index.paths)
    true, _ = woken.index.match(values)
    held, refused = [], []
    for bit, action in enumerate(woken.actions):
        if true >> bit & 1:
            held.append(action)
        else:
            predicate, reason = woken.index.why_not(bit, values)
            refused.append(Refusal(action.id, reason, predicate))
    return held, refused
