"""Settings of a server: where its data, its root key and its strategy are, and which hosts it may call.

Read from one TOML file, or made by a command.
"""

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
    """``contact`` is a ``mailto:`` or https address at which a push service may reach us.

    Without it nothing is pushed to browsers.
    """

    contact: str = ""
    hosts: tuple[str, ...] = PUSH_HOSTS


class Wallet(Struct, frozen=True, forbid_unknown_fields=True):
    """An Apple developer's account: the pass type and its certificate, key and issuer (PEM files).

    Without a certificate there is no pass.

    ``url`` is the public https address of this server. ``push_url`` is Apple's push service; empty: a changed pass is
    not announced.
    """

    pass_type: str = ""
    team: str = ""
    certificate: str = ""
    key: str = ""
    issuer: str = ""
    url: str = ""
    push_url: str = "https://api.push.apple.com"


class GoogleWallet(Struct, frozen=True, forbid_unknown_fields=True):
    """A Google Wallet issuer: its id, and the file of its service account's key (JSON).

    ``url`` is the public https address of this server.
    """

    issuer: str = ""
    account: str = ""
    url: str = ""


class Mail(Struct, frozen=True, forbid_unknown_fields=True):
    """How e-mail leaves; without a ``host`` none does.

    ``purpose`` is the one of the strategy that a person opens to get any.

    ``url`` is the public https address of this server; a card is worth a message when it lasts ``least_s`` or more.
    """

    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    purpose: str = ""
    url: str = ""
    least_s: float = 3600.0


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """The MQTT broker through which homes speak.

    Every topic of ours begins with ``root``; ``ca`` is the file of an authority of one's own.

    ``discovery`` is Home Assistant's prefix (usually ``homeassistant``; empty: nothing is announced to it), ``style``
    how screens are announced: an ``entity`` each, as every Home Assistant reads it, or one ``device`` with its
    components.
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
    """``data`` is the folder of log, keys and outbox; ``root_key`` a file *outside* it.

    ``hosts`` are the only ones that a webhook may go to.

    ``callbacks`` are the only origins (``https://host``, with a port when it has one) that a Mirror subscription may
    name, ``origins`` the only ones whose pages may ask for a device's cards with that device's key (applications that
    carry our page). ``push``, ``wallet``, ``google_wallet`` and ``mail`` are accounts elsewhere: what has none says so
    when it is asked for. Homes speak through ``mqtt``, when there is one.

    ``ledger`` is the name that its checkpoints are signed under; ``checkpoints`` the folder where they are kept, one
    every ``checkpoint_s`` at most: on another machine's disk, or in its backup at least.
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
        """The root key's file; beside the data folder unless it was said where."""
        return Path(self.root_key) if self.root_key else self.folder.with_name(self.folder.name + ".key")

    @property
    def tombstones(self) -> Path:
        """The file that outlives backups: who was erased, by keyed hashes; beside the root key."""
        return self.key_file.with_suffix(".erased")

    @property
    def kept_checkpoints(self) -> Path:
        """The folder of the ledger's checkpoints; beside the root key unless it was said where."""
        return Path(self.checkpoints) if self.checkpoints else self.key_file.with_suffix(".checkpoints")

    @property
    def opposition(self) -> Path:
        """The file that outlives backups too: who objected to what, by keyed hashes; beside the tombstones."""
        return self.key_file.with_suffix(".objected")


def settings(path: Path | None, **given: Any) -> Settings:
    """The settings of this file, with what a command line gave on top; :class:`Invalid` names the key that is wrong."""
    told: dict[str, Any] = {}
    if path is not None:
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise Invalid(
                f"{path.name} cannot be read: {error.strerror}.", advice="Give the path of a settings file."
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{path.name} is not TOML: {error}.", advice="See docs/serve.md.") from None
    try:
        found = msgspec.convert(told | {key: value for key, value in given.items() if value is not None}, Settings)
    except msgspec.ValidationError as error:
        raise Invalid(f"The settings cannot be used: {error}.", advice="See docs/serve.md.") from None
    folder, key = found.folder.resolve(), found.key_file.resolve()
    if folder == key or folder in key.parents:
        raise Invalid(
            "The root key lies inside the data folder.",
            advice="Keep it elsewhere, so that a copy of the data opens nothing.",
        )
    return found
