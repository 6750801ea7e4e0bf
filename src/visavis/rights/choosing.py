"""A choice of a person, by whoever records it, and their answer to what waits for them: the same at every way in."""

from secrets import token_hex
from typing import Final

from visavis.consent.choices import PurposeSwitch, switched
from visavis.consent.confirmation import sought, waiting
from visavis.consent.notices import unproven
from visavis.model.entry import Origin
from visavis.model.errors import Invalid, Refused
from visavis.model.ids import own_id
from visavis.model.moment import Confirmed, Sought
from visavis.rights.requests import Requests
from visavis.runtime.writer import Writer

NOT_KEPT: Final = "This choice was not kept."


async def choose(writer: Writer, name: str, key: str, switch: PurposeSwitch, origin: Origin, language: str) -> bool:
    """Process the choice; whether it waits for the person. :class:`Refused` when it is not taken."""
    loop = writer.processor
    purpose, at = loop.strategy.purposes.get(key), loop.clock.now()
    if purpose is None or purpose.basis != "consent":
        raise Invalid("This is no purpose that can be chosen.", advice="GET …/purposes lists them.")
    if switch.proof is not None and switch.proof.at > at:
        raise Invalid("The proof is of the future.", advice="Send when the person said yes as `at`.")
    version = switch.notice or purpose.notice.version
    if switch.on and (fault := unproven(purpose, version, switch.proof, at, origin)):
        raise Refused(NOT_KEPT, advice=fault)  # before the notice is noted as read
    cause = own_id("choice", token_hex(6))
    moments = switched(purpose, name, switch, origin, language=language, cause=cause, at=at)
    if sought(loop.customer(name), moments[-1], at, origin) is not None:
        del moments[:-1]  # no notice was served to them
    for moment in moments:
        answer = (await writer.process(moment, origin)).answer
        if answer.refused is not None:
            raise Refused(NOT_KEPT, advice=answer.refused.advice)
    return answer.entry is not None and isinstance(answer.entry.moment, Sought)


async def confirm(requests: Requests, name: str, of: str, origin: Origin, language: str, *, yes: bool) -> None:
    """Answer what waits for this person: a yes is their own choice from now on, a no leaves all as it is."""
    people, now = requests.people, requests.people.now()
    found = next((one for one in waiting(people.find(name), now.timestamp()) if one.of == of), None)
    if found is None:
        raise Invalid("Nothing waits under this name any more.", advice="Load the page again.")
    if yes and found.what == "consent":
        await choose(people.writer, name, found.about, PurposeSwitch(on=True), origin, language)
    elif yes and found.what == "objection":
        await requests.object(name, found.about, on=False, origin=origin)
    elif yes and found.what == "restriction":
        await requests.restrict(name, on=False, origin=origin)
    await people.process(
        Confirmed(id=own_id("confirmed", token_hex(6)), customer=name, occurred_at=now, of=of, yes=yes), origin
    )
