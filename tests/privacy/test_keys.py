"""What is sealed opens for its person, at its place, with their key; and with nothing else."""

import os
import shutil
import sqlite3
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.disk import change, rows
from support.house import ROOT_KEY, House, everything
from support.people import NOON, STRATEGY
from support.sabotage import mutate
from visavis import wiring
from visavis.ledger.record import prepare_lines
from visavis.model.entry import Use, encode
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.model.moment import Entered
from visavis.store import keys as vault
from visavis.store import sqlite
from visavis.store.keys import SPECIAL, Cipher, KeyStore, derived
from visavis.testing import a_log, an_entry

PEOPLE = ("camille@brand.example", "basile@brand.example")


def a_vault(folder: Path, root: bytes = ROOT_KEY) -> KeyStore:
    return KeyStore(folder / "vault.sqlite", root, folder.with_name(folder.name + ".erased"))


def check_that_what_is_moved_does_not_open(folder: Path) -> None:
    """No row opens that was pasted over another, has another position or moment, or one bit changed."""
    log = a_log(folder / "data")
    log.commit([an_entry(name, f"m{i}", lines=2) for i in range(2) for name in PEOPLE])
    log.close()

    def must_open(at: int, /, *, opens: bool, **columns: object) -> None:
        """Whether this row opens with these columns in the place of its own."""
        for column, value in columns.items():
            change(folder / "data", "log", f"UPDATE entries SET {column} = ? WHERE position = ?", value, at)
        found = a_log(folder / "data")
        try:
            entries = list(found.scan())
        except Invalid:
            assert not opens, "a row does not open in its own place"
        else:
            assert opens, "a row opened where it does not belong"
            assert len(entries) == 4
        finally:
            found.close()

    rows_of = rows(folder / "data", "log", "SELECT position, data, moment FROM entries ORDER BY position")
    for position, own, moment in rows_of:
        for other, data, _ in rows_of:
            must_open(position, opens=other == position, data=data)
        for place in (2, 14, len(own) - 1):
            must_open(position, opens=False, data=own[:place] + bytes([own[place] ^ 1]) + own[place + 1 :])
        must_open(position, opens=False, data=own, position=position + 100)
        must_open(position + 100, opens=False, moment=moment + 1, position=position)
        must_open(position, opens=True, moment=moment)


def test_what_is_moved_does_not_open(tmp_path: Path) -> None:
    check_that_what_is_moved_does_not_open(tmp_path)


@pytest.mark.parametrize("forgotten", ["the position", "the moment", "the person's key"])
def test_a_seal_that_forgets_its_place_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    if forgotten == "the position":
        monkeypatch.setattr(sqlite, "_place", lambda _position, moment: moment.to_bytes(8))
    elif forgotten == "the moment":
        monkeypatch.setattr(sqlite, "_place", lambda position, _moment: position.to_bytes(8))
    else:
        made = Cipher.__init__
        monkeypatch.setattr(Cipher, "__init__", lambda self, _key, *_: made(self, bytes(32)))
        monkeypatch.setattr(sqlite, "_place", lambda _position, _moment: b"")
    with pytest.raises(AssertionError, match="does not belong"):
        check_that_what_is_moved_does_not_open(tmp_path)


owners = st.tuples(st.integers(0, 1), st.binary(max_size=20), st.booleans())


@settings(max_examples=60)
@given(owners, owners, st.binary(max_size=200))
def test_a_value_opens_for_its_person_its_place_and_its_group_only(
    sealed_for: tuple[int, bytes, bool], read_as: tuple[int, bytes, bool], value: bytes
) -> None:
    kept = KeyStore(":memory:", ROOT_KEY, Path("/nonexistent/erased"))
    kept.create_missing(PEOPLE)
    (who, place, special), (reader, where, _) = sealed_for, read_as
    owner, other = kept.of(PEOPLE[who]), kept.of(PEOPLE[reader])
    assert owner is not None
    assert other is not None
    sealed = owner.seal(value, place, special=special)

    if (reader, where) == (who, place):
        assert other.open(sealed, where) == value
    else:
        with pytest.raises(Invalid):
            other.open(sealed, where)
    with pytest.raises(Invalid):
        owner.open((b"\x01o" if special else SPECIAL) + sealed[2:], place)
    kept.close()


