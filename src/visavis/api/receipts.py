"""Receipts of consent, which a person keeps as proof of a choice, and the public key that verifies them."""

from hashlib import blake2b
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.api.people import about_person, person
from visavis.consent.choices import status
from visavis.http import problems
from visavis.http.access_keys import AccessKeys
from visavis.http.routes import ApiRoute, Operation, route
from visavis.model.consent import Consent, NoticeText
from visavis.model.errors import Invalid
from visavis.model.moment import Noticed
from visavis.rights.kantara import kantara
from visavis.rights.receipts import proof, public_key, receipt, record, signing_key
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer

FORMATS: Final = {"receipt": "application/jose", "record": "application/ld+json", "kantara": "application/json"}

RECEIPT: Final = about_person(
    "GET",
    "purposes/{purpose}/receipt",
    "The proof of a choice.",
    reads=("account",),
    response=tuple(FORMATS.values()),
    errors=(422, 503),
    query=("format",),
    enums={"format": tuple(FORMATS)},
)
RECEIPT_KEY: Final = Operation(
    "GET", "/.well-known/consent-receipt-key.json", "What verifies receipts.", response=dict[str, Any]
)


def routes(writer: Writer, access: AccessKeys, secret: bytes) -> list[ApiRoute]:
    """The receipt of one choice, in the format that was asked for, and the key that verifies it."""
    key = signing_key(secret)

    async def get_receipt(request: Request) -> Response:
        name, _ = person(request, access)
        kind = request.query_params.get("format", "receipt")
        loop = writer.processor
        purpose = loop.strategy.purposes.get(str(request.path_params["purpose"]))
        customer = loop.side(name)
        choice = customer.consents.get(purpose.key) if purpose is not None else None
        controller = loop.strategy.brand.controller
        if controller is None:
            advice = "Write [controller] in brand.toml: who answers for the data."
            raise Invalid("This receipt cannot be written.", advice=advice)
        if kind not in FORMATS:
            raise Invalid("This receipt cannot be written.", advice=f"Formats: {', '.join(FORMATS)}.")
        if purpose is None or choice is None or not choice.served:
            return problems.response(problems.problem(404, "There is no such choice of this person."))
        notice, recorded = await writer.ask(
            lambda: (_served_notice(loop, name, choice), loop.entry(name, choice.record))
        )
        now = loop.clock.now()
        pseudonym = "p_" + blake2b(name.encode(), key=secret, digest_size=12).hexdigest()
        found = proof(customer, pseudonym, purpose, notice, status(customer, purpose, now.timestamp()), recorded)
        if kind == "receipt":
            return _response(receipt(found, controller, key, now).encode(), FORMATS[kind])
        document = record(found, controller) if kind == "record" else kantara(found, controller)
        return _response(msgspec.json.encode(document), FORMATS[kind])

    async def get_key(_: Request) -> Response:
        return Response(msgspec.json.encode(public_key(key)), media_type="application/json")

    return [route(RECEIPT, get_receipt), route(RECEIPT_KEY, get_key)]


def _served_notice(loop: Processor, name: str, choice: Consent) -> NoticeText:
    for one in loop.names(name):
        entry = loop.log.entry(one, choice.served)
        notice = entry.moment if entry is not None else None
        if isinstance(notice, Noticed) and notice.hash == choice.hash:
            return NoticeText(**{name: getattr(notice, name) for name in NoticeText.__struct_fields__})
    raise Invalid("The notice of this choice is not in the log any more.", advice="The choice still names its hash.")


def _response(body: bytes, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"cache-control": "no-store"})
