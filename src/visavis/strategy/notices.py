"""The hashes of notices: words that were served under a version are never others under the same version."""

from collections.abc import Mapping
from typing import Final

from visavis.model.consent import Purpose, hash_of, notice_text
from visavis.strategy.faults import Reading
from visavis.strategy.file_names import LOCK

ADVICE: Final = "Give it another version, and keep the words that were served under notice.versions."


def hashes(purposes: Mapping[str, Purpose]) -> dict[str, str]:
    """The hash of each notice, by ``purpose/version/language``."""
    return {
        f"{key}/{version}/{language}": hash_of(notice_text(purpose, language, version))
        for key, purpose in purposes.items()
        for version in (purpose.notice.version, *purpose.notice.versions)
        for language in purpose.notice.text_of(version)
    }


def changed(purposes: Mapping[str, Purpose], known: Mapping[str, str]) -> list[str]:
    """The notices that say something else than under the same name before."""
    now = hashes(purposes)
    return [name for name, before in known.items() if now.get(name, before) != before]


def check(reading: Reading, purposes: Mapping[str, Purpose]) -> None:
    """The notices are those that were locked, and earlier versions stay."""
    path, locked = "purposes.toml", reading.toml(LOCK, needed=False) or {}
    for key, purpose in purposes.items():
        if purpose.notice.version in purpose.notice.versions:
            what = f"`{purpose.notice.version}` is the present version of `{key}`, not an earlier one"
            reading.fault(path, (key, "notice", "versions"), what, "Name each version once.")
    for name in changed(purposes, locked):
        what = f"the notice {name} is not the one that was locked: another text or another scope"
        reading.fault(path, (name.partition("/")[0], "notice"), what, ADVICE)
    for name in locked.keys() - hashes(purposes).keys():
        key, _, rest = name.partition("/")
        version = rest.rpartition("/")[0]
        if key in purposes and not purposes[key].notice.text_of(version):
            what = f"the notice {key}/{version} was served, and is missing"
            reading.fault(path, (key, "notice"), what, "Keep its words under notice.versions.")


def lock(purposes: Mapping[str, Purpose]) -> str:
    """The lock file of these notices."""
    lines = [f'"{name}" = "{digest}"' for name, digest in sorted(hashes(purposes).items())]
    head = "# Notices that were served, by hash: other words need another version. Written by `visavis lint --lock`."
    return "\n".join([head, *lines, ""])
