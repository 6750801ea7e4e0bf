"""Verify what was signed (receipts, acknowledgements, copies) with the public key alone."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from msgspec import Struct

from visavis.model.errors import Invalid
from visavis.rights.export import LIMIT, TYPE
from visavis.rights.receipts import ALGORITHM, verify_receipt

CONSENT: Final = "consent-receipt+jwt"
PAPERS: Final = {
    CONSENT: "consent receipt",
    "erasure-receipt+jwt": "erasure receipt",
    "request-acknowledgement+jwt": "acknowledgement",
    TYPE: "copy",
}


class Document(Struct, frozen=True):
    """What was signed, and what it says."""

    kind: str
    says: dict[str, Any]


def verified(token: str | bytes, public: Mapping[str, Any]) -> Document:
    """The document of this token, if it is whole and signed by this key; else :class:`Invalid`, and nothing else."""
    paper = None
    if len(token) <= LIMIT:
        try:
            found = jws.deserialize_compact(token, OKPKey.import_key(dict(public)), algorithms=[ALGORITHM])
            kind = PAPERS[str(found.headers()["typ"])]
            paper = Document(kind, msgspec.json.decode(found.payload, type=dict[str, Any]))
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError):
            pass
    if paper is None:
        advice = "Give the file as it came, and the key of who made it."
        raise Invalid("This is not a whole paper of ours signed by this key.", advice=advice)
    if paper.kind == PAPERS[CONSENT]:
        verify_receipt(token, dict(public))  # its words, their hash and the order in time as well
    return paper
