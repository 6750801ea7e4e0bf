"""P11: every effective use has its line in the ledger, written with it, and every line its use, despite kills."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from types import ModuleType

import httpx
import pytest
from msgspec.structs import replace

from support.doors import MOMENTS, a_server, moment, running, switch
from support.people import BRANDS, NOON, STRATEGY, a_loop, camille, enters, pays
from support.sabotage import mutate
from support.used import kill_and_look
from visavis.api import explanations, people
from visavis.decide import deliberation
from visavis.http import access_log
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.log import Ledger
from visavis.ledger.personal_view import own_lines
from visavis.ledger.record import entry_lines, read
from visavis.ledger.verify import verify
from visavis.model.decision import Decision
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Unavailable
from visavis.model.moment import CheckedIn, Declared, Moment, Ordered
from visavis.runtime.loop import Processor
from visavis.store.keys import KeyStore
from visavis.store.memory import MemoryEntryLog
from visavis.store.sqlite import SqliteEntryLog
from visavis.web import console

pytestmark = pytest.mark.anyio
ROOT_KEY = b"r" * 32
ORIGIN = "visavis.test/ledger"


def on_disk(folder: Path) -> SqliteEntryLog:
    return SqliteEntryLog(folder / "log.sqlite", KeyStore(folder / "vault.sqlite", ROOT_KEY, folder / "erased"))


def check(log: SqliteEntryLog | MemoryEntryLog) -> int:
    """The ledger holds exactly the lines of the log's entries, in their order; how many."""
    owed = [
        line
        for _, entry in log.scan()
        if isinstance(entry, Entry)
        for line in entry_lines(entry, STRATEGY.purposes, log.audit_key(entry.customer))
    ]
    held = list(log.lines(0, 10**9))
    assert len(held) >= len(owed), f"{len(owed) - len(held)} uses have no line"
    assert held == owed, "a line tells of no use"
    return len(held)


def run(loop: Processor, dice: Random, moments: int) -> None:
    for i in range(moments):
        name = dice.choice(["camille", "bo", "eve"])
        options: list[Moment] = [
            enters(name, id=f"in-{i}"),
            pays(dice.choice(BRANDS), name=name, id=f"till-{i}"),
            enters(name, id="again"),
        ]
        moment = dice.choice(options)
        loop.step(moment, check_log=True)
        loop.step(CheckedIn(id=f"here-{i}", customer=name, occurred_at=moment.occurred_at, place="s1"), check_log=True)
        if dice.random() < 0.4:
            loop.commit()
    loop.commit()


@pytest.mark.parametrize("making", [lambda _: MemoryEntryLog(), on_disk], ids=["memory", "disk"])
def test_every_use_has_its_line_and_every_line_its_use(
    making: Callable[[Path], SqliteEntryLog | MemoryEntryLog], tmp_path: Path
) -> None:
    log = making(tmp_path)
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment", "adviser-brief")
    run(loop, Random(7), 60)

    assert check(log) > 30
    mine = list(own_lines(log.lines(0, 10**9), log.audit_key("camille")))
    assert mine
    assert not list(own_lines(log.lines(0, 10**9), b"\1" * 32))
    log.close()


class Breaks(Exception):
    """The disk gives up."""


def test_a_commit_that_fails_leaves_neither_the_use_nor_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = on_disk(tmp_path)
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment")
    before = check(log)
    monkeypatch.setattr("visavis.ledger.record.entry_lines", _broken)
    with pytest.raises(Breaks):
        loop.process([enters()])
    monkeypatch.undo()

    assert check(log) == before
    assert log.entry("camille", "door-1") is None
    log.close()


def _broken(*_: object, **__: object) -> list[bytes]:
    raise Breaks


def test_after_a_restart_the_ledger_has_the_same_root_and_old_checkpoints_hold(tmp_path: Path) -> None:
    log = on_disk(tmp_path)
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment")
    first = Ledger(log, CheckpointSigner(ORIGIN, ROOT_KEY), cadence_s=0)
    note = first.checkpoint(0)
    run(loop, Random(3), 20)
    first.follow()
    root, size = first.root(len(first)), len(first)
    log.close()
    log = on_disk(tmp_path)
    again = Ledger(log, CheckpointSigner(ORIGIN, ROOT_KEY), cadence_s=0)

    assert (again.root(size), len(again)) == (root, size)
    lines, verifier = list(log.lines(0, size)), Verifier(again.signer.verifier)
    assert verify(lines, [verifier.read(note), verifier.read(again.checkpoint(1))]) == []
    log.close()


def test_the_ledger_outlives_an_erasure_and_leads_to_nobody(tmp_path: Path) -> None:
    log = on_disk(tmp_path)
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment")
    run(loop, Random(5), 20)
    ledger = Ledger(log, CheckpointSigner(ORIGIN, ROOT_KEY), cadence_s=0)
    note, key, lines = ledger.checkpoint(0), log.audit_key("camille"), list(log.lines(0, 10**9))
    assert list(own_lines(lines, key))
    log.erase("camille")

    assert log.audit_key("camille") == b""
    assert list(log.lines(0, 10**9)) == lines
    assert verify(lines, [Verifier(ledger.signer.verifier).read(note)]) == []
    log.close()


class LinesLater(SqliteEntryLog):
    """A sabotage: the lines are written in a commit of their own, after the entries'."""

    lost = False

    def commit(self, entries: Sequence[Entry | WorldEntry], lines: Sequence[Sequence[bytes]] = ()) -> int:
        position = super().commit(entries)
        if self.lost:
            raise Unavailable("It stopped here.")
        return position


