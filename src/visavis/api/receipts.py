"""Receipts of consent.

What a person takes away as proof of a choice, in the formats that others read, and the key that verifies it.
"""

from hashlib import blake2b
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from visavis.api.people import PATH, person
from visavis.consent.choices import status
from visavis.http import problems
from visavis.http.access_keys import AccessKeys
from visavis.http.routes import PERSON, ApiRoute, Operation, route
from visavis.model.consent import NoticeText, hash_of, notice_text
from visavis.model.entry import WorldEntry
from visavis.model.errors import Invalid
from visavis.model.world import StrategyLoaded
from visavis.rights.receipts import kantara, proof, public_key, receipt, record, signing_key
from visavis.runtime.writer import Writer
from visavis.strategy.read import read

FORMATS: Final = {"receipt": "application/jose", "record": "application/ld+json", "kantara": "application/json"}

RECEIPT: Final = Operation(
    "GET",
    f"{PATH}/purposes/{{purpose}}/receipt",
    "The proof of a choice.",
    PERSON,
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

    async def one(request: Request) -> Response:
        name, _ = person(request, access)
        kind = request.query_params.get("format", "receipt")
        loop = writer.loop
        purpose = loop.strategy.purposes.get(str(request.path_params["purpose"]))
        customer = loop.customer(name)
        choice = customer.consents.get(purpose.key) if purpose is not None else None
        controller = loop.strategy.brand.controller
        if kind not in FORMATS or controller is None:
            known = (
                f"Formats: {', '.join(FORMATS)}."
                if controller is not None
                else "Write [controller] in brand.toml: who answers for the data."
            )
            raise Invalid("This receipt cannot be written.", advice=known)
        if purpose is None or choice is None or not choice.served:
            return problems.response(problems.problem(404, "There is no such choice of this person."))
        said = notice_text(purpose, choice.language)
        if hash_of(said) != choice.hash:
            said = await writer.ask(lambda: _as_served(writer, purpose.key, choice.language, choice.hash))
        now = loop.clock.now()
        pseudonym = "p_" + blake2b(name.encode(), key=secret, digest_size=12).hexdigest()
        found = proof(customer, pseudonym, purpose, said, status(customer, purpose, now.timestamp()))
        if kind == "receipt":
            return _said(receipt(found, controller, key, now).encode(), FORMATS[kind])
        return _said(
            msgspec.json.encode(record(found, controller) if kind == "record" else kantara(found, controller)),
            FORMATS[kind],
        )

    async def public(_: Request) -> Response:
        return Response(msgspec.json.encode(public_key(key)), media_type="application/json")

    return [route(RECEIPT, one), route(RECEIPT_KEY, public)]


def _as_served(writer: Writer, purpose: str, language: str, name: str) -> NoticeText:
    """The words of this name in a strategy that was loaded before: what was served is in the log."""
    for _, entry in writer.loop.log.scan():
        if isinstance(entry, WorldEntry) and isinstance(entry.change, StrategyLoaded):
            known = read(entry.change.files).purposes.get(purpose)
            if (
                known is not None
                and language in known.notice.text
                and hash_of(said := notice_text(known, language)) == name
            ):
                return said
    raise Invalid(
        "The words of this notice are not in the log any more.", advice="The choice stays bound to their hash."
    )


def _said(body: bytes, kind: str) -> Response:
    return Response(body, media_type=kind, headers={"cache-control": "no-store"})
