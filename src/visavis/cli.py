"""Vis-à-vis: decides what two pairs of glasses show, the customer's and the employee's.

Begin with `visavis demo`. A brand's strategy is a folder of files: check it with `lint`, try it with `play`, run it
with `serve`.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from importlib.resources import files as package_files
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from visavis import __version__
from visavis.cli_lint import lint
from visavis.cli_rights import rights
from visavis.files import read_file, strategy_files
from visavis.model.errors import Invalid, VisavisError

# Matrices here are small: more threads only burn processor time. Read when NumPy is first imported, by the commands
# below, which import what they need when they run: another command may do without.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

EXTRAS: Final = {"polars": "learn", "aiomqtt": "mqtt", "pywebpush": "push", "brilliant": "brilliant"}
"""The extra that brings a module; the others come with ``server``."""
TRY, BRAND, CHECK = "Try it", "Run a brand", "Check what was recorded"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=__doc__,
)
ledger = typer.Typer(no_args_is_help=True, help="Verify the ledger of who used whose data, without its server.")
app.add_typer(rights, name="rights", rich_help_panel=BRAND)
app.add_typer(ledger, name="ledger", rich_help_panel=CHECK)

StrategyFolder = Annotated[Path, typer.Argument(help="The folder of a strategy, such as examples/grocery.")]
Language = Annotated[Literal["fr", "en"], typer.Option(help="The language of cards and texts.")]
HouseholdName = Annotated[str, typer.Option("--household", help="The first name of the household that plays.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="The server's settings file; see docs/serve.md.")]
DataFolder = Annotated[str | None, typer.Option("--data", help="The server's folder of log, keys and outbox.")]


def example(name: str) -> Path:
    """The folder of an example that comes with the package."""
    root = Path(str(package_files("visavis"))) / "examples" / name
    return root if root.is_dir() else Path(__file__).parents[2] / "examples" / name


def grocery() -> dict[str, bytes]:
    """The files of the grocery example."""
    return strategy_files(example("grocery"))


@app.callback(invoke_without_command=True)
def options(
    *, version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.")] = False
) -> None:
    """Options of the whole program."""
    if version:
        sys.stdout.write(f"visavis {__version__}\n")
        raise typer.Exit


@app.command(rich_help_panel=TRY)
def demo(
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="Play all scenes without a browser; exit with 1 on any difference.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --headless: print one JSON object.")] = False,
    household: HouseholdName = "Solène",
    language: Language = "fr",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen on; 0 takes a free one.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Keep the log in this folder, and go on from it.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the stage in a browser.")] = True,
) -> None:
    """Show both pairs of glasses in a browser, what each was allowed to know, and why; played by a real household."""
    import asyncio  # noqa: PLC0415

    from visavis.lab import demo  # noqa: PLC0415

    if as_json and not headless:
        raise Invalid("`--json` prints what was played without a browser.", advice="Add --headless.")
    files, households = grocery(), example("households")
    if not headless:
        shown = demo.show(files, households, household, language=language, port=port, data=data, browser=browser)
        return asyncio.run(shown)
    report = asyncio.run(demo.headless(files, households, household, language=language, port=port, data=data))
    fields = report.fields(language) if as_json else {}
    sys.stdout.write(json.dumps(fields, ensure_ascii=False) + "\n" if as_json else report.text(language))
    raise typer.Exit(0 if report.as_expected else 1)


@app.command(rich_help_panel=TRY)
def year(
    *,
    headless: Annotated[bool, typer.Option("--headless", help="Draw nothing while it runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    months: Annotated[int, typer.Option(min=1, max=6, help="How many months from July; 2 is the short form.")] = 6,
    every: Annotated[int, typer.Option(min=1, max=20, help="One household in so many; 10 gives rough figures.")] = 1,
    household: Annotated[int | None, typer.Option(help="Follow the glasses of this household.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Keep the log in this folder; an interrupted run goes on from it.")
    ] = None,
    decisions: Annotated[Path | None, typer.Option(help="Write one row a visit to this Parquet file.")] = None,
) -> None:
    """Backtest a year of 2,469 real households: learn on January to June, then decide before each basket is known."""
    from visavis.lab.year.progress_screen import ProgressScreen  # noqa: PLC0415
    from visavis.lab.year.run import run  # noqa: PLC0415

    if decisions is not None and not decisions.parent.is_dir():
        raise Invalid(f"There is no folder {decisions.parent}.", advice="Make it, or give another --decisions.")
    folder = log if log is not None else Path(tempfile.mkdtemp(prefix="visavis-year-"))
    try:
        screen = None if headless else lambda strategy: ProgressScreen(strategy, household=household)
        report = run(grocery(), folder, months=months, every=every, decisions=decisions, screen=screen)
    finally:
        if log is None:
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(report.fields(), allow_nan=False) + "\n" if as_json else report.text())


@app.command(rich_help_panel=TRY)
def extract(
    log: Annotated[Path, typer.Argument(help="The folder of a whole year: `visavis year --log FOLDER`.")],
    to: Annotated[Path, typer.Argument(help="The folder to write into.")],
    *,
    settings: SettingsFile = None,
) -> None:
    """Take the households of the demo out of a year, with what was learned from it."""
    from visavis.lab.year.household_extract import extract, learned_of  # noqa: PLC0415
    from visavis.log_folder import open_log  # noqa: PLC0415
    from visavis.strategy.read import read  # noqa: PLC0415

    with open_log(log, settings) as (opened, _):
        learned = learned_of(opened)
    sys.stdout.write(f"{extract(read(grocery()), learned, to):,} bytes in {to}\n")


app.command(rich_help_panel=BRAND)(lint)


@app.command(rich_help_panel=BRAND)
def play(
    root: StrategyFolder,
    *,
    story: Annotated[str, typer.Option(help="Only this story.")] = "",
    household: HouseholdName = "Solène",
    language: Language = "en",
) -> None:
    """Play a strategy's stories on a temporary server; exit with 1 when one is not as expected."""
    import asyncio  # noqa: PLC0415

    from visavis.lab import demo  # noqa: PLC0415

    files, households = strategy_files(root), example("households")
    played = demo.play(files, households, household, language=language, only=story)
    report = asyncio.run(played)
    sys.stdout.write(report.text(language))
    raise typer.Exit(0 if report.as_expected else 1)


