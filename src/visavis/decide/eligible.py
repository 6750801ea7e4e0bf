"""Which woken actions may speak at all: consent, then conditions.

Each no is a value with its reason; only *true* opens a gate.
"""

from visavis.decide.facts import facts
from visavis.model.action import Action
from visavis.model.decision import Refusal
from visavis.model.moment import Moment
from visavis.model.view import View
from visavis.strategy.read import Strategy


def conditions_hold(
    strategy: Strategy, moment: Moment, purpose: str, actions: list[Action], view: View
) -> tuple[list[Action], list[Refusal]]:
    """Split the actions of one purpose into those whose ``when`` is true in this view, and refusals that name the failing predicate."""
    indexed, index = strategy.indexes[moment.kind, purpose]
    values = facts(view, index.paths)
    true, _ = index.match(values)
    held, refused = [], []
    for bit, action in enumerate(indexed):
        if action not in actions:
            continue
        if true >> bit & 1:
            held.append(action)
        else:
            predicate, reason = index.why_not(bit, values)
            refused.append(Refusal(action.id, reason, predicate))
    return held, refused
