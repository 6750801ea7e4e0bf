"""Settings of a server: where its data, its root key and its strategy are, and which hosts it may call. Read from one TOML file, or made by a command."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from visavis.model.errors import Invalid
from visavis.runtime.outbox import Target


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``data`` is the folder of log, keys and outbox; ``root_key`` a file *outside* it. ``hosts`` are the only ones that a webhook may go to.

    ``checkpoints`` is the folder where the ledger's are kept, one every ``checkpoint_s`` at most: on another machine's disk, or in its backup at least.
    """

    data: str = "visavis-data"
    root_key: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    webhooks: dict[str, Target] = {}
    hosts: tuple[str, ...] = ()
    checkpoints: str = ""
    checkpoint_s: float = 60.0

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
            raise Invalid(f"{path.name} cannot be read: {error.strerror}.", advice="Give the path of a settings file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{path.name} is not TOML: {error}.", advice="See docs/serve.md.") from None
    try:
        found = msgspec.convert(told | {key: value for key, value in given.items() if value is not None}, Settings)
    except msgspec.ValidationError as error:
        raise Invalid(f"The settings cannot be used: {error}.", advice="See docs/serve.md.") from None
    folder, key = found.folder.resolve(), found.key_file.resolve()
    if folder == key or folder in key.parents:
        raise Invalid("The root key lies inside the data folder.", advice="Keep it elsewhere, so that a copy of the data opens nothing.")
    return found
