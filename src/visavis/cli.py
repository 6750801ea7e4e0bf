"""The command line: live the year, replay a log, explain a decision, read a strategy."""

import json
import os
import shutil
import sys
import tempfile
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visavis.cli_rights import rights
from visavis.model.errors import VisavisError

if TYPE_CHECKING:
    from visavis.store.sqlite import SqliteLog

# Matrices here are small: more threads only burn processor time. Read when NumPy is first imported, by the commands
# below.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)


def example(name: str) -> Path:
    """The folder of an example that comes with the package."""
    root = Path(str(package_files("visavis"))) / "examples" / name
    return root if root.is_dir() else Path(__file__).parents[2] / "examples" / name


def grocery() -> dict[str, bytes]:
    """The files of the grocery example."""
    return folder(example("grocery"))


def folder(root: Path) -> dict[str, bytes]:
    """Every file of a strategy's folder, by its path inside it."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@app.command()
def demo(
    *,
    headless: Annotated[
        bool, typer.Option(help="Play all scenes without a browser and compare; the exit code is 1 on any difference.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --headless: print one JSON object.")] = False,
    household: Annotated[str, typer.Option(help="Whose year is on the stage.")] = "Solène",
    language: Annotated[str, typer.Option(help="fr or en")] = "fr",
    port: Annotated[int, typer.Option(help="The port of this machine; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep the log in this folder, and go on from it.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the stage in a browser where there is one.")] = True,
) -> None:
    """The mission, live: what both pairs of glasses show, what each was allowed to know, and why."""
    import asyncio  # noqa: PLC0415

    from visavis.lab import demo  # noqa: PLC0415

    if headless:
        told = asyncio.run(demo.headless(grocery(), example("households"), household, port=port, data=data))
        sys.stdout.write(
            json.dumps(told.fields(language), ensure_ascii=False) + "\n" if as_json else told.text(language)
        )
        raise typer.Exit(0 if told.as_expected else 1)
    asyncio.run(
        demo.show(grocery(), example("households"), household, language=language, port=port, data=data, browser=browser)
    )


@app.command()
def play(
    root: Annotated[Path, typer.Argument(help="The folder of a strategy.")],
    *,
    story: Annotated[str, typer.Option(help="Only this story.")] = "",
    household: Annotated[str, typer.Option(help="Who plays it.")] = "Solène",
    language: Annotated[str, typer.Option(help="fr or en")] = "en",
) -> None:
    """Play a strategy's stories against a running engine, and compare with what they expect."""
    import asyncio  # noqa: PLC0415

    from visavis.lab import demo  # noqa: PLC0415

    told = asyncio.run(demo.headless(folder(root), example("households"), household, only=story, crowd=False))
    sys.stdout.write(told.text(language))
    raise typer.Exit(0 if told.as_expected else 1)


