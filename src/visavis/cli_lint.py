"""``visavis lint``: what is wrong with a strategy, else the strategy in sentences."""

import json
import sys
import tomllib
from datetime import UTC, datetime
from importlib.resources import files as package_files
from pathlib import Path
from typing import Annotated, Literal

import typer

from visavis.files import other_files, strategy_files

StrategyFolder = Annotated[Path, typer.Argument(help="The folder of a strategy, such as examples/grocery.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a list of what was found, for a program.")]
Log = Annotated[Path | None, typer.Option(help="Compare with what was recorded: the data folder of a stopped server.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="The server's settings file, for --log.")]
Lock = Annotated[bool, typer.Option("--lock", help="Keep the hashes of the notices in notices.lock.")]
Language = Annotated[Literal["fr", "en"], typer.Option(help="The language of the sentences.")]


def lint(
    root: StrategyFolder,
    *,
    as_json: AsJson = False,
    log: Log = None,
    settings: SettingsFile = None,
    lock: Lock = False,
    language: Language = "en",
) -> None:
    """List what is wrong with a strategy, else say it in sentences; exit with 1 on an error, not on a warning."""
    from msgspec.structs import asdict  # noqa: PLC0415

    from visavis.strategy import notices  # noqa: PLC0415
    from visavis.strategy.check import check  # noqa: PLC0415
    from visavis.strategy.faults import Reading  # noqa: PLC0415
    from visavis.strategy.file_names import LOCK  # noqa: PLC0415

    files = strategy_files(root)
    strategy, found = check(files, today=datetime.now(UTC).date(), others=other_files(root))
    compared = ""
    if strategy is not None and log is not None:
        from visavis.explain import recorded  # noqa: PLC0415
        from visavis.log_folder import open_log  # noqa: PLC0415

        reading = Reading(files)
        with open_log(log, settings) as (entries, _):
            moments = recorded.check(reading, strategy, entries)
        found, compared = sorted([*found, *reading.findings()]), f", compared with {moments:,} recorded moments"
    if strategy is not None and lock:
        (root / LOCK).write_text(notices.lock(strategy.purposes), encoding="utf-8")
    errors = sum(one.severity == "error" for one in found)
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in found], ensure_ascii=False) + "\n")
        raise typer.Exit(1 if errors else 0)
    for one in found:
        place, _, text = one.text.partition(": ")
        sys.stdout.write(f"{place}: {one.severity}: {text}\n")
    if strategy is not None and not found:
        from visavis.explain.outline import outline  # noqa: PLC0415

        words = tomllib.loads((package_files("visavis") / "web" / "words" / f"{language}.toml").read_text("utf-8"))
        sys.stdout.write("".join(f"{line}\n" for line in outline(strategy, language, words["console"]["kinds"])))
    if strategy is not None:
        counts = f"{len(strategy.actions)} actions, {len(strategy.products)} products"
        sys.stdout.write(f"{strategy.brand.name}: {counts}, version {strategy.version}{compared}\n")
    if found:
        sys.stdout.write(f"{_many(errors, 'error')}, {_many(len(found) - errors, 'warning')}\n")
    raise typer.Exit(1 if errors else 0)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
