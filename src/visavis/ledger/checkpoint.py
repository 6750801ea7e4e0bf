"""Checkpoints: the ledger's size and root at one time, signed (C2SP ``tlog-checkpoint``, a signed note)."""
# Whoever keeps one can later detect, without us, any change to the lines before it, even one of our own.

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from visavis.ledger.merkle import HASH_BYTES
from visavis.model.errors import Invalid

ED25519: Final = b"\x01"
KEY_ID_BYTES: Final = 4
KEY_BYTES: Final = 32
_DASH: Final = "\u2014 "
_WHICH: Final = "It is the text that `GET /v1/ledger/checkpoint` gives, byte for byte."


class Checkpoint(Struct, frozen=True):
    """How large the ledger of ``origin`` is, and the root over all of it."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class CheckpointSigner:
    """Signs the checkpoints of one ledger; ``seed`` is a secret of 32 bytes."""

    def __init__(self, origin: str, seed: bytes) -> None:
        self.origin = _checked_origin(origin)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def verifier(self) -> str:
        """The public key, to be published: ``origin+key id+key``."""
        return f"{self.origin}+{_key_id(self.origin, self._public).hex()}+{b64encode(ED25519 + self._public).decode()}"

    def sign(self, size: int, root: bytes) -> str:
        """The note of a checkpoint."""
        text = Checkpoint(self.origin, size, root).text()
        signature = _key_id(self.origin, self._public) + self._key.sign(text.encode())
        return f"{text}\n{_DASH}{self.origin} {b64encode(signature).decode()}\n"


class Verifier:
    """Reads the checkpoints that one key signed."""

    def __init__(self, verifier: str) -> None:
        """``verifier`` is a :attr:`CheckpointSigner.verifier`; :class:`Invalid` for anything else."""
        origin, _, rest = verifier.strip().partition("+")
        key_id, _, key = rest.partition("+")
        data = _base64(key)
        if len(data) != 1 + KEY_BYTES or data[:1] != ED25519 or _key_id(origin, data[1:]).hex() != key_id:
            advice = "It reads NAME+ID+KEY, as the one who runs the ledger publishes it."
            raise Invalid("This is not a ledger's public key.", advice=advice)
        self.origin = _checked_origin(origin)
        self._id = bytes.fromhex(key_id)
        self._key = Ed25519PublicKey.from_public_bytes(data[1:])

    def read(self, note: str) -> Checkpoint:
        """The checkpoint of this note; :class:`Invalid` when it is none, or this key did not sign it."""
        text, found, signatures = note.rpartition("\n\n")
        if not found or not signatures.endswith("\n"):
            raise Invalid("This is not a signed note.", advice=_WHICH)
        self._verify(text + "\n", signatures[:-1].split("\n"))
        origin, size, root, *_ = [*text.split("\n"), "", ""]
        data = _base64(root)
        if origin != self.origin:
            raise Invalid("This checkpoint is of another ledger.", advice="Give the key of that ledger.")
        if (
            not (size.isascii() and size.isdigit() and len(size) < 20)
            or str(int(size)) != size
            or len(data) != HASH_BYTES
        ):
            raise Invalid("This note is signed, and is not a checkpoint.", advice=_WHICH)
        return Checkpoint(origin, int(size), data)

    def _verify(self, text: str, lines: Sequence[str]) -> None:
        for line in lines:
            name, _, signature = line.removeprefix(_DASH).partition(" ")
            if not line.startswith(_DASH) or not name:
                raise Invalid("This is not a signed note.", advice=_WHICH)
            data = _base64(signature)
            if name != self.origin or data[:KEY_ID_BYTES] != self._id:  # a signature of another key
                continue
            try:
                self._key.verify(data[KEY_ID_BYTES:], text.encode())
            except InvalidSignature:
                break
            return
        advice = "Either it was altered, or the key is of another ledger."
        raise Invalid("This checkpoint was not signed with that key.", advice=advice)


def _checked_origin(origin: str) -> str:
    if not origin or "+" in origin or any(sign.isspace() for sign in origin):
        raise Invalid("A ledger's name has no spaces and no `+`.", advice="Use a name such as example.org/ledger.")
    return origin


def _key_id(origin: str, public: bytes) -> bytes:
    return sha256(origin.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def _base64(text: str) -> bytes:
    """The decoded bytes; empty when it is not base64."""
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return b""