@app.command()
def serve(
    root: Annotated[Path, typer.Argument(help="The folder of a strategy.")],
    *,
    settings: Annotated[Path | None, typer.Option(help="A settings file; see docs/serve.md.")] = None,
    data: Annotated[str | None, typer.Option(help="The folder of log, keys and outbox.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Run a server: moments in over HTTP, decisions back, cards to screens, webhooks out."""
    import asyncio  # noqa: PLC0415

    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.listen import listening, until_told  # noqa: PLC0415
    from visavis.runtime.logs import set_up  # noqa: PLC0415
    from visavis.wiring import build  # noqa: PLC0415

    told = read_settings(settings, data=data, port=port)
    set_up()
    server = build(folder(root), told)

    async def run() -> None:
        async with listening(server, told.port, host=told.host):
            sys.stderr.write(f"{server.strategy.brand.name} listens on http://{told.host}:{told.port}\n")
            await until_told()

    asyncio.run(run())


@app.command()
def key(
    role: Annotated[str, typer.Argument(help="brand, till, device, adviser or sensor")],
    subject: Annotated[str, typer.Argument(help="The person (device, sensor) or the place (till, adviser).")] = "",
    *,
    profile: Annotated[str, typer.Option(help="A device's screen: glasses, watch, phone…")] = "",
    settings: Annotated[Path | None, typer.Option(help="The server's settings file.")] = None,
    data: Annotated[str | None, typer.Option(help="The server's data folder.")] = None,
    revoke: Annotated[str, typer.Option(help="Revoke the key of this id instead.")] = "",
) -> None:
    """Make an API key, shown once; or revoke one.

    Give the settings that the server is given: keys lie sealed under its root key.
    """
    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.wiring import keys  # noqa: PLC0415

    access = keys(read_settings(settings, data=data))
    if revoke:
        access.revoke(revoke)
    else:
        sys.stdout.write(access.issue(role, subject, profile=profile) + "\n")
    access.close()


@app.command()
def year(
    *,
    headless: Annotated[bool, typer.Option(help="Draw nothing while it lives.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    months: Annotated[
        int, typer.Option(min=1, max=6, help="How many months to live, from July; 2 is the short form.")
    ] = 6,
    every: Annotated[
        int, typer.Option(min=1, max=20, help="Live one household in so many: 10 is a glance, with rough figures.")
    ] = 1,
    household: Annotated[int | None, typer.Option(help="Follow the glasses of this household.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Keep the log in this folder; a run that was interrupted goes on from it.")
    ] = None,
    decisions: Annotated[Path | None, typer.Option(help="Write one row a visit to this Parquet file.")] = None,
) -> None:
    """Live a real year of 2,469 real households: learn on January to June, then decide before each basket is known."""
    from visavis.lab.year.run import run  # noqa: PLC0415  only this command needs the data set's reader
    from visavis.lab.year.screen import TerminalScreen  # noqa: PLC0415

    kept = log if log is not None else Path(tempfile.mkdtemp(prefix="visavis-year-"))
    try:
        screen = None if headless else lambda read: TerminalScreen(read, household=household)
        report = run(grocery(), kept, months=months, every=every, decisions=decisions, screen=screen)
    finally:
        if log is None:
            shutil.rmtree(kept, ignore_errors=True)
    if as_json:
        sys.stdout.write(json.dumps(report.fields(), allow_nan=False) + "\n")
    else:
        sys.stdout.write(report.text())


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(help="The folder of a log.")],
    *,
    verify: Annotated[
        bool, typer.Option(help="Decide everything again with the logged versions, and compare.")
    ] = False,
) -> None:
    """Rebuild every customer from the log, folding facts."""
    from hashlib import sha256  # noqa: PLC0415
    from time import process_time  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from visavis.runtime.replay import Difference, rebuild  # noqa: PLC0415
    from visavis.runtime.replay import verify as decide_again  # noqa: PLC0415

    log, key = _opened(folder)
    if verify:
        differences: list[Difference] = []
        compared = decide_again(log, key, found=differences.append)
        for one in differences[:20]:
            sys.stdout.write(f"entry {one.position}: moment {one.moment} came out differently\n")
        sys.stdout.write(f"{compared} entries decided again, {len(differences)} differences\n")
        raise typer.Exit(1 if differences else 0)
    started = process_time()
    state = rebuild(log)
    seconds = process_time() - started
    encoded = msgspec.msgpack.Encoder()
    digest = sha256()
    for name in sorted(state.customers):
        digest.update(encoded.encode(state.customers[name]))
    sys.stdout.write(
        f"{state.entries} entries folded into {len(state.customers)} customers at"
        f" {state.entries / max(seconds, 1e-9):,.0f} entries a CPU-second\nworld {state.world.version}, customers"
        f" {digest.hexdigest()[:16]}\n"
    )


@app.command()
def why(
    decision: Annotated[str, typer.Argument(help="The id of a decision.")],
    *,
    log: Annotated[Path, typer.Option(help="The folder of the log that holds it.")],
    language: Annotated[str, typer.Option(help="fr or en")] = "en",
) -> None:
    """Explain one decision: what spoke for it, what refused the others, what would have changed it."""
    from visavis.lab.year.tell import tell  # noqa: PLC0415

    opened, _ = _opened(log)
    sys.stdout.write(tell(opened, decision, language))


@app.command()
def extract(
    log: Annotated[Path, typer.Argument(help="The folder of a year that was lived whole.")],
    to: Annotated[Path, typer.Argument(help="The folder to write into.")],
) -> None:
    """Take the stage's households out of a lived year, with what was learned from it."""
    from visavis.lab.year.extract import extract as take_out  # noqa: PLC0415
    from visavis.lab.year.extract import learned_of  # noqa: PLC0415
    from visavis.strategy.read import read  # noqa: PLC0415

    opened, _ = _opened(log)
    size = take_out(read(grocery()), learned_of(opened), to)
    sys.stdout.write(f"{size:,} bytes in {to}\n")


@app.command()
def lint(root: Annotated[Path, typer.Argument(help="The folder of a strategy.")]) -> None:
    """Read a strategy and list all its faults."""
    from visavis.strategy.read import read  # noqa: PLC0415

    strategy = read(folder(root))
    sys.stdout.write(
        f"{strategy.brand.name}: {len(strategy.actions)} actions, {len(strategy.products)} products, version"
        f" {strategy.version}\n"
    )


app.add_typer(rights, name="rights")
ledger = typer.Typer(no_args_is_help=True, help="Verify the ledger of who used whose data, without its server.")
app.add_typer(ledger, name="ledger")


@ledger.command("verify")
def ledger_verify(
    file: Annotated[Path, typer.Argument(help="The lines, as GET /v1/ledger/leaves gives them.")],
    *,
    checkpoint: Annotated[
        list[Path], typer.Option(help="A checkpoint that was kept; give several to learn where a fault lies.")
    ],
    key: Annotated[str, typer.Option(help="The ledger's public key, NAME+ID+KEY, or a file that holds it.")],
    person: Annotated[
        Path | None,
        typer.Option(
            help="A file with a person's audit key (hexadecimal): check their lines against their choices, too."
        ),
    ] = None,
) -> None:
    """Say what is wrong with a ledger, and where; exit with 1 when anything is."""
    from visavis.ledger.checkpoint import Verifier  # noqa: PLC0415
    from visavis.ledger.personal_view import audit_key, out_of_order, own  # noqa: PLC0415
    from visavis.ledger.verify import lines_of, root, verify  # noqa: PLC0415

    verifier = Verifier(_told(Path(key)).decode() if Path(key).is_file() else key)
    checkpoints = [verifier.read(_told(path).decode("utf-8", "replace")) for path in checkpoint]
    lines = lines_of(_told(file))
    faults = verify(lines, checkpoints)
    if person is not None:
        mine = list(own(lines, audit_key(_told(person))))
        faults += out_of_order(mine)
        sys.stdout.write(f"{len(mine)} lines are this person's\n")
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    said = "nothing is wrong" if not faults else f"{len(faults)} faults"
    sys.stdout.write(f"{len(lines)} lines, root {root(lines).hex()}, {len(checkpoints)} checkpoints: {said}\n")
    raise typer.Exit(1 if faults else 0)


@ledger.command("vectors")
def ledger_vectors(
    root: Annotated[
        Path, typer.Argument(help="A folder of JSON files: public vectors of inclusion and consistency proofs.")
    ],
) -> None:
    """Run public test vectors for RFC 6962 and RFC 9162 proofs; exit with 1 when one comes out differently."""
    from visavis.ledger.vectors import run  # noqa: PLC0415

    verdict = run(root)
    for name in verdict.differing:
        sys.stdout.write(f"{name} came out differently\n")
    sys.stdout.write(
        f"{verdict.run - len(verdict.differing)} of {verdict.run} vectors as expected, {verdict.to_refuse} of them to"
        " be refused\n"
    )
    raise typer.Exit(1 if verdict.differing else 0)


def _told(path: Path) -> bytes:
    from visavis.model.errors import Invalid  # noqa: PLC0415

    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", advice="Give a file that is there.") from None


def _opened(root: Path) -> tuple["SqliteLog", bytes]:
    from visavis.model.errors import Invalid  # noqa: PLC0415
    from visavis.store.keys import KeyStore  # noqa: PLC0415
    from visavis.store.sqlite import SqliteLog  # noqa: PLC0415

    if not (root / "log.sqlite").is_file():
        raise Invalid(f"There is no log in {root}.", advice="Give the folder of `visavis year --log FOLDER`.")
    key = (root / "key").read_bytes()
    return SqliteLog(root / "log.sqlite", KeyStore(root / "vault.sqlite", key, root / "erased")), key


def main() -> None:
    """Run a command. An error of ours, or a missing extra, is printed in one line."""
    try:
        app()
    except VisavisError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except ModuleNotFoundError as error:
        extra = "learn" if error.name in ("polars", "scipy") else "server"
        sys.stderr.write(f"{error.name} is not installed: pip install 'visavis[{extra}]'\n")
        sys.exit(2)
