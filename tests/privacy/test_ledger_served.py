"""P16 and P17 on a real server: its ledger before and after a real erasure, and after a restart."""

from pathlib import Path
from random import Random

from typer.testing import CliRunner

from support.house import ROOT_KEY, House, everything
from support.ledger_properties import guessed
from support.ledgers import WAYS
from support.people import NOON
from visavis.cli import app
from visavis.ledger import personal_view as uses
from visavis.ledger.checkpoint import Checkpoint, Verifier
from visavis.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from visavis.ledger.record import read
from visavis.ledger.verify import root, verify
from visavis.model.entry import Entry
from visavis.model.moment import Displayed
from visavis.runtime.replay import Difference
from visavis.runtime.replay import verify as decide_again
from visavis.store.keys import derived

SHE, HE = "camille-7f3a91", "basile-7f3a91"


def furnished(house: House) -> None:
    """Two people who let themselves be advised, and an adviser who reads."""
    for name in (SHE, HE):
        answers = house.process(everything(name))
        briefs = [
            one
            for answer in answers
            if answer.entry is not None
            for one in answer.entry.decisions
            if one.audience == "adviser"
        ]
        house.process(
            [Displayed(id=f"read-{one.id}", customer=name, occurred_at=NOON, decision=one.id) for one in briefs]
        )


def told(house: House) -> tuple[list[bytes], Checkpoint, str]:
    """What everyone may have: the lines, and the checkpoint that covers them."""
    ledger = house.server.ledger
    ledger.follow()
    note = ledger.checkpoint(house.clock.now().timestamp() + 1e6)
    return list(ledger.lines(0, 1 << 20)), Verifier(ledger.signer.verifier).read(note), note


def test_a_servers_ledger_outlives_a_real_erasure_verifies_and_leads_to_nobody(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        furnished(house)
        before, seen, note = told(house)
        entries, key = list(house.server.log.of(SHE)), house.server.log.audit_key(SHE)
        mine = uses.with_details(uses.own_lines(before, key), entries, key)
        assert (seen.size, seen.root) == (len(before), root(before))
        assert {line.record.outcome for line in mine} >= {"shown", "silent", "read", "served", "agreed"}
        assert uses.missing(mine, entries, key) == []
        assert [(line.index, before[line.index]) for line in mine] == list(house.server.log.lines_of(SHE))

        house.erase(SHE)
        house.reopen()
        house.process([move for move in everything(HE, at=NOON) if move.id == "nothing"])
        after, now, _ = told(house)

        assert after[: len(before)] == before, "an erasure changed the ledger"
        assert verify(after, [seen, now]) == []
        ledger = house.server.ledger
        verify_consistency(seen.size, now.size, ledger.consistency(seen.size, now.size), seen.root, now.root)
        for line in mine:
            verify_inclusion(
                line.index, now.size, leaf_hash(before[line.index]), ledger.inclusion(line.index, now.size), now.root
            )
            assert not read(after[line.index]).is_of(house.server.log.audit_key(HE)), "it is taken for another's"
        assert list(house.server.log.lines_of(SHE)) == []
        assert house.server.log.audit_key(SHE) == b""
        left = [
            ROOT_KEY,
            *[
                derived(ROOT_KEY, name)
                for name in ("vault", "people", "ledger", "audit", "dice", "access", "identifiers", "subjects")
            ],
        ]
        assert guessed(after, entries, left) == []
        (tmp_path / "lost").write_bytes(key)
        assert key not in b"".join([path.read_bytes() for path in house.data.rglob("*") if path.is_file()]), (
            "her key is still in a file"
        )

        dice, falsified = Random(16), 0
        for way in WAYS.values():
            for _ in range(5):
                lines = list(after)
                way(lines, seen.size, dice)
                falsified += 1
                assert verify(lines, [seen]), f"not noticed: {way}"
        assert falsified == 5 * len(WAYS)
        assert note.startswith("visavis.local/ledger\n")


def test_a_person_checks_their_own_lines_with_the_command(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        furnished(house)
        lines, _, note = told(house)
        (tmp_path / "lines").write_bytes(b"".join([line + b"\n" for line in lines]))
        (tmp_path / "note").write_text(note)
        (tmp_path / "audit").write_text(house.server.log.audit_key(SHE).hex())
        mine = len(list(house.server.log.lines_of(SHE)))
        asked = [
            "ledger",
            "verify",
            str(tmp_path / "lines"),
            "--checkpoint",
            str(tmp_path / "note"),
            "--person",
            str(tmp_path / "audit"),
        ]

        said = CliRunner().invoke(app, [*asked, "--key", house.server.ledger.signer.verifier])

        assert (said.exit_code, said.stdout.splitlines()[0]) == (0, f"{mine} lines are this person's")
        assert "nothing is wrong" in said.stdout


def test_deciding_again_is_as_before_with_a_ledger_beside(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        furnished(house)
        differences: list[Difference] = []
        log = house.server.log

        compared = decide_again(log, derived(ROOT_KEY, "dice"), found=differences.append)

        assert (compared, differences) == (sum([isinstance(entry, Entry) for _, entry in log.scan()]), [])
