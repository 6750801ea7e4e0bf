"""Targets and signatures of webhooks (HMAC-SHA-256); reference: Standard Webhooks, *specification 1.0.0*, 2023."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from typing import Final

from msgspec import Struct

from visavis.delivery.outgoing import address_of
from visavis.model.errors import Invalid, Refused

TOLERANCE_S: Final = 300.0
EFFECTS: Final = ("order", "reward", "changed", "corrected", "restricted", "released", "erased")
"""The kinds of effect that a webhook may deliver."""


class Target(Struct, frozen=True):
    """Where effects of one kind go. ``secret`` is ``whsec_`` and the base64 of at least 24 random bytes."""

    url: str
    secret: str


def checked(targets: Mapping[str, Target], hosts: frozenset[str]) -> dict[str, Target]:
    """The targets; :class:`Invalid` unless each is a known effect, https at an allowed host, with a proper secret."""
    allowed = {host.lower() for host in hosts}
    for kind, target in targets.items():
        if kind not in EFFECTS:
            raise Invalid(f"There is no effect `{kind}` for a webhook.", advice=f"Known: {', '.join(EFFECTS)}.")
        host = address_of(target.url, f"The webhook of `{kind}`").host
        if host not in allowed:
            text = f"The host `{host}` of the webhook `{kind}` is not allowed."
            raise Invalid(text, advice="Add it to `hosts`, on purpose.")
        if len(_secret(target.secret)) < 24:
            advice = "Use whsec_ and the base64 of 24 random bytes or more."
            raise Invalid(f"The secret of the webhook `{kind}` is too short.", advice=advice)
    return dict(targets)


def sign(secret: str, message: str, at: int, body: bytes) -> str:
    """The signature of a message, as its ``webhook-signature`` header holds it.

    >>> secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    >>> sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = hmac(_secret(secret), f"{message}.{at}.".encode() + body, sha256).digest()
    return f"v1,{b64encode(signed).decode()}"


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> str:
    """The id of a message that was signed with this secret less than five minutes ago; else :class:`Refused`."""
    message, at, given = [headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
    if not at.isascii() or not at.isdigit() or len(at) > 12 or abs(now - int(at)) > TOLERANCE_S:
        raise Refused("This message is too old, or has no time.", advice="Check the clocks of both sides.")
    expected = sign(secret, message, int(at), body)
    if not any(compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given.split(" ")):
        raise Refused("This signature does not match.", advice="Check the secret.")
    return message


def _secret(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return b""