def check_that_health_has_a_key_of_its_own(root: Path) -> None:
    """P12: entries of special categories open with the person's second key only, all others with the first only."""
    with House(root) as house:
        house.process(everything("camille"))
        expected = {e.moment.id: e.moment.category == "numbers" for e in house.server.log.of("camille")}
        kinds = sum(expected.values())
    assert 0 < kinds < len(expected)
    keys = sqlite3.connect(house.data / "vault.sqlite").execute("SELECT pseudonym, key, special FROM people").fetchall()
    ((pseudonym, first, second),) = keys
    opens = [AESGCM(aes_key_unwrap(derived(ROOT_KEY, "vault"), wrapped)) for wrapped in (first, second)]
    found = 0
    for position, moment, data in sqlite3.connect(house.data / "log.sqlite").execute(
        "SELECT position, moment, data FROM entries WHERE person IS NOT NULL"
    ):
        bound = pseudonym.to_bytes(8) + data[:2] + position.to_bytes(8) + moment.to_bytes(8)
        by = [_opens(key, data, bound) for key in opens]
        assert sum(by) == 1, "a row opens with both keys, or with none"
        found += by[1]
    assert found == kinds, "health lies under the ordinary key"


def _opens(key: AESGCM, data: bytes, bound: bytes) -> bool:
    try:
        key.decrypt(data[2:14], data[14:], bound)
    except InvalidTag:
        return False
    return True


def test_health_has_a_key_of_its_own(tmp_path: Path) -> None:
    check_that_health_has_a_key_of_its_own(tmp_path)


def test_health_under_the_ordinary_key_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_is_special", lambda _: False)
    with pytest.raises(AssertionError, match="ordinary key"):
        check_that_health_has_a_key_of_its_own(tmp_path)


def badly_kept(folder: Path) -> list[str]:
    """What of a log and its keys leads to somebody, or to what they sealed, without their own keys."""
    log, found = a_log(folder / "data"), list[str]()
    uses = (Use("rights", (), "person"),)
    entries = [replace(an_entry(name, f"m{i}"), uses=uses) for i in range(20) for name in PEOPLE]
    log.commit(entries, prepare_lines(log, entries, STRATEGY.purposes))
    sealed = rows(folder / "data", "log", "SELECT data, lines FROM entries")
    if len({data[2:14] for data, _ in sealed}) < len(sealed):
        found.append("two values under one nonce")
    assert len(list(log.lines(0, 1000))) == len(sealed)
    if any(abs(pointer) < 2**32 for _, pointer in sealed):
        found.append("where one's lines are")
    log.close()
    one, other = (vault.PersonKey("camille", 7, key, b"", ROOT_KEY) for key in (b"1" * 32, b"2" * 32))
    if one.audit_key == other.audit_key:
        found.append("an audit key that outlives the person's keys")
    path = folder / "root.key"
    wiring.root_key(path)
    if path.stat().st_mode & 0o777 != 0o600:
        found.append("a root key for everybody")
    return found


def test_what_is_kept_leads_to_nobody_without_their_own_keys(tmp_path: Path) -> None:
    assert badly_kept(tmp_path) == []


