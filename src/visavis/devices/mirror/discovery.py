"""The discovery document of the Mirror API, from the table below and the records that are served.

Reference: Google, *APIs Discovery Service: Discovery document*.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from visavis.devices.mirror.resources import Contact, Location, MirrorSubscription, Setting, TimelineItem

TIMELINE: Final = "https://www.googleapis.com/auth/glass.timeline"
LOCATION: Final = "https://www.googleapis.com/auth/glass.location"


class Method(Struct, frozen=True):
    """One method: its verb, its path, what it takes, what it gives, and whether bytes may come with it."""

    verb: str
    path: str
    takes: str = ""
    gives: str = ""
    query: tuple[str, ...] = ()
    uploads: bool = False
    downloads: bool = False


LISTED: Final = ("bundleId", "includeDeleted", "maxResults", "orderBy", "pageToken", "pinnedOnly", "sourceItemId")
_ITEM, _ATTACHMENT = "timeline/{id}", "timeline/{itemId}/attachments"
METHODS: Final[dict[str, Method]] = {
    "timeline.insert": Method("POST", "timeline", "TimelineItem", "TimelineItem", uploads=True),
    "timeline.list": Method("GET", "timeline", "", "TimelineListResponse", LISTED),
    "timeline.get": Method("GET", _ITEM, "", "TimelineItem"),
    "timeline.update": Method("PUT", _ITEM, "TimelineItem", "TimelineItem", uploads=True),
    "timeline.patch": Method("PATCH", _ITEM, "TimelineItem", "TimelineItem"),
    "timeline.delete": Method("DELETE", _ITEM),
    "timeline.attachments.insert": Method("POST", _ATTACHMENT, "", "Attachment", uploads=True),
    "timeline.attachments.list": Method("GET", _ATTACHMENT, "", "AttachmentsListResponse"),
    "timeline.attachments.get": Method("GET", _ATTACHMENT + "/{attachmentId}", "", "Attachment", downloads=True),
    "timeline.attachments.delete": Method("DELETE", _ATTACHMENT + "/{attachmentId}"),
    "subscriptions.insert": Method("POST", "subscriptions", "MirrorSubscription", "MirrorSubscription"),
    "subscriptions.list": Method("GET", "subscriptions", "", "SubscriptionsListResponse"),
    "subscriptions.update": Method("PUT", "subscriptions/{id}", "MirrorSubscription", "MirrorSubscription"),
    "subscriptions.delete": Method("DELETE", "subscriptions/{id}"),
    "locations.insert": Method("POST", "locations", "Location", "Location"),
    "locations.list": Method("GET", "locations", "", "LocationsListResponse"),
    "locations.get": Method("GET", "locations/{id}", "", "Location"),
    "contacts.insert": Method("POST", "contacts", "Contact", "Contact"),
    "contacts.list": Method("GET", "contacts", "", "ContactsListResponse"),
    "contacts.get": Method("GET", "contacts/{id}", "", "Contact"),
    "contacts.update": Method("PUT", "contacts/{id}", "Contact", "Contact"),
    "contacts.patch": Method("PATCH", "contacts/{id}", "Contact", "Contact"),
    "contacts.delete": Method("DELETE", "contacts/{id}"),
    "settings.get": Method("GET", "settings/{id}", "", "Setting"),
}
_LISTS: Final = {
    "TimelineListResponse": "TimelineItem",
    "AttachmentsListResponse": "Attachment",
    "SubscriptionsListResponse": "MirrorSubscription",
    "LocationsListResponse": "Location",
    "ContactsListResponse": "Contact",
}
_QUERY: Final[dict[str, dict[str, Any]]] = {
    "includeDeleted": {"type": "boolean"},
    "pinnedOnly": {"type": "boolean"},
    "maxResults": {"type": "integer", "format": "uint32"},
    "orderBy": {"type": "string", "enum": ["displayTime", "writeTime"]},
}
_GLOBAL: Final = ("alt", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "userIp")


def document(base: str) -> dict[str, Any]:
    """The description, for a server whose addresses begin with ``base``."""
    root = base.rstrip("/") + "/"
    resources: dict[str, Any] = {}
    for name, method in METHODS.items():
        *path, verb = name.split(".")
        place: dict[str, Any] = {"resources": resources}
        for one in path:
            place = place.setdefault("resources", {}).setdefault(one, {})
        place.setdefault("methods", {})[verb] = _method(name, method)
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "mirror:v1",
        "name": "mirror",
        "version": "v1",
        "title": "Mirror API",
        "description": "A Mirror-compatible timeline.",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "mirror/v1/",
        "baseUrl": f"{root}mirror/v1/",
        "basePath": "/mirror/v1/",
        "batchPath": "batch",
        "auth": {"oauth2": {"scopes": {scope: {"description": scope} for scope in (TIMELINE, LOCATION)}}},
        "parameters": {
            name: {"type": "boolean" if name == "prettyPrint" else "string", "location": "query"} for name in _GLOBAL
        },
        "schemas": _schemas(),
        "resources": resources,
    }


def _method(name: str, method: Method) -> dict[str, Any]:
    in_path = [part[1:-1] for part in method.path.split("/") if part.startswith("{")]
    found: dict[str, Any] = {
        "id": f"mirror.{name}",
        "path": method.path,
        "httpMethod": method.verb,
        "parameterOrder": in_path,
        "parameters": {one: {"type": "string", "location": "path", "required": True} for one in in_path}
        | {one: {"type": "string", "location": "query"} | _QUERY.get(one, {}) for one in method.query},
        "scopes": [LOCATION] if name.startswith("locations") else [TIMELINE],
    }
    if method.takes:
        found["request"] = {"$ref": method.takes}
    if method.gives:
        found["response"] = {"$ref": method.gives}
    if method.downloads:
        found["supportsMediaDownload"] = True
    if method.uploads:
        found["supportsMediaUpload"] = True
        found["mediaUpload"] = {
            "accept": ["audio/*", "image/*", "video/*"],
            "maxSize": "10MB",
            "protocols": {
                "simple": {"multipart": True, "path": f"/upload/mirror/v1/{method.path}"},
                "resumable": {"multipart": True, "path": f"/resumable/upload/mirror/v1/{method.path}"},
            },
        }
    return found


def _schemas() -> dict[str, Any]:
    _, records = msgspec.json.schema_components(
        [TimelineItem, Contact, Location, MirrorSubscription, Setting], ref_template="{name}"
    )
    found: dict[str, dict[str, Any]] = {
        name: {field: _plain(schema) for field, schema in one["properties"].items()} for name, one in records.items()
    }
    text = {"type": "string"}
    for name, item in _LISTS.items():
        found[name] = {"kind": text, "items": {"type": "array", "items": {"$ref": item}}, "nextPageToken": text}
    return {name: {"id": name, "type": "object", "properties": properties} for name, properties in found.items()}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A field as discovery documents describe it: a reference or a type, no limits."""
    schema = schema["anyOf"][0] if "anyOf" in schema else schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("type") == "array":
        return {"type": "array", "items": _plain(schema["items"])}
    return {"type": schema.get("type", "string")} | ({"enum": schema["enum"]} if "enum" in schema else {})
