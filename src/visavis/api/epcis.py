"""``POST /epcis/capture``: a home's events as GS1 EPCIS 2.0; idempotent, and done when it is answered."""

from datetime import datetime
from secrets import token_hex
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from visavis.api.epcis_events import moments
from visavis.engine import NotAdmitted, admit
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys, permits
from visavis.http.bodies import NO_STORE, json_response
from visavis.http.problems import Problem
from visavis.http.requests import key_of
from visavis.http.routes import ApiRoute, Operation, endpoint, routes_of
from visavis.model.errors import Invalid, VisavisError
from visavis.model.moment import Moment
from visavis.runtime.writer import Writer

PATH: Final = "/epcis/capture"
BODY_LIMIT: Final = 1 << 20
EVENTS_LIMIT: Final = 1_000
JOBS_KEPT: Final = 1_000
PROTOCOL: Final = "GS1 EPCIS 2.0"  # its own types of problem, statuses and 202 with the address of the job
_KEY: Final[dict[str, Any]] = {"roles": ("sensor", "device"), "protocol": PROTOCOL}
_ERRORS: Final = (400, 406, 413, 415, 422, 503)
CAPTURE: Final = Operation(
    "POST", PATH, "What happened at home, as events.", request="application/ld+json", status=202, errors=_ERRORS, **_KEY
)
JOB: Final = Operation(
    "GET", PATH + "/{id}", "The result of a capture.", response="application/json", errors=(503,), **_KEY
)
KINDS: Final = ("application/json", "application/ld+json")
VERSIONS: Final = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
EXCEPTIONS: Final = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    409: "ResourceAlreadyExistsException",
    413: "CaptureLimitExceededException",
    415: "UnsupportedMediaTypeException",
}


class CaptureJob(Struct, frozen=True, rename="camel"):
    """The result of a capture."""

    capture_id: str = field(name="captureID")
    created_at: datetime
    finished_at: datetime
    running: bool
    success: bool
    capture_error_behaviour: str
    errors: list[Problem]


class Rejected(Exception):
    """The whole capture is answered by this problem."""

    def __init__(self, status: int, detail: str, advice: str = "") -> None:
        super().__init__(detail)
        self.problem = _problem(status, detail, advice)


def routes(writer: Writer, access: AccessKeys) -> list[ApiRoute]:
    """Capture, and the jobs of the same home."""
    return routes_of(EpcisApi(writer, access))


class EpcisApi:
    """Captures events, all or none unless ``proceed`` is asked, and keeps what became of the latest captures."""

    def __init__(self, writer: Writer, access: AccessKeys) -> None:
        self._writer = writer
        self._access = access
        self._jobs: dict[tuple[str, str], CaptureJob] = {}

    @endpoint(CAPTURE)
    async def capture(self, request: Request) -> Response:
        """Take the events in, and answer with the address of the job."""
        clock = self._writer.processor.clock
        try:
            key = key_of(request, self._access, "sensor", "device")
            behaviour = _behaviour(request)
            events = _events(await _body(request))
            created_at = clock.now()
            accepted, errors = self._moments(key, events, all_or_none=behaviour == "rollback")
            errors += await self._process_all(key, accepted)
        except Rejected as error:
            return problems.response(error.problem)
        except VisavisError as error:
            return _refusal(error)
        job = CaptureJob(token_hex(12), created_at, clock.now(), False, not errors, behaviour, errors)
        self._jobs[key.subject, job.capture_id] = job
        while len(self._jobs) > JOBS_KEPT:
            del self._jobs[next(iter(self._jobs))]
        return Response(status_code=202, headers={"location": f"{PATH}/{job.capture_id}", **NO_STORE, **VERSIONS})

    @endpoint(JOB)
    async def job(self, request: Request) -> Response:
        """A capture of the same home."""
        try:
            key = key_of(request, self._access, "sensor", "device")
        except VisavisError as error:
            return _refusal(error)
        job = self._jobs.get((key.subject, request.path_params["id"]))
        if job is None:
            advice = "Send the events again: the same ones are kept once."
            return problems.response(_problem(404, "There is no such capture.", advice))
        found = json_response(job)
        found.headers.update(VERSIONS)
        return found

    def _moments(self, key: AccessKey, events: list[Any], *, all_or_none: bool) -> tuple[list[Moment], list[Problem]]:
        """The moments of all events, and their errors; with ``all_or_none``, :class:`Rejected` at the first error."""
        found: list[Moment] = []
        errors: list[Problem] = []
        for number, event in enumerate(events, 1):
            try:
                found += self._admitted(key, event, number)
            except Rejected as error:
                if all_or_none:
                    raise
                errors.append(error.problem)
        return found, errors

    def _admitted(self, key: AccessKey, event: Any, number: int) -> list[Moment]:
        loop = self._writer.processor
        now = loop.clock.now()
        try:
            found = moments(event, key.subject, loop.strategy.products, now)
        except Invalid as error:
            raise Rejected(400, f"Event {number}: {Exception.__str__(error)}", error.advice) from None
        for moment in found:
            admitted = admit(loop.strategy, loop.population.customer(key.subject), moment, now)
            if isinstance(admitted, NotAdmitted):
                raise Rejected(403, f"Event {number} was not kept.", admitted.advice)
            if permits(key, moment):
                raise Rejected(403, f"Event {number} was not kept.", "Use the key of who speaks.")
        return found

    async def _process_all(self, key: AccessKey, accepted: list[Moment]) -> list[Problem]:
        """Queue all before the first is awaited, so that they share commits; the problems of those then refused."""
        queued = [self._writer.put(moment, key.origin("epcis")) for moment in accepted]
        answers = [(await one).answer for one in queued]
        refusals = [answer.refused for answer in answers if answer.refused is not None]
        conflicts = sum(answer.conflict for answer in answers)
        taken = _problem(409, "Another event was kept under this eventID.", "Give each event an eventID of its own.")
        return [*[_problem(403, "An event was not kept.", one.advice) for one in refusals], *[taken] * conflicts]


