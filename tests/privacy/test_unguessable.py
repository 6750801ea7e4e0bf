"""P17: a dictionary of all known of people, in the usual hashes, matches nothing kept of them or given out."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import httpx
import pytest

from support.canary import guessed, traces
from support.doors import MOMENTS, client
from support.house import House, everything, orders
from support.people import NOON
from support.sabotage import mutate
from visavis.api import moments, receipts
from visavis.delivery import webhooks as outbox
from visavis.model.entry import encode
from visavis.model.moment import Linked
from visavis.rights import suppression_list as opposition
from visavis.store import keys as vault
from visavis.wiring import Server

CARDS = {"camille@brand.example": "06 12 34 56 78", "basile@brand.example": "camille.renard@example.org"}
PEOPLE = tuple(CARDS)


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a disk: what is asked is which bytes are in the files."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def check_that_no_hash_can_be_guessed(root: Path) -> None:
    """Neither in a file nor on paper, before an erasure or after."""
    with House(root) as house:
        server = house.server
        for name, card in CARDS.items():
            house.process([one for one in everything(name) if not isinstance(one, Linked)])
            said = {
                "kind": "linked",
                "id": f"card of {name}",
                "customer": name,
                "occurred_at": NOON.isoformat(),
                "identifier": card,
            }
            assert house.run(asked(server, "POST", MOMENTS, said)).status_code == 200
            house.run(server.requests.object(name, "sharing", on=True))
        orders(house, PEOPLE[0])
        entries = [entry for name in PEOPLE for entry in server.log.of(name)]
        spoken = [
            one
            for entry in entries
            for one in (entry.moment.id, *[d.id for d in entry.decisions], *[e.key for e in entry.effects])
        ]
        assert any(entry.effects for entry in entries), "nothing went out: this proves nothing"
        papers = [encode(entry) for entry in entries]
        for name in PEOPLE:
            receipt = f"/v1/people/{name}/purposes/home/receipt?format="
            papers += [house.run(asked(server, "GET", receipt + form)).content for form in ("record", "kantara")]
        people = [*CARDS, *CARDS.values()]
        assert not guessed(b"\0".join(papers), people), "a name or a card can be guessed in a paper"
        assert not guessed(files(root), [*people, *spoken]), "something can be guessed in a file"
        house.erase(PEOPLE[0])
        assert not guessed(files(root), [*people, *spoken]), "something can be guessed in a file after an erasure"
        assert not traces(root, [PEOPLE[0], CARDS[PEOPLE[0]]])


def files(root: Path) -> bytes:
    return b"\0".join([path.read_bytes() for path in root.rglob("*") if path.is_file()])


async def asked(server: Server, method: str, path: str, body: object = None) -> httpx.Response:
    async with client(server, server.access_keys.issue("brand")) as brand:
        return await brand.request(method, path, json=body)


def test_no_hash_can_be_guessed(quick: Path) -> None:
    check_that_no_hash_can_be_guessed(quick)


PLAIN: dict[str, tuple[ModuleType, str, str, str]] = {
    "the name in the vault": (
        vault,
        "customer.encode(), key=self._fingerprints, digest_size=NAME_BYTES",
        "customer.encode(), digest_size=NAME_BYTES",
        "file",
    ),
    "the pseudonym": (
        vault,
        "randbits(PSEUDONYM_BITS)",
        "int.from_bytes(blake2b(customer.encode(), digest_size=8).digest()) >> 1",
        "file",
    ),
    "the moment": (
        vault,
        "moment.encode(), key=self._moment_key, digest_size=8",
        "moment.encode(), digest_size=8",
        "file",
    ),
    "the effect": (
        outbox,
        "blake2b(key.encode(), key=self._secret, digest_size=16)",
        "blake2b(key.encode(), digest_size=16)",
        "file",
    ),
    "who objected": (
        opposition,
        "key=self._secret, digest_size=FINGERPRINT_BYTES",
        "digest_size=FINGERPRINT_BYTES",
        "file",
    ),
    "the card": (moments, "key=secret[:64], digest_size=16", "digest_size=16", "paper"),
    "the subject of a receipt": (
        receipts,
        "name.encode(), key=secret, digest_size=12",
        "name.encode(), digest_size=12",
        "paper",
    ),
}


@pytest.mark.parametrize("what", PLAIN)
def test_a_plain_hash_is_caught(quick: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    module, keyed, plain, where = PLAIN[what]
    mutate(monkeypatch, module, keyed, plain)

    with pytest.raises(AssertionError, match=f"guessed in a {where}"):
        check_that_no_hash_can_be_guessed(quick)
