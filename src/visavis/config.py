"""Settings of a server, from a TOML file or the command line: folders, keys, addresses, and hosts that it may call."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from visavis.delivery.webhook_targets import Target
from visavis.model.errors import Invalid

PUSH_HOSTS: Final = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "*.push.apple.com",
    "*.notify.windows.com",
)
"""The push services of today's browsers; ``*.`` stands for any name below."""


class Push(Struct, frozen=True, forbid_unknown_fields=True):
    """Web Push. ``contact`` is a ``mailto:`` or https address for push services; without it nothing is pushed."""

    contact: str = ""
    hosts: tuple[str, ...] = PUSH_HOSTS


class Wallet(Struct, frozen=True, forbid_unknown_fields=True):
    """An Apple developer's account (PEM files; none: no passes), this server's https ``url``, and Apple's push URL."""

    pass_type: str = ""
    team: str = ""
    certificate: str = ""
    key: str = ""
    issuer: str = ""
    url: str = ""
    push_url: str = "https://api.push.apple.com"


class GoogleWallet(Struct, frozen=True, forbid_unknown_fields=True):
    """A Google Wallet issuer: its id, the JSON file of its service account's key, and this server's https ``url``."""

    issuer: str = ""
    account: str = ""
    url: str = ""


class Mail(Struct, frozen=True, forbid_unknown_fields=True):
    """The SMTP server (no ``host``: no e-mail), the strategy's ``purpose`` of e-mail, this server's https ``url``."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    purpose: str = ""
    url: str = ""
    least_s: float = 3600.0  # only cards that last so long are sent


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """The MQTT broker of homes; every topic begins with ``root``, ``ca`` is the file of a certificate authority.

    ``discovery`` is Home Assistant's prefix (usually ``homeassistant``; empty: none); ``style`` announces each screen
    as an ``entity``, which every Home Assistant reads, or one ``device`` with its components.
    """

    host: str
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8883
    user: str = ""
    password: str = ""
    tls: bool = True
    ca: str = ""
    root: Annotated[str, Meta(pattern="^[^+#/$]+$")] = "visavis"
    discovery: Annotated[str, Meta(pattern="^[^+#/$]*$")] = ""
    style: Literal["entity", "device"] = "entity"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``data`` is the folder of the log, keys and webhooks, ``root_key`` a file *outside* it.

    ``hosts`` are those that webhooks may go to, ``callbacks`` the origins (``https://host``) that a Mirror subscription
    may name, ``origins`` those whose pages may ask for a device's cards with its key. An account that is not set is not
    offered. ``ledger`` is the name that signs its checkpoints, kept in ``checkpoints`` (on another disk or in its
    backup), one every ``checkpoint_s`` at most.
    """

    data: str = "visavis-data"
    root_key: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    webhooks: dict[str, Target] = {}
    hosts: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    ledger: str = "visavis.local/ledger"
    checkpoints: str = ""
    checkpoint_s: float = 60.0
    push: Push = Push()
    wallet: Wallet = Wallet()
    google_wallet: GoogleWallet = GoogleWallet()
    mail: Mail = Mail()
    mqtt: Broker | None = None

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data)

    @property
    def key_file(self) -> Path:
        """The root key's file; beside the data folder unless it is set."""
        return Path(self.root_key) if self.root_key else self.folder.with_name(self.folder.name + ".key")

    @property
    def tombstones(self) -> Path:
        """The file that outlives backups: who was erased, by keyed hashes; beside the root key."""
        return self.key_file.with_suffix(".erased")

    @property
    def kept_checkpoints(self) -> Path:
        """The folder of the ledger's checkpoints; beside the root key unless it is set."""
        return Path(self.checkpoints) if self.checkpoints else self.key_file.with_suffix(".checkpoints")

    @property
    def opposition(self) -> Path:
        """The file that outlives backups too: who objected to what, by keyed hashes; beside the tombstones."""
        return self.key_file.with_suffix(".objected")


def settings(path: Path | None, **given: Any) -> Settings:
    """The settings of this file, overridden by those ``given``; :class:`Invalid` names the key that is wrong."""
    read: dict[str, Any] = {}
    if path is not None:
        try:
            read = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            text = f"{path.name} cannot be read: {error.strerror}."
            raise Invalid(text, advice="Give the path of a settings file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{path.name} is not TOML: {error}.", advice="See docs/serve.md.") from None
    try:
        found = msgspec.convert(read | {key: value for key, value in given.items() if value is not None}, Settings)
    except msgspec.ValidationError as error:
        raise Invalid(f"The settings cannot be used: {error}.", advice="See docs/serve.md.") from None
    folder, key = found.folder.resolve(), found.key_file.resolve()
    if folder == key or folder in key.parents:
        advice = "Keep it elsewhere, so that a copy of the data opens nothing."
        raise Invalid("The root key lies inside the data folder.", advice=advice)
    return found
