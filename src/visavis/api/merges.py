"""Endpoints by which two customers agree that they are one person."""

from starlette.requests import Request
from starlette.responses import Response

from visavis.api.people import person, person_endpoint
from visavis.http.access_keys import AccessKey, AccessKeys
from visavis.http.bodies import MergeAnswer, OneTimeCode, json_response, read_body
from visavis.http.requests import key_of
from visavis.http.routes import ApiRoute, routes_of
from visavis.rights.merges import MergeCode
from visavis.rights.requests import Requests
from visavis.runtime.linking import WaitingMerge


def routes(requests: Requests, access: AccessKeys) -> list[ApiRoute]:
    """What waits for a person, their answer, and one-time codes."""
    return routes_of(MergesApi(requests, access))


class MergesApi:
    """The endpoints: the person's own device reads and answers; a code may also come from the brand, for its holder."""

    def __init__(self, requests: Requests, access: AccessKeys) -> None:
        self._merges = requests.merges
        self._access = access

    @person_endpoint("GET", "merges", "Merges that wait.", roles=("device",), response=list[WaitingMerge], errors=())
    async def waiting(self, request: Request) -> Response:
        """The merges that wait for this person, or for the other one."""
        return json_response(self._merges.waiting(self._own(request).subject))

    @person_endpoint(
        "POST",
        "merges",
        "Confirm or refuse a merge.",
        roles=("device",),
        request=MergeAnswer,
        response=list[WaitingMerge],
    )
    async def answer(self, request: Request) -> Response:
        """Confirm or refuse."""
        key, sent = self._own(request), await read_body(request, MergeAnswer)
        await self._merges.answer(key.subject, sent.merge, key.origin("api"), yes=sent.yes)
        return json_response(self._merges.waiting(key.subject))

    @person_endpoint("POST", "merge-code", "A one-time code for this person.", reads=("account",), response=MergeCode)
    async def code(self, request: Request) -> Response:
        """Make a code, which its holder gets by letter or shows at the counter; that the brand made one is recorded."""
        name, key = person(request, self._access)
        return json_response(await self._merges.code(name, key.origin("api")))

    @person_endpoint(
        "POST", "merge-code/use", "Confirm a merge by this person's code.", reads=(), request=OneTimeCode, status=204
    )
    async def use(self, request: Request) -> Response:
        """Confirm the merge that waits for the holder of this code."""
        name, key = person(request, self._access)
        await self._merges.confirm_by_code(name, (await read_body(request, OneTimeCode)).code, key.origin("api"))
        return Response(status_code=204)

    def _own(self, request: Request) -> AccessKey:
        key_of(request, self._access, "device")
        return person(request, self._access)[1]
