"""Read what a command line names: a strategy's folder, a file."""

import os
from pathlib import Path
from typing import Final

from visavis.model.errors import Invalid
from visavis.strategy.file_names import is_hidden, is_own, mistaken

SIZE_LIMIT_MB: Final = 64
"""What all files of a strategy hold together: a catalogue of a million articles, no photos."""


def read_file(path: Path) -> bytes:
    """The content of a file; :class:`Invalid` says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", advice="Give a file that is there.") from None


def strategy_files(root: Path) -> dict[str, bytes]:
    """The strategy's own files, and those that were meant to be, by their paths inside its folder.

    :class:`Invalid` when it is no such folder, or holds too much. What else lies there is not read
    (:func:`other_files`).
    """
    own = [path for path in _paths(root) if is_own(path) or mistaken(path)]
    if "brand.toml" not in own:
        raise _no_strategy(root, own)
    sizes = {path: (root / path).stat().st_size for path in own}
    if (total := sum(sizes.values())) > SIZE_LIMIT_MB * 1_000_000:
        largest = max(sizes, key=sizes.__getitem__)
        what = (
            f"{root} holds {total / 1e6:,.0f} MB, most of it in {largest}; a strategy has at most {SIZE_LIMIT_MB} MB."
        )
        raise Invalid(what, advice="Take out what is not the strategy's.")
    return {path: read_file(root / path) for path in own}


def other_files(root: Path) -> list[str]:
    """The files beside the strategy's that nothing reads; hidden ones are left out."""
    return [path for path in _paths(root) if not is_own(path) and not mistaken(path)]


def _paths(root: Path) -> list[str]:
    """The visible files of a folder and of the folders inside it, in a fixed order."""
    found: list[str] = []
    for folder, inside, names in os.walk(root):
        inside[:] = [name for name in inside if not is_hidden(name)]
        paths = [Path(folder, name) for name in names if not is_hidden(name)]
        found += [path.relative_to(root).as_posix() for path in paths if path.is_file()]
    return sorted(path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for path in found)


def _no_strategy(root: Path, own: list[str]) -> Invalid:
    like = "Give a folder like examples/grocery."
    if not root.exists():
        return Invalid(f"There is no folder {root}.", advice=like)
    if not root.is_dir():
        return Invalid(f"{root} is a file, not the folder of a strategy.", advice=like)
    if not own and not any(root.iterdir()):
        return Invalid(f"{root} is empty.", advice=f"A strategy begins with brand.toml. {like}")
    inner = sorted(path.parent.name for path in root.glob("*/brand.toml"))
    advice = f"Did you mean {root / inner[0]}?" if inner else like
    return Invalid(f"{root} is no strategy: it holds no brand.toml.", advice=advice)
