"""Routes of the HTTP API, each with the OpenAPI operation that ``GET /openapi.json`` is generated from.

An endpoint is given to :func:`route` or marked by :func:`endpoint`; pages for people (:func:`page_route`) are left out.
"""

import re
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote

from msgspec import Struct
from starlette.routing import Match, Route

from visavis.http.problems import TYPE
from visavis.http.requests import Answering, guarded
from visavis.model.moment import Role

PERSON: Final[tuple[Role, ...]] = ("brand", "device")  # the brand, and a person's own device
STAFF: Final[frozenset[Role]] = frozenset({"brand", "till", "adviser"})  # who reads about others
ENCODED: Final = "visavis.encoded_path"  # the key of an ASGI scope whose path is still percent-encoded
Method = TypeVar("Method", bound=Callable[..., Any])


class Operation(Struct, frozen=True):
    """What the OpenAPI document says of one endpoint.

    ``roles`` of keys are accepted (empty: no key is asked), also in ``cookie``. ``request`` and ``response`` are types,
    sent as JSON, or media types. ``errors`` are statuses beside :attr:`error_statuses`; ``other_responses`` maps
    statuses to media types (empty: no body); ``enums`` are values of query parameters; ``links`` what a client may ask
    next. ``reads`` are the categories of data of ``{person}`` that the answer tells staff, see ``http.access_log``;
    empty: it tells none, or the endpoint records the read itself. With ``many``, an array of requests is answered by
    an array. ``protocol`` names an external standard, with its ``error_type``.
    """

    method: str
    path: str
    summary: str
    roles: tuple[Role, ...] = ()
    cookie: str = ""
    request: Any = None
    response: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    other_responses: dict[int, str] = {}
    query: tuple[str, ...] = ()
    enums: dict[str, tuple[str, ...]] = {}
    links: tuple[tuple[str, dict[str, str]], ...] = ()
    reads: tuple[str, ...] | None = None
    many: bool = False
    protocol: str = ""
    error_type: str = TYPE.decode()

    def __post_init__(self) -> None:
        """What staff may ask about a person says what it reads."""
        if self.reads is None and "{person}" in self.path and STAFF.intersection(self.roles):
            raise TypeError(f"{self.method} {self.path} has no `reads`: say what its answer tells staff of the person.")

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it, without the converters of its parameters."""
        return re.sub(r":\w+}", "}", self.path)

    @property
    def id(self) -> str:
        """The operation's name in the document, unique by method and path."""
        return "-".join([self.method.lower(), *re.findall("[a-z0-9]+", self.template.lower())])

    @property
    def error_statuses(self) -> list[int]:
        """The status of every error that is answered."""
        key, path = (401, 403) if self.roles else (), (404,) if "{" in self.path else ()
        body = (422,) if self.request is not None and not self.protocol else ()
        person = (422,) if "{person}" in self.path else ()  # an id that names nobody
        recorded = (503,) if self.reads else ()
        return sorted({*key, *path, *body, *person, *recorded, *self.errors})


def with_encoded_slashes(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The scope, routed by its encoded path if that has ``%2F``: an id with a slash is one segment."""
    raw = scope.get("raw_path") or b""
    return {**scope, "path": raw.decode("latin-1"), ENCODED: True} if b"%2f" in raw.lower() else scope


class DecodingRoute(Route):
    """A route whose parameters are decoded after matching, see :func:`with_encoded_slashes`."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        """As every route; a full match restores the decoded path."""
        match, child = super().matches(scope)
        if match is Match.NONE or not scope.get(ENCODED):
            return match, child
        decoded = {name: unquote(value) for name, value in child["path_params"].items()}
        restored = {"path": unquote(scope["path"]), ENCODED: False} if match is Match.FULL else {}
        return match, {**child, "path_params": decoded, **restored}


class ApiRoute(DecodingRoute):
    """The route of an operation; ``endpoint`` is a function of a request or an ASGI application."""

    def __init__(self, operation: Operation, endpoint: Any) -> None:
        super().__init__(operation.path, endpoint, methods=[operation.method])
        self.operation = operation


def route(operation: Operation, endpoint: Answering) -> ApiRoute:
    """The route of this endpoint; errors that it raises on purpose are answered as problem documents."""
    return ApiRoute(operation, guarded(endpoint))


def page_route(path: str, endpoint: Answering) -> Route:
    """The route of a page for people, or of a file that it loads; without a key it is the same for everyone."""
    return DecodingRoute(path, endpoint, include_in_schema=False)


def endpoint(operation: Operation) -> Callable[[Method], Method]:
    """Mark a method as the endpoint of this operation."""

    def mark(method: Method) -> Method:
        method.__dict__["operation"] = operation
        return method

    return mark


def routes_of(owner: object) -> list[ApiRoute]:
    """The routes of the object's methods that :func:`endpoint` marks, in the order in which its class defines them."""
    operations = {name: getattr(method, "operation", None) for name, method in vars(type(owner)).items()}
    known = [(name, one) for name, one in operations.items() if isinstance(one, Operation)]
    return [route(operation, getattr(owner, name)) for name, operation in known]
