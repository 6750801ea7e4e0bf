"""Contested decisions: a person asks for a review; a person at the brand confirms or changes the decision."""

from msgspec import Struct
from msgspec.structs import replace

from visavis.cards.replies import contestable_action
from visavis.model.errors import Invalid
from visavis.model.ids import own_id
from visavis.model.moment import Contested, Reviewed
from visavis.model.request import MONTHS, Review, months_after
from visavis.rights.people import People, UnknownPerson


class OpenReview(Struct, frozen=True):
    """A contested decision in the brand's queue."""

    customer: str
    decision: str
    review: Review
    overdue: bool


class Reviews:
    """The reviews of one server."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def contest(self, name: str, decision: str, view: str) -> Review:
        """Ask for a review of an automated decision, with the person's own view; only a tagged one is reviewed."""
        customer, processor = self._people.find(name), self._people.processor
        if decision in customer.reviews:
            return customer.reviews[decision]
        entries = await self._people.writer.ask(lambda: processor.entries_of(name))
        decisions = (one for entry in entries for one in entry.decisions)
        found = next((one for one in decisions if one.id == decision and one.audience == "customer"), None)
        if found is None:
            raise UnknownPerson("There is no such decision about this person.", advice="GET …/export lists them.")
        action = contestable_action(processor.strategy, found)
        if not action:
            advice = "Only those about a price, eligibility, credit or a refusal are."
            raise Invalid("This decision is not one that somebody reviews.", advice=advice)
        now = self._people.now()
        cause, tag, due_at = (
            own_id("contested", decision),
            processor.strategy.actions[action].review,
            months_after(now, MONTHS),
        )
        moment = Contested(id=cause, customer=name, occurred_at=now, decision=decision, view=view, action=action)
        await self._people.process(replace(moment, tag=tag, due_at=due_at))
        return self._people.find(name).reviews[decision]

    async def answer(self, name: str, decision: str, outcome: str, reasons: str) -> Review:
        """Confirm the decision or change it, with reasons that the person reads."""
        found = self._people.find(name).reviews.get(decision)
        if found is None:
            advice = "GET /v1/reviews lists those that somebody did."
            raise UnknownPerson("Nobody contested this decision.", advice=advice)
        if not found.open:
            raise Invalid("This decision was reviewed already.", advice="A review is answered once.")
        cause, now = own_id("reviewed", decision), self._people.now()
        reviewed = Reviewed(
            id=cause, customer=name, occurred_at=now, decision=decision, outcome=outcome, reasons=reasons
        )
        await self._people.process(reviewed)
        return self._people.find(name).reviews[decision]

    def open(self) -> list[OpenReview]:
        """Every review that waits, the one that is due first at the head. Time closes none of them."""
        now = self._people.now().timestamp()
        profiles = [one for person in self._people.processor.population for one in person.profiles or (person,)]
        every = [(one.id, *item) for one in profiles for item in one.reviews.items()]
        found = [OpenReview(*one, overdue=now > one[2].due_at) for one in every if one[2].open]
        return sorted(found, key=lambda one: (one.review.due_at, one.customer, one.decision))
