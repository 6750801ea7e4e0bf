"""A restored backup forks no ledger: the server reports it and signs nothing until the newest log or a new name."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from support.doors import a_server, running
from support.house import House
from support.people import NOON, enters, says_yes
from support.sabotage import Sabotage, replacing
from visavis.ledger import log as room
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.log import checkpoint_folder, last_checkpoint
from visavis.model.errors import Unavailable

pytestmark = pytest.mark.anyio


def comes_in(house: House, day: int) -> None:
    at = NOON + timedelta(days=day)
    house.clock.turn(at.timestamp())
    house.process([enters("ada", at=at, id=f"in-{day}")])


def notes(house: House) -> dict[str, str]:
    return {path.name: path.read_text() for path in (house.root / "root.checkpoints").iterdir()}


def put_back(folder: Path, house: House) -> None:
    for old in house.data.iterdir():
        old.unlink()
    for path in folder.iterdir():
        shutil.copy(path, house.data / path.name)


def check_that_a_restored_backup_forks_nothing(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with House(root) as house:
        house.process(says_yes("ada", "place-moment", "reminders", at=NOON))
        comes_in(house, 1)
        house.close()
        shutil.copytree(house.data, root / "backup")
        house.open()
        for day in (2, 3):
            comes_in(house, day)
        house.erase("bo")
        lines = len(house.server.ledger)
        house.close()
        shutil.copytree(house.data, root / "newest")
        signed = notes(house)
        assert len(signed) >= 3, "this proves nothing"

        put_back(root / "backup", house)
        for day in (0, 4, 9):  # shorter than what was signed, then longer, by other lines
            caplog.clear()
            house.open()
            assert [record.levelname for record in caplog.records if record.name == "visavis.ledger"] == ["ERROR"], (
                "nobody is told"
            )
            assert house.server.log.erased("bo"), "who was erased is back"
            for more in range(day):
                comes_in(house, 10 + day + more)
            with pytest.raises(Unavailable, match="begin the ledger under another name"):
                house.server.ledger.checkpoint(house.clock.now().timestamp())
            assert notes(house) == signed, "another history is signed, or what was signed is overwritten"
            house.close()
        house.open()
        assert len(house.server.ledger) > lines, "not another history of the same sizes: this proves nothing"
        house.close()

        put_back(root / "backup", house)  # the new name comes by the sizes that the old one had signed
        house.ledger = "visavis.local/ledger-2"
        house.open()
        for day in range(40, 44):
            comes_in(house, day)
        house.reopen()
        assert not house.server.ledger.forked
        verifier, found = Verifier(house.server.ledger.signer.verifier), notes(house)
        assert signed.items() <= found.items(), "what was signed is overwritten"
        fresh = [verifier.read(note) for name, note in found.items() if name not in signed]
        assert fresh, "the new name is not signed"
        assert all(house.server.ledger.root(one.size) == one.root for one in fresh)
        house.close()

        put_back(root / "newest", house)
        house.ledger = "visavis.local/ledger"
        house.open()
        assert (house.server.ledger.forked, len(house.server.ledger)) == (False, lines), (
            "the newest log is not believed"
        )


def test_a_restored_backup_forks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check_that_a_restored_backup_forks_nothing(tmp_path, caplog)


async def test_the_door_says_why_nothing_is_signed() -> None:
    server = a_server()
    async with running(server) as brand:
        assert (await brand.get("/v1/ledger/checkpoint")).status_code == 200
        server.ledger.forked = True
        found = await brand.get("/v1/ledger/checkpoint")
        assert found.status_code == 503
        assert "`ledger` in the settings" in found.text


def _overwriting(patch: pytest.MonkeyPatch) -> None:
    def careless(folder: Path) -> Callable[[int, str], None]:
        folder.mkdir(parents=True, exist_ok=True)

        def keep(size: int, note: str) -> None:
            (folder / f"checkpoint-{size:012}").write_text(note)

        return keep

    patch.setattr("visavis.wiring.checkpoint_folder", careless)


class Any(bytes):
    """A root that is like any other."""

    __hash__ = bytes.__hash__

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False


SABOTAGES: dict[str, tuple[Sabotage, str]] = {
    "what was signed is not looked at": (
        replacing("visavis.wiring.last_checkpoint", lambda *_: None),
        "nobody is told",
    ),
    "only the size is compared": (replacing(room.Ledger, "root", lambda *_: Any()), "nobody is told"),
    "it is signed all the same": (
        replacing(room.Ledger, "forked", property(lambda _: False, lambda *_: None), raising=False),
        "nobody|signed",
    ),
    "notes are overwritten": (_overwriting, "overwritten"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_ledger_that_forks_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sabotage: str
) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_that_a_restored_backup_forks_nothing(tmp_path, caplog)


def test_a_kept_note_is_never_replaced(tmp_path: Path) -> None:
    ours, others = CheckpointSigner("example.org/ledger", b"k" * 32), CheckpointSigner("example.org/other", b"k" * 32)
    keep = checkpoint_folder(tmp_path)
    note, other = ours.sign(3, b"a" * 32), others.sign(3, b"b" * 32)
    keep(3, note)
    keep(3, note)
    with pytest.raises(Unavailable, match="Another checkpoint"):
        keep(3, ours.sign(3, b"b" * 32))
    keep(3, other)
    (tmp_path / "checkpoint-000000000009").write_text("cut sho")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == sorted([note, other, "cut sho"])
    for signer, root in ((ours, b"a" * 32), (others, b"b" * 32)):
        found = last_checkpoint(tmp_path, signer.verifier)
        assert found is not None
        assert (found.size, found.root) == (3, root)
    assert last_checkpoint(tmp_path / "nowhere", ours.verifier) is None
