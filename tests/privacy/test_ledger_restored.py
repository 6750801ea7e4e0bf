"""A backup that is put back forks no ledger: the server says so and does not start, until the newest log is back or the ledger has another name."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from house import House
from people import NOON, enters, says_yes
from visavis.model.errors import Invalid, Unavailable
from visavis.rights import ledger as room
from visavis.rights.checkpoint import Signer, Verifier
from visavis.rights.ledger import kept_in, last_kept

Sabotage = Callable[[pytest.MonkeyPatch], None]
NAMES = ("log.sqlite", "vault.sqlite")


def comes_in(house: House, day: int) -> None:
    at = NOON + timedelta(days=day)
    house.clock.turn(at.timestamp())
    house.live([enters("ada", at=at, id=f"in-{day}")])


def notes(house: House) -> dict[str, str]:
    return {path.name: path.read_text() for path in (house.root / "root.checkpoints").iterdir()}


def put_back(folder: Path, house: House) -> None:
    for old in house.data.iterdir():
        old.unlink()
    for path in folder.iterdir():
        shutil.copy(path, house.data / path.name)


def check_that_a_restored_backup_forks_nothing(root: Path) -> None:
    with House(root) as house:
        house.live(says_yes("ada", "place-moment", "reminders", at=NOON))
        comes_in(house, 1)
        house.close()
        shutil.copytree(house.data, root / "backup")
        house.open()
        for day in (2, 3):
            comes_in(house, day)
        house.live([enters("bo", at=house.clock.now())])
        lines = len(house.server.ledger)
        house.close()
        shutil.copytree(house.data, root / "newest")
        signed = notes(house)
        assert len(signed) >= 3, "this proves nothing"

        put_back(root / "backup", house)
        with pytest.raises(Invalid, match=r"begin the ledger under another name") as told:
            house.open()
        assert f"of {lines} lines" in str(told.value)
        assert "ada" not in str(told.value)
        assert notes(house) == signed, "what was signed is overwritten"

        put_back(root / "newest", house)
        house.open()  # nothing is held: it starts
        assert len(house.server.ledger) == lines
        house.close()

        put_back(root / "backup", house)
        house.ledger = "visavis.local/ledger-2"
        house.open()
        for day in (4, 5, 6, 7):
            comes_in(house, day)
        assert len(house.server.ledger) > lines, "another history of the same sizes: this proves nothing"
        verifier = Verifier(house.server.ledger.signer.verifier)
        house.reopen()
        found = notes(house)
        assert signed.items() <= found.items(), "what was signed is overwritten"
        fresh = [verifier.read(note) for name, note in found.items() if name not in signed]
        assert fresh, "the other history is not signed"
        assert all(house.server.ledger.root(one.size) == one.root for one in fresh)
        house.close()
        house.ledger = "visavis.local/ledger"
        with pytest.raises(Invalid, match="they are others"):  # longer by now, and still not what was signed
            house.open()
        house.ledger = "visavis.local/ledger-2"
        house.open()


def test_a_restored_backup_forks_nothing(tmp_path: Path) -> None:
    check_that_a_restored_backup_forks_nothing(tmp_path)


def _overwriting(patch: pytest.MonkeyPatch) -> None:
    def careless(folder: Path) -> Callable[[int, str], None]:
        folder.mkdir(parents=True, exist_ok=True)

        def keep(size: int, note: str) -> None:
            (folder / f"checkpoint-{size:012}").write_text(note)

        return keep

    patch.setattr("visavis.wiring.kept_in", careless)


class Any(bytes):
    """A root that is like any other."""

    __hash__ = bytes.__hash__

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False


SABOTAGES: dict[str, tuple[Sabotage, str]] = {
    "what was signed is not looked at": (lambda patch: patch.setattr("visavis.wiring.last_kept", lambda *_: None), "DID NOT RAISE"),
    "only the size is compared": (lambda patch: patch.setattr(room.Ledger, "root", lambda *_: Any()), "DID NOT RAISE"),
    "notes are overwritten": (_overwriting, "overwritten"),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_ledger_that_forks_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str) -> None:
    spoil, told = SABOTAGES[sabotage]
    spoil(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception), match=told):
        check_that_a_restored_backup_forks_nothing(tmp_path)


def test_a_kept_note_is_never_replaced(tmp_path: Path) -> None:
    ours, others = Signer("example.org/ledger", b"k" * 32), Signer("example.org/other", b"k" * 32)
    keep = kept_in(tmp_path)
    note, other = ours.sign(3, b"a" * 32), others.sign(3, b"b" * 32)
    keep(3, note)
    keep(3, note)
    with pytest.raises(Unavailable, match="is another"):
        keep(3, ours.sign(3, b"b" * 32))
    keep(3, other)
    (tmp_path / "checkpoint-000000000009").write_text("cut sho")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == sorted([note, other, "cut sho"])
    for signer, root in ((ours, b"a" * 32), (others, b"b" * 32)):
        found = last_kept(tmp_path, signer.verifier)
        assert found is not None
        assert (found.size, found.root) == (3, root)
    assert last_kept(tmp_path / "nowhere", ours.verifier) is None
