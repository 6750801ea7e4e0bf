"""Open the log in a folder: of a replayed year, which holds its key, or of a server, whose key lies beside it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from visavis.config import settings as read_settings
from visavis.model.errors import Invalid
from visavis.store.keys import KeyStore, derived
from visavis.store.sqlite import SqliteEntryLog
from visavis.wiring import DICE, root_key


@contextmanager
def open_log(folder: Path, settings: Path | None = None) -> Iterator[tuple[SqliteEntryLog, bytes]]:
    """The log of this folder, and the randomization key of its decisions; :class:`Invalid` when there is no log.

    ``settings`` are those of the server, for a root key that does not lie beside its data.
    """
    if not (folder / "log.sqlite").is_file():
        advice = "Give the data folder of a server, or that of `visavis year --log FOLDER`."
        raise Invalid(f"There is no log in {folder}.", advice=advice)
    if (folder / "key").is_file():
        key = randomization_key = (folder / "key").read_bytes()
        tombstones = folder / "erased"
    else:
        found = read_settings(settings, data=str(folder))
        key, tombstones = root_key(found.key_file, data=folder), found.tombstones
        randomization_key = derived(key, DICE)
    keys = KeyStore(folder / "vault.sqlite", key, tombstones)
    with closing(SqliteEntryLog(folder / "log.sqlite", keys)) as log:
        yield log, randomization_key
