"""Contracts of the ports, for whoever writes an adapter: each check raises ``AssertionError`` naming what is broken."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from visavis.ledger.record import prepare_lines, read
from visavis.model.consent import Notice, Purpose
from visavis.model.customer import Customer
from visavis.model.entry import FORM, Entry, Use, WorldEntry, encode
from visavis.model.errors import Refused, Unavailable
from visavis.model.moment import Bought, Entered, Line
from visavis.model.world import Calibration, Recalibrated
from visavis.ports import Channel, DeliveryResult, EntryLog, Log, Message, Projection
from visavis.runtime.projections import ATTEMPTS, Projections
from visavis.runtime.replay import rebuild
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteEntryLog

_START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def an_entry(customer: str, moment: str, *, minutes: int = 0, lines: int = 0) -> Entry:
    """An entry as the engine writes them: small with no lines, a basket with some."""
    at = _START + timedelta(minutes=minutes)
    if lines:
        basket = tuple([Line(f"product {i}", 1, 100, f"family {i}") for i in range(lines)])
        return Entry(FORM, customer, at, Bought(id=moment, customer=customer, occurred_at=at, place="s1", lines=basket))
    return Entry(FORM, customer, at, Entered(id=moment, customer=customer, occurred_at=at, place="s1"))


def a_log(folder: Path, root: bytes = b"tests") -> SqliteEntryLog:
    """The log on disk in this folder, under a root key that is no secret."""
    tombstones = folder.with_name(folder.name + ".erased")
    return SqliteEntryLog(folder / "log.sqlite", KeyStore(folder / "vault.sqlite", root, tombstones))


def check_entry_log(open_log: Callable[[], EntryLog], *, durable: bool) -> None:
    """Check every guarantee of :class:`~visavis.ports.EntryLog`; ``open_log`` opens the same log each time."""
    log = open_log()
    assert len(log) == 0, "a new log is empty"
    assert log.entry("camille", "m1") is None, "an unknown moment has no entry"

    world = WorldEntry(FORM, _START, Recalibrated({"visit": Calibration()}), "v1")
    odd = "œuvre/ʘ\u202f" + "x" * 100
    batch: list[Entry | WorldEntry] = [
        an_entry("camille", "m1"),
        world,
        an_entry(odd, "m1", lines=500),
        an_entry("camille", "m2", lines=3),
    ]
    assert log.commit(batch) == 4, "a commit says at which position its last entry is"
    log.commit([])
    found = list(log.scan())
    assert [position for position, _ in found] == [1, 2, 3, 4], "positions count from 1, in the order of commits"
    assert _bytes(found) == [encode(entry) for entry in batch], "what was committed comes back, byte for byte"
    assert [position for position, _ in log.scan(after=3)] == [4], "a scan starts after the position given"
    assert log.entry("camille", "m2") == batch[3], "a moment's entry is found by customer and moment"
    assert list(log.of("camille")) == [batch[0], batch[3]], "a customer's entries come oldest first, and nobody else's"
    assert not list(log.of("nobody")), "an unknown customer has none"

    for refused in ([an_entry("bo", "m9"), an_entry("camille", "m1")], [an_entry("bo", "m9"), an_entry("bo", "m9")]):
        _must_raise(Refused, partial(log.commit, refused), "a moment that is in the log is refused")
        assert len(log) == 4, "a refused batch appends nothing"
        assert log.entry("bo", "m9") is None, "a refused batch appends nothing, not even its first entry"
    log.commit([an_entry("bo", "m9")])
    assert len(log) == 5, "after a refusal the log goes on"

    _check_amending(log)
    _check_erasure(log, batch)
    log.close()
    for use in (
        lambda: len(log),
        lambda: log.entry("bo", "m9"),
        lambda: log.commit([an_entry("bo", "m10")]),
        lambda: list(log.scan()),
    ):
        _must_raise(Unavailable, use, "a closed log is unavailable")
    if durable:
        again = open_log()
        found = list(again.scan())
        kept = [batch[1], batch[2], an_entry("bo", "m9")]
        assert _bytes(found) == [encode(entry) for entry in kept], "what was committed outlives the process"
        assert [position for position, _ in found] == [2, 3, 5], "where it was"
        assert again.erased("camille"), "who was erased stays erased"
        again.commit([an_entry("bo", "m11")])
        assert [position for position, _ in again.scan()][-1] == 12, (
            "a position is never given twice, not even after the last entry was erased"
        )
        again.close()


def check_use_log(open_log: Callable[[], Log], *, durable: bool) -> None:
    """Check every guarantee of :class:`~visavis.ports.UseLog`; ``open_log`` opens the same log each time."""
    log = open_log()
    text = {"fr": "", "en": ""}
    purposes = {"care": Purpose("care", "dpv:CustomerCare", "contract", frozenset({"places"}), text, Notice("1", text))}
    uses = (Use("care", ("places",)), Use("care", ("orders",)))
    used = [replace(an_entry("fay", f"m{i}", minutes=i), uses=uses) for i in range(4)]

    def commit(*entries: Entry) -> None:
        log.commit(entries, prepare_lines(log, entries, purposes))

    log.commit([an_entry("gil", "m0")])
    assert (log.lines(0, 9), log.last_line()) == ([], b""), "entries that are committed without lines have none"
    assert log.audit_key("nobody") == b"", "an unknown customer has no key"
    commit(used[0], an_entry("gil", "m1"), used[1])
    lines = log.lines(0, 9)
    assert len(lines) == 4, "each use has one line"
    with suppress(Refused):
        commit(used[2], used[0])
    assert log.lines(0, 9) == lines, "a refused batch appends no line"
    commit(used[3])
    lines = log.lines(0, 9)
    assert [log.lines(2, 4), log.lines(5, 9), log.lines(6, 9)] == [lines[2:4], lines[5:], []], "lines count from 0"
    assert log.last_line() == lines[-1], "the newest line is known"
    assert list(log.lines_of("fay")) == list(enumerate(lines)), "a person's lines are found, with their numbers"
    assert all(read(line).is_of(log.audit_key("fay")) for line in lines), "and are theirs"
    assert not list(log.lines_of("gil")), "a person without uses has none"
    log.amend("fay", {"m0": replace(used[0], uses=()), "m3": None})
    assert list(log.lines_of("fay")) == list(enumerate(lines))[:4], "an entry that is replaced still has its lines"
    for name in ("fay", "gil"):
        log.erase(name)
    assert log.lines(0, 9) == lines, "an erasure leaves every line"
    assert not list(log.lines_of("fay")), "and none is found for the person"
    assert log.audit_key("fay") == b"", "their key is gone"
    _must_raise(Refused, lambda: log.create_keys(["ida", "fay"]), "an erased person gets no new key")
    assert log.audit_key("ida") == b"", "nor does anybody with them"
    log.close()
    if durable:
        again = open_log()
        assert (again.lines(0, 9), again.last_line()) == (lines, lines[-1]), "the lines outlive the process"
        again.close()


async def check_channel(
    channel: Channel, message: Message, shown: Callable[[], Awaitable[list[str]]]
) -> DeliveryResult:
    """Check every guarantee of :class:`~visavis.ports.Channel` with a reachable person's ``message``; its receipt."""
    # ``shown`` asks the far end which decisions it shows now.
    assert channel.name, "a channel has a name"
    assert channel.least_s >= 0, "a card lasts some seconds, or none"
    assert channel.reaches(message.person, message.device), "who can be reached is known without asking anybody"
    assert not channel.reaches("a stranger", message.device), "who gave no address cannot be reached"
    before = await shown()
    stranger = await channel.deliver(replace(message, person="a stranger"))
    assert stranger.handed == "nobody", "a card for somebody without an address reaches nobody"
    assert await shown() == before, "and is shown nowhere"
    receipt = await channel.deliver(message)
    assert receipt.handed == "taken", f"a card for somebody who can be reached is taken, not {receipt}"
    assert (await shown()).count(message.card.decision) == 1, "a card that was taken is shown once"
    later = replace(message, card=replace(message.card, decision=f"{message.card.decision}-2", title="Another"))
    assert (await channel.deliver(later)).handed == "taken", "the next card is taken too"
    await channel.recall(message.person, message.device, "never sent")
    await channel.recall("a stranger", message.device, later.card.decision)
    assert later.card.decision in await shown(), "recalling what is not there changes nothing"
    return receipt


