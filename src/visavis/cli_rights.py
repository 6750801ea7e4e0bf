"""``visavis rights``: what people may ask, at the command line, on the data folder of a server that is stopped."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from visavis.files import read_file, strategy_files

if TYPE_CHECKING:
    from visavis.model.entry import Origin
    from visavis.rights.requests import Requests

T = TypeVar("T")
rights = typer.Typer(
    no_args_is_help=True,
    help="Requests of people: a copy, a correction, an erasure, a human review. The server must be stopped.",
)
Root = Annotated[Path, typer.Argument(help="The folder of the strategy.")]
Who = Annotated[str, typer.Argument(help="The person.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="The server's settings file.")]
Data = Annotated[str | None, typer.Option("--data", help="The server's data folder.")]
On = Annotated[bool, typer.Option("--on/--off", help="Ask for it, or take it back.")]
Signed = Annotated[Path, typer.Argument(help="A signed receipt, acknowledgement or copy.")]
PublicKey = Annotated[
    Path, typer.Option(help="The public key: /.well-known/consent-receipt-key.json of who signed it.")
]
MakersKey = Annotated[
    Path | None, typer.Option(help="The public key (a JWK) of who made it, when that is another server.")
]
ToFile = Annotated[Path, typer.Argument(help="The file to write.")]
Sign = Annotated[bool, typer.Option(help="Write a signed file, which can be brought in elsewhere.")]
SignedFile = Annotated[Path, typer.Argument(help="The signed file.")]
WrongMoment = Annotated[str, typer.Argument(help="The moment that said something wrong.")]
Instead = Annotated[
    str, typer.Option(help='What its fields should say, as JSON: {"value": "M"}; nothing when it never happened.')
]
Family = Annotated[str, typer.Argument()]
About = Annotated[str, typer.Argument(help="marketing, sharing, or a purpose.")]
Anyone = Annotated[str, typer.Argument(help="The person; nobody: every request that waits for the brand.")]
RequestId = Annotated[str, typer.Argument(help="The request, as `requests` lists it.")]
NextStatus = Annotated[str, typer.Argument(help="requires_action, delayed, rejected or fulfilled")]
Reason = Annotated[str, typer.Option(help="What the person reads; needed for a delay and a rejection.")]
Contested = Annotated[str, typer.Argument(help="The contested decision.")]
Outcome = Annotated[str, typer.Argument(help="confirmed or changed")]
Reasons = Annotated[str, typer.Argument(help="What the person reads.")]


@rights.command()
def schema() -> None:
    """Print the form of an export, as a JSON Schema."""
    from visavis.rights.export import schema as form  # noqa: PLC0415

    _print(form())


@rights.command()
def verify(file: Signed, key: PublicKey) -> None:
    """Verify a document that a server signed, without that server, and print it."""
    from visavis.rights.documents import verified  # noqa: PLC0415

    paper = verified(read_file(file).strip(), _key(key))
    says = {**paper.says, "entries": len(paper.says["entries"])} if paper.kind == "copy" else paper.says
    _print({"kind": paper.kind, "says": says})


@rights.command()
def export(
    root: Root, person: Who, to: ToFile, *, settings: SettingsFile = None, data: Data = None, sign: Sign = True
) -> None:
    """Write a copy of everything that is held of one person."""
    import msgspec  # noqa: PLC0415

    from visavis.rights.export import signed  # noqa: PLC0415

    async def copied(requests: "Requests") -> bytes:
        copy = await requests.export(person, by="brand")
        return signed(copy, requests.key).encode() if sign else msgspec.json.encode(copy)

    to.write_bytes(_with_requests(root, settings, data, copied))


@rights.command("import")
def bring_in(
    root: Root,
    person: Who,
    file: SignedFile,
    *,
    settings: SettingsFile = None,
    data: Data = None,
    key: MakersKey = None,
) -> None:
    """Import a person's copy from another server: all of it or nothing."""
    token = read_file(file)
    public = _key(key) if key is not None else None
    entries = _with_requests(root, settings, data, lambda requests: requests.bring_in(person, token, public))
    sys.stdout.write(f"{entries} entries\n")


