"""Google's media upload in its three forms: the bytes alone, beside the item in one body, or piece by piece.

Announced sizes are not trusted: received bytes are counted, and what is over the limit is refused before it is kept.
"""

import re
from base64 import b64decode
from collections.abc import Callable
from email.message import Message
from email.parser import HeaderParser
from secrets import token_urlsafe
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request

from visavis.devices.mirror.resources import Missing
from visavis.model.errors import Invalid, Refused, Unavailable

MEDIA_LIMIT: Final = 10 << 20
FIELDS_LIMIT: Final = 256 << 10
BODY_LIMIT: Final = MEDIA_LIMIT * 4 // 3 + FIELDS_LIMIT + (64 << 10)
"""Some clients send the bytes as base64, which takes a third more."""
SESSIONS_LIMIT: Final = 4
"""How many uploads in pieces one person may have under way; as many that ended are remembered."""
ALL_LIMIT: Final = 64
SESSION_S: Final = 3600.0
ACCEPTED: Final = re.compile(r"(audio|image|video)/[a-z0-9.+-]{1,100}")
_RANGE: Final = re.compile(r"bytes (?:(\d{1,12})-(\d{1,12})|\*)/(\d{1,12}|\*)")


class TooLarge(Invalid):
    """More bytes were sent than are accepted."""


class Upload(Struct):
    """What a client sends: the fields of a resource, and bytes of a type (none when the type is empty)."""

    fields: dict[str, Any]
    type: str = ""
    data: bytes = b""


async def body(request: Request, limit: int = FIELDS_LIMIT) -> bytes:
    """The request's body, however it is cut into pieces; :class:`TooLarge` as soon as it is."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > limit:
            raise TooLarge(f"The body is over {limit:,} bytes.", advice="Send less.")
    return bytes(found)


def fields(data: bytes) -> dict[str, Any]:
    """The JSON object that is in these bytes; nothing at all is an empty one."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any]) if data.strip() else {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Invalid("The body is not a JSON object.", advice='Send one such as {"text": "Hello"}.') from None


def media_type(header: str) -> str:
    """The type of what is uploaded, when it is one that a Glass can show or play."""
    found = header.partition(";")[0].strip().lower()
    if ACCEPTED.fullmatch(found) is None:
        raise Invalid("This type of content is not accepted.", advice="Upload audio/*, image/* or video/*.")
    return found


async def whole(request: Request) -> Upload:
    """An upload in one request: the bytes alone (``uploadType=media``), or the item and the bytes (``multipart``)."""
    kind, header = request.query_params.get("uploadType", "media"), request.headers.get("content-type", "")
    if kind == "media":
        return Upload({}, media_type(header), await body(request, MEDIA_LIMIT))
    if kind != "multipart":
        raise Invalid("This `uploadType` is not known.", advice="Use media, multipart or resumable.")
    found = parts(header, await body(request, BODY_LIMIT))
    if len(found) != 2:
        raise Invalid(f"The body has {len(found)} parts.", advice="Send two: the item in JSON, then the bytes.")
    (_, item), (type_, data) = found
    if len(data) > MEDIA_LIMIT:
        raise TooLarge(f"The attachment is over {MEDIA_LIMIT:,} bytes.", advice="Send a smaller one.")
    return Upload(fields(item), media_type(type_), data)


def parts(content_type: str, data: bytes) -> list[tuple[str, bytes]]:
    r"""The parts of a ``multipart/related`` body, each with its content type, decoded.

    Lines may end as in mail or as in Unix.

    >>> parts('multipart/related; boundary="b"', b'--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--')
    [('text/plain', b'hello')]

    Reference: RFC 2046, *MIME part two*, 1996, section 5.1.1.
    """
    head = Message()
    head["content-type"] = content_type.encode("ascii", "replace").decode()
    boundary = head.get_param("boundary", "")
    if head.get_content_maintype() != "multipart" or not isinstance(boundary, str) or not 0 < len(boundary) <= 256:
        raise Invalid("The body is not multipart.", advice="Send multipart/related with a boundary.")
    mark = b"--" + boundary.encode()
    start = data.find(mark)
    end = b"\r\n" if data[start + len(mark) :].startswith(b"\r\n") else b"\n"
    sections = (end + data[start:]).split(end + mark) if start >= 0 else []
    if len(sections) < 3 or not sections[-1].startswith(b"--"):
        raise Invalid("The body does not end with its boundary.", advice="Send it whole.")
    found = []
    for section in sections[1:-1]:
        head_of_part, empty, content = section.partition(end + end)
        if not empty:
            raise Invalid("A part has no head.", advice="Put an empty line between its head and its content.")
        headers = HeaderParser().parsestr(head_of_part.decode("latin-1").strip())
        found.append((headers.get("content-type", ""), _decoded(content, headers.get("content-transfer-encoding", ""))))
    return found