def _bytes(entries: Iterable[tuple[int, Entry | WorldEntry]]) -> list[bytes]:
    return [encode(entry) for _, entry in entries]


def _must_raise(kind: type[Exception], call: Callable[[], object], guarantee: str) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(guarantee)


def _check_amending(log: EntryLog) -> None:
    first, second = an_entry("eve", "m1", lines=3), an_entry("eve", "m2")
    log.commit([first, second])
    positions = [position for position, entry in log.scan() if isinstance(entry, Entry) and entry.customer == "eve"]
    better = an_entry("eve", "m1", lines=2)
    log.amend("eve", {"m1": better, "never": better})
    assert list(log.of("eve")) == [better, second], "an amended entry stands where the first one stood"
    assert log.entry("eve", "m1") == better, "and is found by its moment"
    assert [position for position, entry in log.scan() if entry in (better, second)] == positions, "at its position"
    log.amend("nobody", {"m1": better})
    assert not list(log.of("nobody")), "nothing is made for somebody unknown"
    before = len(log)
    log.amend("eve", {"m1": None, "m2": None})
    assert not list(log.of("eve")), "what never happened is not there"
    assert len(log) == before - 2, "and counts no more"


def _check_erasure(log: EntryLog, batch: list[Entry | WorldEntry]) -> None:
    assert not log.erased("camille"), "nobody is erased who was not"
    assert log.erase("camille") == 2, "an erasure says how many entries there were"
    assert log.erased("camille"), "who was erased is known to be"
    assert log.entry("camille", "m1") is None, "an erased moment has no entry"
    assert not list(log.of("camille")), "an erased person has none"
    assert [(position, encode(entry)) for position, entry in log.scan()][:2] == [
        (2, encode(batch[1])),
        (3, encode(batch[2])),
    ], "the others stay where they were"
    assert len(log) == 3, "the erased entries count no more"
    assert log.erase("camille") == 0, "erasing again completes what is left to do: nothing"
    assert log.erase("nobody") == 0, "somebody unknown can be erased"
    for again in ([an_entry("camille", "m1")], [an_entry("bo", "m10"), an_entry("camille", "m12")]):
        _must_raise(Refused, partial(log.commit, again), "an entry of an erased person is refused")
    assert len(log) == 3, "and its group with it"
    log.commit([an_entry("dan", "m1")])
    assert log.erase("dan") == 1, "the last entry can be erased"
    log.commit([an_entry("hal", "m1"), an_entry("gus", "m1")])
    assert log.erase("hal", for_good=False) == 1, "what was held for long enough goes"
    assert not log.erased("hal"), "and whose it was is refused nothing"
    assert not list(log.of("hal")), "nothing of it is left"
    log.commit([an_entry("hal", "m1")])
    assert [entry.moment.id for entry in log.of("hal")] == ["m1"], (
        "they come again as somebody of whom nothing is known"
    )
    assert log.erase("hal") + log.erase("gus") == 2, "and may be erased for good"