def _behaviour(request: Request) -> str:
    """What to do at the first error; :class:`Rejected` for a type or version of content that is not supported."""
    if request.headers.get("content-type", KINDS[0]).partition(";")[0].strip().lower() not in KINDS:
        raise Rejected(415, "The body is no EPCIS document in JSON.", f"Content-Type: {' or '.join(KINDS)}.")
    version = request.headers.get("gs1-epcis-version", "2.0").strip()
    if version.split(".")[0] != "2":
        raise Rejected(406, "Only EPCIS 2.0 is supported.", "Leave GS1-EPCIS-Version out, or send 2.0.0.")
    behaviour = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    if behaviour not in ("rollback", "proceed"):
        raise Rejected(400, "There is no such GS1-Capture-Error-Behaviour.", "Use rollback or proceed.")
    return behaviour


def _events(body: bytes) -> list[Any]:
    try:
        sent = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected(400, "The body is not JSON.", "Send an EPCISDocument.") from None
    found = sent if isinstance(sent, list) else _of_document(sent)
    if len(found) > EVENTS_LIMIT:
        raise Rejected(413, f"{len(found):,} events were sent.", f"Send at most {EVENTS_LIMIT:,} at once.")
    return found


def _of_document(sent: Any) -> list[Any]:
    if not isinstance(sent, dict) or "@context" not in sent:
        raise Rejected(400, "This is no EPCIS document: it has no `@context`.", "Send an EPCISDocument in JSON-LD.")
    kind = next((sent[name] for name in ("type", "@type", "isA") if name in sent), "")
    if isinstance(kind, str) and kind.endswith("Event"):
        return [sent]
    if kind != "EPCISDocument" or not str(sent.get("schemaVersion", "")).startswith("2."):
        advice = 'It says "type": "EPCISDocument" and "schemaVersion": "2.0".'
        raise Rejected(400, "This is no EPCISDocument of version 2.0.", advice)
    try:
        dated = msgspec.convert(sent.get("creationDate"), datetime, strict=True).tzinfo is not None
    except msgspec.ValidationError:
        dated = False
    body = sent.get("epcisBody")
    found = body.get("eventList", [body["event"]] if "event" in body else None) if isinstance(body, dict) else None
    if not dated or not isinstance(found, list):
        form = "a `creationDate` with a time zone, and an `eventList` in its `epcisBody`"
        raise Rejected(400, f"An EPCISDocument has {form}.")
    return found


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise Rejected(413, f"The body is over {BODY_LIMIT:,} bytes.", "Send fewer events at once.")
    return bytes(body)


def _problem(status: int, detail: str, advice: str = "") -> Problem:
    return replace(problems.problem(status, detail, advice=advice), type=f"epcisException:{EXCEPTIONS[status]}")


def _refusal(error: VisavisError) -> Response:
    found = problems.of_error(error)
    kind = EXCEPTIONS.get(found.status, "ImplementationException")
    return problems.response(replace(found, type=f"epcisException:{kind}"))