def _decoded(content: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            try:
                return b64decode(content)
            except ValueError:
                raise Invalid(
                    "A part is not base64.", advice="Send it as it is, without Content-Transfer-Encoding."
                ) from None
        case "" | "binary" | "8bit" | "7bit":
            return content
        case _:
            raise Invalid("The encoding of a part is not known.", advice="Send it as it is.")


class Session(Struct):
    """An upload in pieces: ``size`` was announced, ``answer`` is given again if the last piece is repeated."""

    person: str
    path: str
    upload: Upload
    size: int | None
    at: float
    so_far: bytearray
    answer: bytes = b""


class Sessions:
    """The uploads in pieces of all persons, in memory: a restart makes a client begin again, as the protocol allows."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._open: dict[str, Session] = {}

    async def start(self, request: Request, person: str) -> str:
        """Begin one; its id. The item comes now, the bytes later."""
        now = self._now()
        self._open = {name: one for name, one in self._open.items() if now - one.at < SESSION_S}
        mine = [name for name, one in self._open.items() if one.person == person and not one.answer]
        if len(mine) >= SESSIONS_LIMIT:
            raise Refused(f"{SESSIONS_LIMIT} uploads are under way already.", advice="Finish one, or wait an hour.")
        if len([one for one in self._open.values() if not one.answer]) >= ALL_LIMIT:
            raise Unavailable("Too many uploads are under way.", advice="Begin again in a minute.")
        length = request.headers.get("x-upload-content-length", "")
        size = int(length) if length.isascii() and length.isdigit() and len(length) <= 12 else None
        if size is not None and size > MEDIA_LIMIT:
            raise TooLarge(f"The attachment is over {MEDIA_LIMIT:,} bytes.", advice="Send a smaller one.")
        upload = Upload(fields(await body(request)), media_type(request.headers.get("x-upload-content-type", "")))
        name = token_urlsafe(18)
        self._open[name] = Session(person, request.url.path, upload, size, now, bytearray())
        return name

    async def go_on(self, request: Request, person: str, name: str) -> tuple[Session, bool]:
        """Take one piece; whether all is there now. A piece that does not follow the bytes so far is ignored."""
        one = self._open.get(name)
        if one is None or one.person != person or one.path != request.url.path:
            raise Missing("There is no such upload.", advice="Begin again.")
        data = await body(request, MEDIA_LIMIT)
        header = request.headers.get("content-range", "")
        found = _RANGE.fullmatch(header)
        if header and found is None:
            raise Invalid("This Content-Range cannot be read.", advice="Write bytes FIRST-LAST/SIZE, or bytes */SIZE.")
        if one.answer:
            return one, True
        if found is not None and found[3] != "*":
            one.size = int(found[3])
        first = 0 if found is None else int(found[1]) if found[1] is not None else -1
        if found is None:
            one.size = len(data)
        if first == len(one.so_far) and (found is None or int(found[2]) - first + 1 == len(data)):
            if len(one.so_far) + len(data) > MEDIA_LIMIT:
                del self._open[name]
                raise TooLarge(f"The attachment is over {MEDIA_LIMIT:,} bytes.", advice="Send a smaller one.")
            one.so_far += data
        one.at = self._now()
        return one, one.size is not None and len(one.so_far) == one.size

    def forget(self, person: str) -> None:
        """Drop what this erased person was uploading, and what was answered."""
        self._open = {name: one for name, one in self._open.items() if one.person != person}

    def finish(self, one: Session, answer: bytes) -> None:
        """Free the bytes, and keep the answer for a client that asks again."""
        one.answer = answer
        one.so_far = bytearray()
        ended = [name for name, other in self._open.items() if other.person == one.person and other.answer]
        for name in ended[:-SESSIONS_LIMIT]:
            del self._open[name]
