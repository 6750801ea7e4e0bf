"""Reproducible randomness: keyed hashes, so that a retry, a replay and another worker agree without a table."""

from hashlib import blake2b


def keyed_uniform(key: bytes, name: str) -> float:
    """A number in [0, 1), uniform over names; the same key and name always give the same.

    >>> keyed_uniform(b"k", "d1/action") == keyed_uniform(b"k", "d1/action") != keyed_uniform(b"k", "d1/variant")
    True
    """
    digest = blake2b(name.encode(), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


def held_out(randomization_unit: str, objective: str, *, share: float, key: bytes) -> bool:
    """Whether this person is in the control group of this objective; groups of two objectives are independent.

    ``share`` is the part of the persons to hold out, from 0 to 1; raising it only adds members.

    >>> held_out("camille", "visits", share=0.0, key=b"k"), held_out("camille", "visits", share=1.0, key=b"k")
    (False, True)

    Reference: Kohavi, Tang & Xu, *Trustworthy Online Controlled Experiments*, Cambridge, 2020.
    """
    return keyed_uniform(key, f"{objective}/{randomization_unit}") < share
