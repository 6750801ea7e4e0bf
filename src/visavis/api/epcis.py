"""``POST /epcis/capture``: a home's events in the form of GS1's EPCIS 2.0.

The capture job that the standard asks for is done when it is answered.

The key of a sensor or of a device says whose home it is. By default all events are taken or none (``rollback``); with
``proceed`` each by itself. A capture that comes again changes nothing: the same event always makes the same moments.
"""

from datetime import datetime
from secrets import token_hex
from typing import Any, Final

import msgspec
from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.api.epcis_events import moments
from visavis.engine import NotAdmitted, admit
from visavis.http import problems
from visavis.http.access_keys import AccessKey, AccessKeys, permits
from visavis.http.requests import key_of
from visavis.model.errors import Invalid, Unavailable, VisavisError
from visavis.model.moment import Moment
from visavis.runtime.writer import Writer

PATH: Final = "/epcis/capture"
BODY_LIMIT: Final = 1 << 20
EVENTS_LIMIT: Final = 1_000
JOBS_KEPT: Final = 1_000
KINDS: Final = ("application/json", "application/ld+json")
VERSIONS: Final = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
EXCEPTIONS: Final = {
    400: "ValidationException",
    401: "SecurityException",
    403: "SecurityException",
    404: "NoSuchResourceException",
    406: "NotAcceptableException",
    413: "CaptureLimitExceededException",
    415: "UnsupportedMediaTypeException",
}


class Job(Struct, frozen=True, rename="camel"):
    """What became of a capture."""

    capture_id: str = field(name="captureID")
    created_at: datetime
    finished_at: datetime
    running: bool
    success: bool
    capture_error_behaviour: str
    errors: list[dict[str, Any]]


class _No(Exception):
    """The whole capture is answered by this problem."""

    def __init__(self, status: int, detail: str, advice: str = "") -> None:
        super().__init__(detail)
        self.told = _problem(status, detail, advice)


def routes(writer: Writer, access: AccessKeys) -> list[Route]:
    """Capture, and the jobs of the same home."""
    jobs: dict[tuple[str, str], Job] = {}
    strategy, clock = writer.loop.strategy, writer.loop.clock

    async def capture(request: Request) -> Response:
        try:
            key = key_of(request, access, "sensor", "device")
            behaviour = _asked(request)
            events = _events(await _body(request))
            created_at = clock.now()
            job = Job(
                token_hex(12),
                created_at,
                created_at,
                running=False,
                success=True,
                capture_error_behaviour=behaviour,
                errors=[],
            )
            found = _found(key, events, job)
            errors = job.errors + await _process_all(found)
        except _No as error:
            return problems.response(error.told)
        except VisavisError as error:
            return _refusal(error)
        job = msgspec.structs.replace(job, finished_at=clock.now(), success=not errors, errors=errors)
        jobs[key.subject, job.capture_id] = job
        while len(jobs) > JOBS_KEPT:
            del jobs[next(iter(jobs))]
        return Response(
            status_code=202, headers={"location": f"{PATH}/{job.capture_id}", "cache-control": "no-store", **VERSIONS}
        )

    def _found(key: AccessKey, events: list[Any], job: Job) -> list[Moment]:
        """The moments of all events; what is wrong ends the capture, or with ``proceed`` goes into the job's errors."""
        now, together = clock.now(), job.capture_error_behaviour == "rollback"
        found: list[Moment] = []
        for index, event in enumerate(events):
            try:
                of_event = moments(event, key.subject, strategy.products, now)
            except Invalid as error:
                detail = f"Event {index + 1}: {Exception.__str__(error)}"
                if together:
                    raise _No(400, detail, error.advice) from None
                job.errors.append(_problem(400, detail, error.advice))
                continue
            for moment in of_event:
                let_in = admit(strategy, writer.loop.customer(key.subject), moment, now)
                if permits(key, moment) or isinstance(let_in, NotAdmitted):
                    advice = let_in.advice if isinstance(let_in, NotAdmitted) else "Use the key of who speaks."
                    if together:
                        raise _No(403, f"Event {index + 1} was not kept.", advice)
                    job.errors.append(_problem(403, f"Event {index + 1} was not kept.", advice))
                else:
                    found.append(moment)
        return found

    async def _process_all(found: list[Moment]) -> list[dict[str, Any]]:
        """Queue all before the first is awaited, so that they share commits; what was refused meanwhile."""
        queued = [writer.put(moment) for moment in found]
        answers = [(await one).answer for one in queued]
        return [
            _problem(403, "An event was not kept.", answer.refused.advice)
            for answer in answers
            if answer.refused is not None
        ]

    async def told(request: Request) -> Response:
        try:
            key = key_of(request, access, "sensor", "device")
        except VisavisError as error:
            return _refusal(error)
        job = jobs.get((key.subject, request.path_params["id"]))
        if job is None:
            return problems.response(
                _problem(404, "There is no such capture.", "Send the events again: the same ones are kept once.")
            )
        return Response(
            msgspec.json.encode(job), media_type="application/json", headers={"cache-control": "no-store", **VERSIONS}
        )

    return [Route(PATH, capture, methods=["POST"]), Route(PATH + "/{id}", told)]


