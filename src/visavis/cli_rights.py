"""``visavis rights``.

The desk of people's rights, at the command line, on the data folder of a server that is stopped.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from visavis.files import read_file, strategy_files

if TYPE_CHECKING:
    from visavis.rights.requests import Requests

T = TypeVar("T")
rights = typer.Typer(
    no_args_is_help=True,
    help="What people may ask: a copy, a correction, an erasure, somebody who looks again. The server must be stopped.",
)
Root = Annotated[Path, typer.Argument(help="The folder of the strategy.")]
Who = Annotated[str, typer.Argument(help="The person.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="The server's settings file.")]
Data = Annotated[str | None, typer.Option("--data", help="The server's data folder.")]
On = Annotated[bool, typer.Option("--on/--off", help="Ask for it, or take it back.")]
_INDENT: Final = 1


@rights.command()
def schema() -> None:
    """Print the form of an export, as a JSON Schema."""
    from visavis.rights.export import schema as form  # noqa: PLC0415

    _tell(form())


@rights.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A signed receipt, acknowledgement or copy.")],
    key: Annotated[Path, typer.Option(help="The public key: /.well-known/consent-receipt-key.json of who signed it.")],
) -> None:
    """Verify what a server signed and gave, without that server, and print what it says."""
    from visavis.rights.documents import verified  # noqa: PLC0415

    paper = verified(read_file(file).strip(), _key(key))
    said = {**paper.says, "entries": len(paper.says["entries"])} if paper.kind == "copy" else paper.says
    _tell({"kind": paper.kind, "says": said})


@rights.command()
def export(
    root: Root,
    person: Who,
    to: Annotated[Path, typer.Argument(help="The file to write.")],
    *,
    settings: SettingsFile = None,
    data: Data = None,
    sign: Annotated[bool, typer.Option(help="Write a signed file, which can be brought in elsewhere.")] = True,
) -> None:
    """Write a copy of everything that is held of one person."""
    import msgspec  # noqa: PLC0415

    from visavis.rights.export import signed  # noqa: PLC0415

    async def copied(desk: "Requests") -> bytes:
        copy = await desk.export(person, by="brand")
        return signed(copy, desk.key).encode() if sign else msgspec.json.encode(copy)

    to.write_bytes(_at_the_desk(root, settings, data, copied))


@rights.command("import")
def bring_in(
    root: Root,
    person: Who,
    file: Annotated[Path, typer.Argument(help="The signed file.")],
    *,
    settings: SettingsFile = None,
    data: Data = None,
    key: Annotated[
        Path | None, typer.Option(help="The public key (a JWK) of who made it, when that is another server.")
    ] = None,
) -> None:
    """Bring in a person's life from elsewhere: all of it or nothing."""
    token = read_file(file)
    public = _key(key) if key is not None else None
    entries = _at_the_desk(root, settings, data, lambda desk: desk.bring_in(person, token, public))
    sys.stdout.write(f"{entries} entries\n")


@rights.command()
def correct(
    root: Root,
    person: Who,
    moment: Annotated[str, typer.Argument(help="The moment that said something wrong.")],
    *,
    settings: SettingsFile = None,
    data: Data = None,
    instead: Annotated[
        str, typer.Option(help='What its fields should say, as JSON: {"value": "M"}; nothing when it never happened.')
    ] = "null",
) -> None:
    """Put right what a moment said, and all that followed from it."""
    from visavis.model.errors import Invalid  # noqa: PLC0415

    try:
        fields = json.loads(instead)
    except ValueError:
        raise Invalid("`--instead` is not JSON.", advice='Write {"value": "M"}.') from None
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.correct(person, moment, fields, by_brand=True)))


@rights.command()
def hide(
    root: Root,
    person: Who,
    family: Annotated[str, typer.Argument()],
    *,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Never again name a family of products that was wrongly concluded."""
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.hide(person, family)))


@rights.command()
def erase(root: Root, person: Who, *, settings: SettingsFile = None, data: Data = None) -> None:
    """Erase a person everywhere, and print the signed receipt."""

    async def erased(desk: "Requests") -> dict[str, Any]:
        receipt = await desk.erase(person)
        return {"receipt": receipt, "signed": desk.signed(receipt, "erasure-receipt")}

    _tell(_at_the_desk(root, settings, data, erased))


@rights.command()
def restrict(root: Root, person: Who, *, on: On = True, settings: SettingsFile = None, data: Data = None) -> None:
    """Keep a person's data and read none of it."""
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.restrict(person, on=on)))


@rights.command("object")
def object_(
    root: Root,
    person: Who,
    about: Annotated[str, typer.Argument(help="marketing, sharing, or a purpose.")] = "marketing",
    *,
    on: On = True,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Note a person's objection, which stands until they take it back."""
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.object(person, about, on=on)))


@rights.command()
def requests(
    root: Root,
    person: Annotated[str, typer.Argument(help="The person; nobody: every request that waits for the brand.")] = "",
    *,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """List what a person asked, and where it stands.

    Or all that waits for the brand, the one that is due first at the head.
    """

    async def listed(desk: "Requests") -> Any:
        return desk.requests(person) if person else desk.queue()

    _tell(_at_the_desk(root, settings, data, listed))


@rights.command()
def move(
    root: Root,
    person: Who,
    request: Annotated[str, typer.Argument(help="The request, as `requests` lists it.")],
    status: Annotated[str, typer.Argument(help="requires_action, delayed, rejected or fulfilled")],
    *,
    reason: Annotated[str, typer.Option(help="What the person reads; needed for a delay and a rejection.")] = "",
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Let a person's request move on."""
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.move(person, request, status, reason)))


@rights.command()
def reviews(root: Root, *, settings: SettingsFile = None, data: Data = None) -> None:
    """List the contested decisions that wait for somebody."""

    async def listed(desk: "Requests") -> Any:
        return desk.reviews()

    _tell(_at_the_desk(root, settings, data, listed))


@rights.command()
def review(
    root: Root,
    person: Who,
    decision: Annotated[str, typer.Argument(help="The contested decision.")],
    outcome: Annotated[str, typer.Argument(help="confirmed or changed")],
    reasons: Annotated[str, typer.Argument(help="What the person reads.")],
    *,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Answer a contested decision, with reasons."""
    _tell(_at_the_desk(root, settings, data, lambda desk: desk.review(person, decision, outcome, reasons)))


def _at_the_desk(root: Path, settings: Path | None, data: str | None, what: Callable[["Requests"], Awaitable[T]]) -> T:
    """Open the server's data, do this, and close them."""
    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.delivery.webhooks import ERASED  # noqa: PLC0415
    from visavis.wiring import build  # noqa: PLC0415

    files = strategy_files(root)

    async def run() -> T:
        server = build(files, read_settings(settings, data=data))
        server.writer.start()
        server.webhooks.start()
        try:
            told = await what(server.requests)
            await server.webhooks.tried(ERASED)  # whoever cannot be told now is, by the server, once it runs
            return told
        finally:
            await server.stop()

    return asyncio.run(run())


def _key(path: Path) -> dict[str, Any]:
    from visavis.model.errors import Invalid  # noqa: PLC0415

    try:
        found = json.loads(read_file(path))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(
            f"{path.name} is not a public key.", advice="Give the JSON of /.well-known/consent-receipt-key.json."
        )
    return found


def _tell(found: object) -> None:
    import msgspec  # noqa: PLC0415

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=_INDENT).decode() + "\n")
