"""Read what a command line names: a strategy's folder, a file."""

from pathlib import Path

from visavis.model.errors import Invalid


def read_file(path: Path) -> bytes:
    """The content of a file; :class:`Invalid` says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", advice="Give a file that is there.") from None


def strategy_files(root: Path) -> dict[str, bytes]:
    """Every file of a strategy's folder, by its path inside it; :class:`Invalid` when it is no such folder."""
    if not (root / "brand.toml").is_file():
        raise Invalid(f"{root} is no strategy: it holds no brand.toml.", advice="Give a folder like examples/grocery.")
    return {path.relative_to(root).as_posix(): read_file(path) for path in sorted(root.rglob("*")) if path.is_file()}