def _asked(request: Request) -> str:
    """How errors are to be met; :class:`_No` for what we do not speak."""
    if request.headers.get("content-type", KINDS[0]).partition(";")[0].strip().lower() not in KINDS:
        raise _No(415, "The body is no EPCIS document in JSON.", f"Content-Type: {' or '.join(KINDS)}.")
    version = request.headers.get("gs1-epcis-version", "2.0")
    if version.split(".")[0] != "2":
        raise _No(406, "Only EPCIS 2.0 is spoken here.", "Leave GS1-EPCIS-Version out, or send 2.0.0.")
    behaviour = request.headers.get("gs1-capture-error-behaviour", "rollback").lower()
    if behaviour not in ("rollback", "proceed"):
        raise _No(400, "There is no such GS1-Capture-Error-Behaviour.", "Use rollback or proceed.")
    return behaviour


def _events(body: bytes) -> list[Any]:
    """The events of a document, of a list, or the one event; :class:`_No` when it is none of these."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _No(400, "The body is not JSON.", "Send an EPCISDocument.") from None
    found = told if isinstance(told, list) else _of_document(told)
    if len(found) > EVENTS_LIMIT:
        raise _No(413, f"{len(found):,} events were sent.", f"Send at most {EVENTS_LIMIT:,} at once.")
    return found


def _of_document(told: Any) -> list[Any]:
    if not isinstance(told, dict) or "@context" not in told:
        raise _No(400, "This is no EPCIS document: it has no `@context`.", "Send an EPCISDocument in JSON-LD.")
    kind = next((told[name] for name in ("type", "@type", "isA") if name in told), "")
    if isinstance(kind, str) and kind.endswith("Event"):
        return [told]
    if kind != "EPCISDocument" or not str(told.get("schemaVersion", "")).startswith("2."):
        raise _No(
            400,
            "This is no EPCISDocument of version 2.0.",
            'It says "type": "EPCISDocument" and "schemaVersion": "2.0".',
        )
    try:
        dated = msgspec.convert(told.get("creationDate"), datetime, strict=True).tzinfo is not None
    except msgspec.ValidationError:
        dated = False
    body = told.get("epcisBody")
    found = body.get("eventList", [body["event"]] if "event" in body else None) if isinstance(body, dict) else None
    if not dated or not isinstance(found, list):
        raise _No(400, "An EPCISDocument has a `creationDate` with a time zone, and an `eventList` in its `epcisBody`.")
    return found


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise _No(413, f"The body is over {BODY_LIMIT:,} bytes.", "Send fewer events at once.")
    return bytes(body)


def _problem(status: int, detail: str, advice: str = "") -> dict[str, Any]:
    return problems.problem(status, detail, advice=advice) | {"type": f"epcisException:{EXCEPTIONS[status]}"}


def _refusal(error: VisavisError) -> Response:
    told = problems.of_error(error)
    kind = EXCEPTIONS.get(told["status"], "ImplementationException")
    status = 503 if isinstance(error, Unavailable) else told["status"]
    return problems.response(told | {"type": f"epcisException:{kind}", "status": status})