@app.command(rich_help_panel=BRAND)
def serve(
    root: StrategyFolder,
    *,
    settings: SettingsFile = None,
    data: DataFolder = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="The port to listen on.")] = None,
) -> None:
    """Run a server: it takes moments over HTTP, answers with decisions, sends cards to screens and calls webhooks."""
    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.listen import listening, run, until_stopped  # noqa: PLC0415
    from visavis.runtime.logs import set_up  # noqa: PLC0415
    from visavis.strategy.read import read  # noqa: PLC0415
    from visavis.wiring import build  # noqa: PLC0415

    found = read_settings(settings, data=data, port=port)
    set_up()
    files = strategy_files(root)
    read(files, live=True)
    server = build(files, found)

    async def serving() -> None:
        async with listening(server, found.port, host=found.host):
            for action in server.strategy.without_target:
                text = f"`{action.id}` is never shown: no [webhooks.{action.effect}] is set up (docs/webhooks.md)."
                sys.stderr.write(f"{text}\n")
            sys.stderr.write(f"{server.strategy.brand.name} listens on http://{found.host}:{found.port}\n")
            await until_stopped()

    run(serving())


@app.command(rich_help_panel=BRAND)
def key(
    role: Annotated[str, typer.Argument(help="brand, till, device, adviser or sensor")],
    subject: Annotated[str, typer.Argument(help="The person (device, sensor) or the place (till, adviser).")] = "",
    *,
    profile: Annotated[str, typer.Option(help="A device's screen: glasses, watch, phone…")] = "",
    settings: SettingsFile = None,
    data: DataFolder = None,
    revoke: Annotated[str, typer.Option(help="Revoke the key of this id instead.")] = "",
) -> None:
    """Make an access key and print it once; or revoke one.

    Give the settings that the server is given: keys are sealed under its root key.
    """
    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.wiring import keys  # noqa: PLC0415

    access = keys(read_settings(settings, data=data))
    if revoke:
        access.revoke(revoke)
    else:
        sys.stdout.write(access.issue(role, subject, profile=profile) + "\n")
    access.close()