def test_lines_in_a_later_commit_are_caught(tmp_path: Path) -> None:
    log = LinesLater(tmp_path / "log.sqlite", KeyStore(tmp_path / "vault.sqlite", ROOT_KEY, tmp_path / "erased"))
    loop = a_loop(log)
    camille(loop, "reminders", "place-moment")

    with pytest.raises(AssertionError, match="uses have no line"):
        check(log)
    log.close()


def test_a_server_shows_its_ledger_to_everyone(tmp_path: Path) -> None:
    from visavis.cli import grocery
    from visavis.config import Settings
    from visavis.wiring import build

    async def asked() -> tuple[str, bytes, str]:
        server = build(grocery(), Settings(data=str(tmp_path / "data"), checkpoint_s=0.0), memory=True, key=ROOT_KEY)
        server.writer.start()
        key = {"authorization": f"Bearer {server.access_keys.issue('device', 'camille')}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(server.app), base_url="http://ledger.test"
        ) as client:
            await client.put("/v1/people/camille/purposes/place-moment", json={"on": True}, headers=key)
            note = (await client.get("/v1/ledger/checkpoint")).text
            lines = (await client.get("/v1/ledger/leaves")).content
            verifier = (await client.get("/v1/ledger/key")).text
        await server.writer.stop()
        return note, lines, verifier

    note, lines, verifier = asyncio.run(asked())
    told = lines.splitlines()
    assert len(told) == 2, "a notice served, a choice made"
    assert verify(told, [Verifier(verifier.strip()).read(note)]) == []
    assert b"camille" not in lines


def test_whenever_it_is_killed_each_use_that_had_an_effect_has_its_one_line(
    tmp_path: Path, times: Callable[[int, int], int]
) -> None:
    kills = times(3, 200)

    assert kill_and_look(tmp_path / "data", kills, seed=1) > 5 * kills, "so few that this proves nothing"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("late", "a use without its line|lines that their person does not find"),
        ("unread", "a brief was read without a use"),
        ("unseen", "somebody looked without a use"),
        ("uncopied", "a copy was taken without a use"),
    ],
)
def test_a_server_that_is_broken_is_caught(tmp_path: Path, broken: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        kill_and_look(tmp_path / "data", 5, seed=2, broken=broken)


# Whoever of the brand looks at a person is in their ledger, by whatever door

LOOKS: dict[str, tuple[ModuleType, str, str]] = {
    "/v1/people/bo/moments/door": (
        people,
        'if key.role == "brand":\n            await record_entry_read(',
        "if False:\n            await record_entry_read(",
    ),
    "/v1/people/bo/wallet": (access_log, "if key.role in STAFF:", "if False:"),
    "/v1/people/bo/decisions/{decision}/why": (explanations, 'if key.role == "brand":', "if False:"),
    "/v1/decisions/{decision}": (
        console,
        "if one.id == name:\n                    await record_entry_read(",
        "if one.id == name:\n                    _ = (",
    ),
    "/console/moment?number={number}": (
        console,
        "entry = found.entry\n        await record_entry_read(",
        "entry = found.entry\n        _ = (",
    ),
}
"""Each door by which one person is read, and the mutant of the product that makes no use of it."""


async def unseen() -> list[str]:
    """The doors that let the brand look without a line about it."""
    server = a_server()
    async with running(server) as brand:
        for purpose in ("place-moment", "reminders"):
            await switch(brand, "bo", purpose)
        [decision] = (await brand.post(MOMENTS, json=moment("entered", id="door"))).json()["decisions"]
        number, found = server.screens.recent[-1].number, []
        for path in LOOKS:
            before = len(list(server.log.lines_of("bo")))
            assert (await brand.get(path.format(decision=decision["decision"], number=number))).status_code == 200, path
            if [read(line).outcome for _, line in server.log.lines_of("bo")][before:] != ["read"]:
                found.append(path)
        return found


async def test_whoever_of_the_brand_looks_is_in_the_ledger_by_whatever_door() -> None:
    assert await unseen() == []


@pytest.mark.parametrize("path", LOOKS)
async def test_a_door_that_lets_them_look_unseen_is_caught(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, *LOOKS[path])

    assert await unseen() == [path]


# A use names every category that what was decided depends on


def unnamed() -> list[str]:
    """The categories that change what an adviser is told of a person, and that the use of it does not name."""
    found, ago = [], NOON - timedelta(hours=1)
    told: dict[str, list[Decision]] = {}
    more: dict[str, Moment] = {
        "": enters(id="nothing", at=ago),
        "orders": Ordered(id="o", customer="camille", occurred_at=ago, order="o1", product=BRANDS[0]),
        "preferences": Declared(id="d", customer="camille", occurred_at=ago, trait="first_name", value="Camille"),
    }
    for category, one in more.items():
        loop = a_loop()
        camille(loop, "adviser-brief", "recognition", products=(BRANDS[0],))
        entry = loop.process([one, CheckedIn(id="in", customer="camille", occurred_at=NOON, place="s1")])[1].entry
        assert entry is not None
        told[category] = [replace(decision, id="") for decision in entry.decisions if decision.audience == "adviser"]
        assert category == "" or told[category] != told[""], f"{category} changes nothing: this proves nothing"
        [use] = [use for use in entry.uses if use.purpose == "adviser-brief"]
        found += [category] if category and category not in use.categories else []
    return found


def test_a_use_names_all_that_a_brief_depends_on() -> None:
    assert unnamed() == []


@pytest.mark.parametrize("category", ["orders", "preferences"])
def test_a_use_that_names_one_category_too_few_is_caught(category: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(
        monkeypatch,
        deliberation,
        "sorted(view.categories & woken.reads)",
        f'sorted((view.categories & woken.reads) - {{"{category}"}})',
    )

    assert unnamed() == [category]
