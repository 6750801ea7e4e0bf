from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from support.sabotage import mutate
from visavis.model.entry import Entry, Use, encode
from visavis.model.errors import Invalid, Refused, Unavailable
from visavis.ports import EntryLog, Log
from visavis.store import sqlite
from visavis.store.keys import SPECIAL
from visavis.store.memory import MemoryEntryLog
from visavis.testing import a_log, an_entry, check_entry_log, check_use_log


def test_the_log_in_memory_keeps_both_contracts() -> None:
    check_entry_log(MemoryEntryLog, durable=False)
    check_use_log(MemoryEntryLog, durable=False)


def test_the_log_on_disk_keeps_both_contracts(tmp_path: Path) -> None:
    check_entry_log(lambda: a_log(tmp_path / "entries"), durable=True)
    check_use_log(lambda: a_log(tmp_path / "uses"), durable=True)


@pytest.mark.parametrize("making", [lambda _: MemoryEntryLog(), a_log], ids=["memory", "disk"])
def test_lines_for_another_number_of_entries_append_nothing(making: Callable[[Path], Log], tmp_path: Path) -> None:
    log = making(tmp_path / "data")
    with pytest.raises(ValueError, match="shorter"):
        log.commit([an_entry("camille", "m1"), an_entry("camille", "m2")], [[b"a line"]])
    assert (len(log), log.lines(0, 9)) == (0, [])
    log.close()


batches = st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=4), max_size=8)


@settings(max_examples=40)
@given(batches)
def test_both_logs_are_a_list_that_refuses_what_it_holds(plan: list[list[tuple[str, int]]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made: list[Callable[[], EntryLog]] = [MemoryEntryLog, lambda: a_log(Path(folder) / "data")]
        for make in made:
            log = make()
            model: list[Entry] = []
            for batch in plan:
                entries = [an_entry(customer, f"m{moment}") for customer, moment in batch]
                names = [(customer, moment) for customer, moment in batch]
                held = {(entry.customer, entry.moment.id) for entry in model}
                fresh = len(set(names)) == len(names) and not any((c, f"m{m}") in held for c, m in names)
                try:
                    log.commit(entries)
                except Refused:
                    assert not fresh
                else:
                    assert fresh
                    model += entries
            assert [encode(entry) for _, entry in log.scan()] == [encode(entry) for entry in model]
            log.close()


def check_that_what_read_health_is_sealed_as_health(folder: Path) -> None:
    """P12: an entry whose decision read health is under the second key too, when written and when rewritten."""
    log = a_log(folder)
    plain = an_entry("camille", "m0")
    entries = [
        plain,
        *[replace(an_entry("camille", f"m{i}"), uses=(Use("own-numbers", ("numbers",)),)) for i in (1, 2)],
    ]
    log.commit(entries)
    log.amend("camille", {"m2": replace(entries[2], received_at=plain.received_at)})
    sealed = [
        bytes(data[: len(SPECIAL)]) for (data,) in log._database.execute("SELECT data FROM entries ORDER BY position")
    ]
    assert [one == SPECIAL for one in sealed] == [False, True, True], "what read health lies under the ordinary key"
    assert [entry for _, entry in log.scan()][:2] == entries[:2]
    log.close()


def test_what_read_health_is_sealed_as_health(tmp_path: Path) -> None:
    check_that_what_read_health_is_sealed_as_health(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" or any(not SPECIAL.isdisjoint(use.categories) for use in entry.uses)", ""),
        ("_place(position, name), special=_is_special(entry))", "_place(position, name))"),
    ],
)
def test_what_read_health_under_the_ordinary_key_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    mutate(monkeypatch, sqlite, old, new)
    with pytest.raises(AssertionError, match="ordinary key"):
        check_that_what_read_health_is_sealed_as_health(tmp_path)


def test_two_writers_are_one_too_many(tmp_path: Path) -> None:
    first = a_log(tmp_path)

    with pytest.raises(Unavailable, match="another process"):
        a_log(tmp_path)
    first.close()
    a_log(tmp_path).close()


def test_a_file_that_is_not_a_log_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"my precious notes, not a database at all" * 50)

    with pytest.raises(Invalid, match="not a log"):
        a_log(tmp_path)
    assert path.read_bytes().startswith(b"my precious notes")
