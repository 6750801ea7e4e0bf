"""Which actions this kind of moment can wake: an index made when the strategy was read, never a scan."""

from visavis.model.action import Action, Audience
from visavis.model.moment import Moment
from visavis.strategy.read import Strategy


def woken(strategy: Strategy, moment: Moment, audience: Audience) -> dict[str, list[Action]]:
    """The actions for this audience, by the purpose under which they read, in the order of their ids."""
    by_purpose: dict[str, list[Action]] = {}
    for action in strategy.waking.get(moment.kind, ()):
        if action.audience == audience:
            by_purpose.setdefault(action.purpose, []).append(action)
    return by_purpose