KEPT: dict[str, tuple[ModuleType, str, str]] = {
    "two values under one nonce": (
        sqlite,
        "nonces = os.urandom(NONCE_BYTES * len(entries))",
        'nonces = b"1" * (NONCE_BYTES * len(entries))',
    ),
    "where one's lines are": (vault, "return number ^ int.from_bytes(mask) >> 2", "return number"),
    "an audit key that outlives the person's keys": (
        vault,
        'derived(key, "audit")',
        'derived(wrapping, f"audit {pseudonym}")',
    ),
    "a root key for everybody": (wiring, "os.O_EXCL, 0o600)", "os.O_EXCL, 0o644)"),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_is_badly_kept_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    mutate(monkeypatch, *KEPT[what])

    assert badly_kept(tmp_path) == [what]


def test_a_copy_of_the_data_opens_nothing_without_the_root_key(tmp_path: Path) -> None:
    log = a_log(tmp_path / "data")
    log.commit([an_entry("camille", "m1")])
    log.close()

    with pytest.raises(Invalid, match="root key is not the one"):
        a_log(tmp_path / "data", root=os.urandom(32))
    a_log(tmp_path / "data").close()


def test_keys_that_are_lost_are_told_and_nothing_is_taken_for_erased(tmp_path: Path) -> None:
    log = a_log(tmp_path / "data")
    log.commit([an_entry("camille", "m1")])
    log.close()
    shutil.move(tmp_path / "data" / "vault.sqlite", tmp_path / "kept")

    log = a_log(tmp_path / "data")
    with pytest.raises(Invalid, match="key table"):
        list(log.scan())
    log.close()
    shutil.move(tmp_path / "kept", tmp_path / "data" / "vault.sqlite")
    log = a_log(tmp_path / "data")
    assert [encode(entry) for _, entry in log.scan()] == [encode(an_entry("camille", "m1"))]
    log.close()


def test_who_is_turned_away_at_the_door_gets_no_key(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        assert (
            house.process([Entered(id="m", customer="stranger", occurred_at=NOON, place="s1")])[0].refused is not None
        )
        assert house.server.log.entry("stranger", "m") is None
        assert rows(house.data, "vault", "SELECT count(*) FROM people") == [(0,)]


def test_open_keys_are_bounded_and_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "KEY_CACHE_LIMIT", 4)
    log = a_log(tmp_path / "data")
    log.commit([an_entry(f"c{i}", "m1") for i in range(12)])

    assert [entry.customer for _, entry in log.scan()] == [f"c{i}" for i in range(12)]  # type: ignore[union-attr]
    assert len(log._keys._people) == len(log._keys._pseudonyms) == 4
    log.close()


def test_the_least_recently_used_key_leaves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "KEY_CACHE_LIMIT", 3)
    kept = a_vault(tmp_path / "data")
    kept.create_missing(["ada", "bo", "cleo"])
    bo = kept.of("bo")
    assert bo is not None
    kept.of("ada")
    kept.by_pseudonym(bo.pseudonym)
    kept.create_missing(["dan"])

    assert set(kept._people) == {"ada", "bo", "dan"}
    kept.close()


def test_keys_are_derived_as_rfc_5869_says() -> None:
    """Its third test case: SHA-256, neither salt nor info; the first 32 bytes of the output."""
    assert derived(b"\x0b" * 22, "").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_tombstones_are_their_owners_only_and_one_cut_short_by_a_crash_decided_nothing(tmp_path: Path) -> None:
    kept = a_vault(tmp_path / "data")
    kept.create_missing(["camille", "basile"])
    kept.add_tombstone("camille", NOON)
    path = tmp_path / "data.erased"
    whole = path.read_bytes()
    kept.close()
    assert path.stat().st_mode & 0o777 == 0o600

    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        again = vault._read(path)
        assert again == []
    path.write_bytes(whole + whole[:20])
    kept = a_vault(tmp_path / "data")
    assert (kept.erased("camille"), kept.erased("basile")) == (True, False)
    kept.add_tombstone("basile", NOON)
    assert len(vault._read(path)) == 2
    with pytest.raises(Refused, match="was erased"):
        kept.create_missing(["dan", "camille"])
    kept.close()
    with pytest.raises(Unavailable, match="closed"):
        kept.create_missing(["dan"])

    path.write_bytes(b"not a tombstone\n")
    with pytest.raises(Invalid, match="line 1"):
        a_vault(tmp_path / "data")
