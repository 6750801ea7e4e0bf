"""P11, P16, P17: every use is in the ledger, tamper-evident; it outlasts a person and reveals nothing of them."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from support import ledger_properties as properties
from support.ledger_properties import SEED, Kept
from support.ledgers import ORIGIN, PEOPLE, WAYS, checkpoint_of, key_of, sample_ledger
from support.people import NOON, STRATEGY
from visavis.cards.typography import typeset
from visavis.cli import app
from visavis.ledger import personal_view as uses
from visavis.ledger import record
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.log import Ledger, checkpoint_folder
from visavis.ledger.merkle import verify_inclusion
from visavis.ledger.verify import verify
from visavis.model.consent import RIGHTS, Purpose
from visavis.model.entry import Entry, Use
from visavis.model.errors import Invalid

Times = Callable[[int, int], int]


# A running ledger


def test_a_ledger_that_is_opened_again_has_the_same_roots_and_shows_what_a_checkpoint_covers(tmp_path: Path) -> None:
    lines = list(sample_ledger().lines)
    kept = Kept()
    first = Ledger(kept, CheckpointSigner(ORIGIN, SEED), cadence_s=60, keep=checkpoint_folder(tmp_path / "elsewhere"))
    assert Verifier(first.signer.verifier).read(first.checkpoint(0)).size == 0
    for start in range(0, len(lines), 10):
        kept.all += lines[start : start + 10]
        first.follow()
    assert Verifier(first.signer.verifier).read(first.checkpoint(59)).size == 0
    note = first.checkpoint(60)
    again = Ledger(kept, CheckpointSigner(ORIGIN, SEED), cadence_s=60)

    assert Verifier(first.signer.verifier).read(note) == checkpoint_of(lines)
    assert (tmp_path / "elsewhere" / f"checkpoint-{len(lines):012}").read_text() == note
    assert (len(again), again.root(len(again)), again.checkpoint(0)) == (len(lines), first.root(len(lines)), note)
    assert list(again.lines(3, 4)) == lines[3:7]
    assert list(again.lines(len(lines), 4)) == []
    verify_inclusion(5, len(lines), again.hash_of(5), again.inclusion(5, len(lines)), again.root(len(lines)))


# P16


def test_every_falsified_ledger_is_noticed_with_one_earlier_checkpoint(times: Times) -> None:
    assert properties.unnoticed(times(500, 10_000)) == []


def test_a_fault_is_told_where_it_is() -> None:
    lines = list(sample_ledger().lines)
    kept = [checkpoint_of(lines[:size]) for size in (20, 40, 60)]
    assert verify(lines, kept) == []

    lines[33] = lines[33].replace(b'"', b" ", 1)
    found = [str(one) for one in verify(lines, kept)]
    assert found == [
        "lines 21 to 40: not what the checkpoint of 40 lines saw; something here was changed, added, left out or moved",
        "line 34: not a line of a ledger",
    ]

    lines = list(sample_ledger().lines)
    assert next(one.what for one in verify([*lines, lines[0]], kept)) == "repeats line 1"
    assert "missing; a checkpoint saw 60 lines and there are 50" in str(verify(lines[:50], kept)[0])
    two = [kept[0], replace(kept[0], root=bytes(32))]
    assert "two histories" in str(verify(lines, two)[0])


def test_the_command_verifies_a_file_and_says_what_is_wrong(tmp_path: Path) -> None:
    lines, signer = list(sample_ledger().lines), CheckpointSigner(ORIGIN, SEED)
    for size in (30, len(lines)):
        (tmp_path / f"c{size}").write_text(signer.sign(size, checkpoint_of(lines[:size]).root))
    (tmp_path / "audit.hex").write_text(key_of(PEOPLE[0]).hex() + "\n")
    whole, told = tmp_path / "ledger.ndjson", tmp_path / "key"
    told.write_text(signer.verifier + "\n")
    whole.write_bytes(b"".join(line + b"\n" for line in lines))
    asked = [
        "ledger",
        "verify",
        str(whole),
        "--checkpoint",
        str(tmp_path / "c30"),
        "--checkpoint",
        str(tmp_path / f"c{len(lines)}"),
        "--key",
    ]

    well = CliRunner().invoke(app, [*asked, signer.verifier, "--person", str(tmp_path / "audit.hex")])
    mine = len(list(uses.own_lines(lines, key_of(PEOPLE[0]))))
    assert (well.exit_code, well.stdout.splitlines()[0]) == (0, f"{mine} lines are this person's")
    assert "2 checkpoints: nothing is wrong" in well.stdout
    whole.write_bytes(b"".join(line + b"\n" for line in lines[:35] + lines[36:]))
    ill = CliRunner().invoke(app, [*asked, str(told)])
    assert (ill.exit_code, f"lines {len(lines)} to" in ill.stdout or f"line {len(lines)}:" in ill.stdout) == (1, True)
    assert isinstance(
        CliRunner().invoke(app, [*asked, CheckpointSigner(ORIGIN, SEED[::-1]).verifier]).exception, Invalid
    )


# P11, of uses and their lines


def test_each_use_has_one_line_and_each_line_one_use() -> None:
    assert properties.unaccounted() == []
    world, key = sample_ledger(), key_of(PEOPLE[0])
    assert {record.read(line).outcome for line in world.lines} >= {
        "shown",
        "silent",
        "read",
        "served",
        "agreed",
        "withdrawn",
    }
    mine = uses.with_details(uses.own_lines(world.lines, key), world.of(PEOPLE[0]), key)
    lost = next(line for line in mine if line.record.outcome == "read")
    assert lost.details is not None
    assert uses.missing([line for line in mine if line is not lost], world.of(PEOPLE[0]), key) == [lost.details.moment]
    assert uses.with_details([lost], [], key)[0].details is None


def test_the_same_entry_always_has_the_same_lines_and_nobody_elses_key_opens_them() -> None:
    world = sample_ledger()
    entry = next(entry for entry in world.of(PEOPLE[0]) if len(entry.uses) > 1)
    lines = record.entry_lines(entry, STRATEGY.purposes, key_of(PEOPLE[0]))
    assert lines == record.entry_lines(entry, STRATEGY.purposes, key_of(PEOPLE[0]))
    assert len(lines) == len(entry.uses)
    told = record.details(entry, "")
    for line in lines:
        read = record.read(line)
        assert [read.is_of(key_of(name)) for name in PEOPLE] == [True, False, False, False]
        assert [read.commits_to(key_of(name), told) for name in PEOPLE] == [True, False, False, False]
        assert not read.commits_to(key_of(PEOPLE[0]), told.replace(b"door", b"till"))


def test_who_looked_at_what_why_and_when_is_told_in_plain_words() -> None:
    world, name = sample_ledger(), PEOPLE[0]
    mine = uses.with_details(uses.own_lines(world.lines, key_of(name)), world.of(name), key_of(name))
    read = next(line for line in mine if line.record.by == "adviser")
    fr, en = uses.use_text(read, STRATEGY, "fr"), uses.use_text(read, STRATEGY, "en")
    assert (fr.who, en.who) == ("un conseiller, à Rue Haute", "an adviser, at Rue Haute")
    assert "vos achats" in fr.what
    assert en.why == typeset(STRATEGY.purposes["adviser-brief"].benefit["en"], "en")
    assert fr.when.startswith("24 novembre 2026, 12:00")
    assert uses.use_text(replace(read, details=None), STRATEGY, "fr").when == "24 novembre 2026"
    copy = Entry(
        2,
        name,
        NOON,
        world.of(name)[0].moment,
        uses=(Use(RIGHTS, ("purchases",), "person"), Use("recognition", ("places",), "till@s1")),
    )
    lines = record.entry_lines(copy, STRATEGY.purposes, key_of(name))
    assert [(record.read(line).by, record.read(line).outcome, record.read(line).basis) for line in lines] == [
        ("person", "copied", "duty"),
        ("till", "read", "consent"),
    ]
    own = uses.with_details(uses.own_lines(lines, key_of(name)), [copy], key_of(name))
    assert [uses.use_text(line, STRATEGY, "fr").who for line in own] == ["vous", "la caisse, à Rue Haute"]
    for word in [
        word
        for words in (uses.WHO, uses.WHAT, uses.OUTCOMES)
        for both in words.values()
        for word in (both["fr"], both["en"])
    ]:
        assert word
        assert not {"score", "segment", "propensity"} & set(word.split())
        assert "_" not in word


def _purpose(key: str) -> Purpose:
    return STRATEGY.purposes[key]


def test_a_use_out_of_the_order_of_choices_is_told() -> None:
    """Notice, yes, use: any other order is a fault, found with the person's key and the ledger alone."""
    assert properties.misjudged() == []


# P17


def test_after_the_keys_are_shredded_the_ledger_verifies_and_a_dictionary_finds_nobody() -> None:
    world = sample_ledger()
    kept = [checkpoint_of(world.lines[:size]) for size in (10, 50, len(world.lines))]
    assert verify(world.lines, kept) == []
    assert properties.guessed() == []


def test_no_two_lines_of_a_person_share_a_mark() -> None:
    assert properties.linked() == []


def test_what_a_sender_made_up_is_never_written_down() -> None:
    assert properties.made_up() == []


def test_lines_are_shown_to_everyone_once_a_checkpoint_covers_them() -> None:
    assert properties.shown_early() == []


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_bytes_that_are_no_line_are_told_and_never_a_crash(line: bytes) -> None:
    try:
        found = record.read(line)
    except Invalid:
        assert verify([line], [])
        assert list(uses.own_lines([line], key_of("x"))) == []
    else:
        assert not found.is_of(key_of("x"))


def test_each_way_of_falsifying_is_tried() -> None:
    lines = list(sample_ledger().lines)
    for way in WAYS.values():
        falsified = list(lines)
        way(falsified, len(lines), Random(0))
        assert falsified != lines
