"""Identifiers made by hashing what they name, so that a retry gets the same one."""

from hashlib import blake2b


def decision_id(customer: str, moment: str, audience: str) -> str:
    """The id of the decision for this audience at this moment of this customer.

    >>> decision_id("camille", "m1", "customer")
    'fa04f78e80f0e71f5e771a6e'
    """
    return blake2b(f"{customer}\x00{moment}\x00{audience}".encode(), digest_size=12).hexdigest()


def version_of(*parts: bytes) -> str:
    """The version of a content, 12 hexadecimal digits; each part is length-prefixed so that boundaries matter.

    >>> version_of(b"ab", b"c") == version_of(b"a", b"bc")
    False
    """
    digest = blake2b(digest_size=6)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
