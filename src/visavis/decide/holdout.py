"""Hold persons out of an objective, and roll dice.

Both are keyed hashes, so a retry, a replay and another worker agree with no table.
"""

from hashlib import blake2b
from typing import Final

_UNIT: Final = 2.0**-53


def dice(key: bytes, decision: str, use: str) -> float:
    """A number in [0, 1), uniform over decisions, and independent for each ``use``; the same three always give the
    same.

    >>> dice(b"k", "d1", "action") == dice(b"k", "d1", "action") != dice(b"k", "d1", "variant")
    True
    """
    digest = blake2b(f"{decision}/{use}".encode(), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * _UNIT


def held_out(randomization_unit: str, objective: str, *, share: float, key: bytes) -> bool:
    """Tell whether this person is in the control group of this objective.

    ``share`` is the part of the persons to hold out, from 0 to 1. Raising it later only adds members: nobody who was
    held out becomes exposed. Groups of two objectives are independent.

    >>> held_out("camille", "visits", share=0.0, key=b"k"), held_out("camille", "visits", share=1.0, key=b"k")
    (False, True)

    Reference: Kohavi, Tang & Xu, *Trustworthy Online Controlled Experiments*, Cambridge, 2020.
    """
    digest = blake2b(f"{objective}/{randomization_unit}".encode(), key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * _UNIT < share
