"""The public ledger: its last checkpoint, proofs, and the lines that it covers. No access key is needed."""

from base64 import b64encode
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from visavis.http.routes import ApiRoute, Operation, route
from visavis.ledger.log import Ledger
from visavis.model.errors import Invalid
from visavis.runtime.writer import Writer

PAGE_LINES: Final = 10_000
FRESH: Final = {"cache-control": "no-cache"}
FOREVER: Final = {"cache-control": "public, max-age=31536000, immutable"}  # a proof never changes


def _get(path: str, summary: str, response: Any, *errors: int, query: tuple[str, ...] = ()) -> Operation:
    return Operation("GET", f"/v1/ledger/{path}", summary, response=response, errors=errors, query=query)


CHECKPOINT: Final = _get("checkpoint", "The ledger of uses up to now: its size and root, signed.", "text/plain", 503)
KEY: Final = _get("key", "What verifies checkpoints.", "text/plain")
_SIZES: Final = ("seq", "old", "size")
PROOF: Final = _get(
    "proof", "The proof of one line, or that the ledger only grew.", dict[str, Any], 422, 503, query=_SIZES
)
LEAVES: Final = _get(
    "leaves", "The lines that a checkpoint covers.", "application/x-ndjson", 422, 503, query=("after",)
)


def routes(writer: Writer, ledger: Ledger) -> list[ApiRoute]:
    """The endpoints of the ledger, open to everyone."""

    def newest() -> str:
        ledger.follow()
        return ledger.checkpoint(writer.processor.clock.now().timestamp())

    async def checkpoint(_: Request) -> Response:
        note = await writer.ask(newest)
        return Response(note, media_type="text/plain; charset=utf-8", headers=FRESH)

    async def key(_: Request) -> Response:
        return Response(ledger.signer.verifier + "\n", media_type="text/plain; charset=utf-8", headers=FRESH)

    async def proof(request: Request) -> Response:
        query = request.query_params
        if ("seq" in query) is ("old" in query):
            raise Invalid("A proof is of one line or of two sizes.", advice="Ask ?seq=3&size=10 or ?old=3&size=10.")
        size = _number(request, "size")
        if "seq" in query:
            index = _number(request, "seq")
            return JSONResponse(await writer.ask(lambda: _inclusion_proof(ledger, index, size)), headers=FOREVER)
        old = _number(request, "old")
        return JSONResponse(await writer.ask(lambda: _consistency_proof(ledger, old, size)), headers=FOREVER)

    async def leaves(request: Request) -> Response:
        after = _number(request, "after") if "after" in request.query_params else 0
        lines = await writer.ask(lambda: ledger.lines(after, PAGE_LINES))
        headers = dict(FRESH)
        if len(lines) == PAGE_LINES:
            headers["link"] = f'</v1/ledger/leaves?after={after + PAGE_LINES}>; rel="next"'
        return Response(b"".join([line + b"\n" for line in lines]), media_type="application/x-ndjson", headers=headers)

    return [route(CHECKPOINT, checkpoint), route(KEY, key), route(PROOF, proof), route(LEAVES, leaves)]


def _inclusion_proof(ledger: Ledger, index: int, size: int) -> dict[str, object]:
    proof, leaf_hash = [_base64(one) for one in ledger.inclusion(index, size)], _base64(ledger.hash_of(index))
    return {"seq": index, "size": size, "leaf_hash": leaf_hash, "root": _base64(ledger.root(size)), "proof": proof}


def _consistency_proof(ledger: Ledger, old: int, size: int) -> dict[str, object]:
    proof, old_root = [_base64(one) for one in ledger.consistency(old, size)], _base64(ledger.root(old))
    return {"old": old, "size": size, "old_root": old_root, "root": _base64(ledger.root(size)), "proof": proof}


def _base64(hashed: bytes) -> str:
    return b64encode(hashed).decode()


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Invalid(f"`{name}` is a whole number, from 0 on.", advice="A checkpoint tells how many lines there are.")
    return int(text)
