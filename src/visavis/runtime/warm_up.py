"""Warm up: what is computed once is computed before anyone waits for it."""

from visavis.cards.replies import reply
from visavis.consent.choices import PurposeSwitch, switched
from visavis.engine import NotAdmitted, admit, step
from visavis.model.customer import newborn
from visavis.model.entry import SERVER
from visavis.model.moment import Bought, CheckedIn, Entered, Line, Moment, Paying
from visavis.runtime.loop import Processor

NAME = "nobody"


def warm_up(processor: Processor) -> None:
    """Step one visit of a person who is not there, and forget it."""
    strategy, at = processor.strategy, processor.clock.now()
    moments: list[Moment] = []
    for purpose in strategy.purposes.values():
        if purpose.basis == "consent":
            language = strategy.language_for()
            yes = PurposeSwitch(on=True)
            moments += switched(purpose, NAME, yes, SERVER, language=language, cause=purpose.key, at=at)
    place = next(iter(strategy.places), "")
    lines = tuple([Line(product) for product in list(strategy.products)[:10]])
    if lines and place:
        moments.append(Bought(id="bought", customer=NAME, occurred_at=at, place=place, lines=lines))
    for kind in (Entered, CheckedIn, Paying) if place else ():
        moments.append(kind(id=kind.__name__, customer=NAME, occurred_at=at, place=place))
    customer = newborn(NAME)
    for moment in moments:
        admitted = admit(strategy, customer, moment, at)
        if not isinstance(admitted, NotAdmitted):
            entry, customer = step(strategy, processor.world, customer, admitted, at, processor.randomization_key)
            for language in strategy.brand.languages:
                reply(strategy, entry, language, "brand")