@rights.command()
def correct(
    root: Root,
    person: Who,
    moment: WrongMoment,
    *,
    settings: SettingsFile = None,
    data: Data = None,
    instead: Instead = "null",
) -> None:
    """Correct a moment, and all that followed from it."""
    from visavis.model.errors import Invalid  # noqa: PLC0415

    try:
        fields = json.loads(instead)
    except ValueError:
        raise Invalid("`--instead` is not JSON.", advice='Write {"value": "M"}.') from None
    _print(_with_requests(root, settings, data, lambda one: one.correct(person, moment, fields, by_brand=True)))


@rights.command()
def hide(root: Root, person: Who, family: Family, *, settings: SettingsFile = None, data: Data = None) -> None:
    """Never again use a family of products that was wrongly inferred."""
    _print(_with_requests(root, settings, data, lambda requests: requests.hide(person, family)))


@rights.command()
def erase(root: Root, person: Who, *, settings: SettingsFile = None, data: Data = None) -> None:
    """Erase a person everywhere, and print the signed receipt."""

    async def erased(requests: "Requests") -> dict[str, Any]:
        receipt = await requests.erasures.erase(person)
        return {"receipt": receipt, "signed": requests.signed(receipt, "erasure-receipt")}

    _print(_with_requests(root, settings, data, erased))


@rights.command()
def restrict(root: Root, person: Who, *, on: On = True, settings: SettingsFile = None, data: Data = None) -> None:
    """Keep a person's data and read none of it."""
    _print(_with_requests(root, settings, data, lambda requests: requests.restrict(person, on=on, origin=_staff())))


@rights.command("object")
def object_(
    root: Root,
    person: Who,
    about: About = "marketing",
    *,
    on: On = True,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Record a person's objection, which holds until they take it back."""
    _print(
        _with_requests(root, settings, data, lambda requests: requests.object(person, about, on=on, origin=_staff()))
    )


@rights.command()
def requests(root: Root, person: Anyone = "", *, settings: SettingsFile = None, data: Data = None) -> None:
    """List a person's requests with their status; or all that wait for the brand, the most urgent first."""

    async def listed(requests: "Requests") -> Any:
        return requests.of(person) if person else requests.open()

    _print(_with_requests(root, settings, data, listed))


@rights.command()
def move(
    root: Root,
    person: Who,
    request: RequestId,
    status: NextStatus,
    *,
    reason: Reason = "",
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Set the status of a person's request."""
    _print(_with_requests(root, settings, data, lambda requests: requests.move(person, request, status, reason)))


@rights.command()
def reviews(root: Root, *, settings: SettingsFile = None, data: Data = None) -> None:
    """List the contested decisions that wait for a review."""

    async def listed(requests: "Requests") -> Any:
        return requests.reviews.open()

    _print(_with_requests(root, settings, data, listed))


@rights.command()
def review(
    root: Root,
    person: Who,
    decision: Contested,
    outcome: Outcome,
    reasons: Reasons,
    *,
    settings: SettingsFile = None,
    data: Data = None,
) -> None:
    """Answer a contested decision, with reasons."""
    _print(_with_requests(root, settings, data, lambda asked: asked.reviews.answer(person, decision, outcome, reasons)))


def _with_requests(
    root: Path, settings: Path | None, data: str | None, what: Callable[["Requests"], Awaitable[T]]
) -> T:
    from visavis.config import settings as read_settings  # noqa: PLC0415
    from visavis.delivery.webhooks import ERASED  # noqa: PLC0415
    from visavis.wiring import build  # noqa: PLC0415

    files = strategy_files(root)

    async def run() -> T:
        server = build(files, read_settings(settings, data=data))
        server.writer.start()
        server.webhooks.start()
        try:
            found = await what(server.requests)
            await server.webhooks.tried(ERASED)  # who cannot be reached now is told by the server, once it runs
            return found
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
        advice = "Give the JSON of /.well-known/consent-receipt-key.json."
        raise Invalid(f"{path.name} is not a public key.", advice=advice)
    return found


def _staff() -> "Origin":
    """Whoever has the server's files: the brand's staff."""
    from visavis.model.entry import Origin  # noqa: PLC0415

    return Origin("brand", surface="command line")


def _print(found: object) -> None:
    import msgspec  # noqa: PLC0415

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
