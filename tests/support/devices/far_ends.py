"""The receivers of a delivery: a push service that reads the wire, and a browser that decrypts by the RFC alone."""

import hmac
import json
import socket
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from time import monotonic, sleep
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def data_of(said: str) -> bytes:
    return urlsafe_b64decode(said + "=" * (-len(said) % 4))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, sha256).digest()


def decrypted(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """RFC 8291, written from its text: what a browser does with the body of a push message."""
    salt, length = body[:16], body[20]
    theirs, sealed = body[21 : 21 + length], body[21 + length :]
    ours = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    ikm = _hmac(_hmac(auth, shared), b"WebPush: info\0" + ours + theirs + b"\1")
    prk = _hmac(salt, ikm)
    key, nonce = _hmac(prk, b"Content-Encoding: aes128gcm\0\1")[:16], _hmac(prk, b"Content-Encoding: nonce\0\1")[:12]
    opened = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
    assert opened[-1:] == b"\2", "the only record is the last one"
    return opened[:-1]


class Browser:
    """A browser's keys, and what it makes of them."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"sixteen bytes ok"

    def subscription(self, endpoint: str) -> dict[str, Any]:
        point = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": text(point), "auth": text(self.auth)}}

    def reads(self, body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(decrypted(body, self.private, self.auth))
        return found


class Heard(Struct):
    """One request as it was on the wire."""

    path: str
    headers: dict[str, str]
    body: bytes
    wire_bytes: int


class PushService:
    """A push service on a socket: next ``answers`` (status, headers), then 201; ``cut`` closes instead."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[tuple[int, dict[str, str]] | str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def waits(self, count: int, *, seconds: float = 5.0) -> list[Heard]:
        """What was heard, once it is so much."""
        until = monotonic() + seconds
        while len(self.heard) < count and monotonic() < until:
            sleep(0.01)
        assert len(self.heard) == count, f"heard {len(self.heard)} messages, not {count}"
        return self.heard

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with line:
            while self._one(line):
                pass

    def _one(self, line: socket.socket) -> bool:
        raw = b""
        while b"\r\n\r\n" not in raw:
            part = line.recv(4096)
            if not part:
                return False
            raw += part
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += line.recv(4096)
        self.heard.append(Heard(first.split(" ")[1], headers, body, len(head) + 4 + len(body)))
        answer = self.answers.pop(0) if self.answers else (201, {"location": "/m/1"})
        if isinstance(answer, str):
            return False
        status, more = answer
        told = "".join([f"{name}: {value}\r\n" for name, value in ({"content-length": "0"} | more).items()])
        line.sendall(f"HTTP/1.1 {status} Said\r\n{told}\r\n".encode())
        return True


def until(what: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait until this is so."""
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "it did not happen in time"
        sleep(0.01)