class FailingProjection(Projection):
    """A projection that fails at every entry."""

    name = "failing"

    def apply(self, _entry: Entry, _customer: Customer, _live: bool) -> None:
        """Fail."""
        raise RuntimeError("This projection always fails.")

    def export_personal_data(self, _names: Collection[str]) -> list[dict[str, Any]]:
        """Nothing."""
        return []

    def erase_personal_data(self, _names: Collection[str], _entries: Sequence[Entry]) -> int:
        """Nothing."""
        return 0


def check_projection(make: Callable[[], Projection], log: Log, name: str, other: str, *, exports: bool = True) -> None:
    """Check every guarantee of :class:`~visavis.ports.Projection`; ``make`` makes a new one each time."""
    # The log holds entries of two persons, from which it derives something about both, unless it ``exports`` nothing.
    state, rows = rebuild(log), list(log.scan())
    found = make()
    rebuild(log, projections=Projections([found]))
    assert found.position == rows[-1][0], "it is at the last entry"
    before = _exported(found, name)
    assert bool(before) is bool(_exported(found, other)) is exports, "it derives something about each person"
    rebuild(log, projections=Projections([found]))
    Projections([found]).advance(rows, log, state.population.customer)
    assert _exported(found, name) == before, "an entry that it has taken in is not taken in again"

    failing, neighbour, failures = FailingProjection(), make(), list[str]()
    both = Projections([failing, neighbour], failed=failures.append)
    both.advance(rows, log, state.population.customer)
    assert _exported(neighbour, name) == before, "one that fails does not stop the next"
    first = next(position for position, entry in rows if isinstance(entry, Entry))
    assert (failing.position < first, failures) == (True, ["failing"]), "it stays where it failed, which is counted"
    for _ in range(ATTEMPTS - 1):
        both.advance([], log, state.population.customer)
    assert failing.position >= first, "it is tried again, until the entry is passed over"

    for names in ({name}, {other}):
        about = {record["of"] for record in found.export_personal_data(names)}
        assert about <= names, "a copy is about its person only"
    entries, others = list(log.of(name)), _exported(found, other)
    found.amend(state.population.customer(name), entries, entries)
    assert _exported(found, name) == before, "a correction that changes nothing changes nothing"
    found.erase_personal_data({name}, entries)
    assert not _exported(found, name), "who was erased is held no more"
    assert _exported(found, other) == others, "nobody else lost anything"
    assert found.erase_personal_data({name}, ()) == 0, "erasing again finds nothing"


def _exported(projection: Projection, name: str) -> list[bytes]:
    return sorted(map(msgspec.json.encode, projection.export_personal_data({name})))