@app.command(rich_help_panel=CHECK)
def replay(
    folder: Annotated[Path, typer.Argument(help="The folder of a log, or the data folder of a stopped server.")],
    *,
    settings: SettingsFile = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Decide everything again with the logged versions, and compare.")
    ] = False,
) -> None:
    """Rebuild every customer from a log by folding facts; exit with 1 when --verify finds a difference."""
    from hashlib import sha256  # noqa: PLC0415
    from time import process_time  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    from visavis.log_folder import open_log  # noqa: PLC0415
    from visavis.runtime.replay import Difference, rebuild  # noqa: PLC0415
    from visavis.runtime.replay import verify as decide_again  # noqa: PLC0415

    with open_log(folder, settings) as (log, randomization_key):
        if verify:
            differences: list[Difference] = []
            compared = decide_again(log, randomization_key, found=differences.append)
            for one in differences[:20]:
                sys.stdout.write(f"entry {one.position}: moment {one.moment} came out differently\n")
            sys.stdout.write(f"{compared} entries decided again, {len(differences)} differences\n")
            raise typer.Exit(1 if differences else 0)
        started = process_time()
        state = rebuild(log)
    rate = state.entries / max(process_time() - started, 1e-9)
    digest = sha256()
    customers = state.population.by_name()
    for name in sorted(customers):
        digest.update(msgspec.msgpack.encode(customers[name]))
    sys.stdout.write(
        f"{state.entries} entries folded into {len(customers)} customers at {rate:,.0f} entries a CPU-second\n"
        f"world {state.world.version}, customers {digest.hexdigest()[:16]}\n"
    )


@app.command(rich_help_panel=CHECK)
def why(
    decision: Annotated[str, typer.Argument(help="The id of a decision.")],
    *,
    log: Annotated[Path, typer.Option(help="The folder of the log that holds it.")],
    settings: SettingsFile = None,
    language: Language = "en",
) -> None:
    """Explain one decision: what counted for it, and what refused the other actions."""
    from visavis.lab.year.explanation import explanation  # noqa: PLC0415
    from visavis.log_folder import open_log  # noqa: PLC0415

    with open_log(log, settings) as (opened, _):
        sys.stdout.write(explanation(opened, decision, language))


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
        typer.Option(help="A file with a person's audit key (hexadecimal): check their lines against their choices."),
    ] = None,
) -> None:
    """Find what is wrong with a ledger, and where; exit with 1 when anything is."""
    from visavis.ledger.checkpoint import Verifier  # noqa: PLC0415
    from visavis.ledger.personal_view import out_of_order, own_lines, parse_audit_key  # noqa: PLC0415
    from visavis.ledger.verify import exported_lines, root, verify  # noqa: PLC0415

    verifier = Verifier(read_file(Path(key)).decode("utf-8", "replace") if Path(key).is_file() else key)
    checkpoints = [verifier.read(read_file(path).decode("utf-8", "replace")) for path in checkpoint]
    lines = exported_lines(read_file(file))
    faults = verify(lines, checkpoints)
    if person is not None:
        mine = list(own_lines(lines, parse_audit_key(read_file(person))))
        faults += out_of_order(mine)
        sys.stdout.write(f"{len(mine)} lines are this person's\n")
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    result = "nothing is wrong" if not faults else f"{len(faults)} faults"
    sys.stdout.write(f"{len(lines)} lines, root {root(lines).hex()}, {len(checkpoints)} checkpoints: {result}\n")
    raise typer.Exit(1 if faults else 0)


@ledger.command("vectors")
def ledger_vectors(
    root: Annotated[
        Path, typer.Argument(help="A folder of public vectors of inclusion and consistency proofs (JSON).")
    ],
) -> None:
    """Run public test vectors for RFC 6962 and RFC 9162 proofs; exit with 1 when one comes out differently."""
    from visavis.ledger.vectors import run  # noqa: PLC0415

    verdict = run(root)
    for name in verdict.differing:
        sys.stdout.write(f"{name} came out differently\n")
    passed = verdict.run - len(verdict.differing)
    sys.stdout.write(f"{passed} of {verdict.run} vectors as expected, {verdict.to_refuse} of them to be refused\n")
    raise typer.Exit(1 if verdict.differing else 0)


def main() -> None:
    """Run a command; an error that the user can mend is one line with advice, and the exit code is 2."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except VisavisError as error:
        _fail(str(error))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module == "visavis":
            raise
        extra = EXTRAS.get(module, "server")
        _fail(f"This command needs `{module}`, which is not installed. Run: pip install 'visavis[{extra}]'.")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename or 'A file'}: {error.strerror or error}. Check the path and its permissions.")
    except sqlite3.DatabaseError as error:
        _fail(f"A file of the data folder cannot be used: {error}. Is another process using it?")
    except Exception as error:
        # A usage error: its class is click's or Typer's own, depending on Typer's version.
        if not hasattr(error, "format_message"):
            raise
        message = " ".join(error.format_message().split())
        if not message:  # a group of commands without one: its help has been printed
            sys.exit(2)
        command = getattr(getattr(error, "ctx", None), "command_path", "visavis")
        _fail(f"{message.rstrip('.')}. Try `{command} --help`.")


def _fail(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.exit(2)
