"""P21: kept no longer than stated, to the second, by category and by person, in every file; others lose nothing.

Each property is a function that a sabotaged product must fail; the sabotages are run below it."""

import logging
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from support.canary import traces
from support.disk import sealed_of
from support.house import ROOT_KEY, House, everything, words_of
from support.people import BRANDS, NOON, everyone, lines, says_yes
from support.sabotage import Sabotage, replacing, wrapping
from visavis.customers import fold
from visavis.http import access_keys as access
from visavis.model.customer import Customer
from visavis.model.entry import Entry, encode
from visavis.model.errors import Unavailable
from visavis.model.moment import KINDS, PROOF, Bought, Displayed, Entered, Lapsed, Linked, Noticed, Objected, Restricted
from visavis.rights import retention
from visavis.rights.retention import PROOF_DAYS, kept_until
from visavis.runtime.loop import Processor
from visavis.runtime.replay import rebuild, verify
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteEntryLog

SHE, HE = "camille-7f3a91", "basile-7f3a91"
DAYS = {"account": 400, "reminders": 40, "place-moment": 30, "home": 60, "own-numbers": 20, "look": 50}
LONGEST = 400
BYTES = msgspec.msgpack.Encoder().encode


class Brand(House):
    """A house whose strategy limits how long some purposes' data are kept; the others: ten days."""

    async def _started(self, told: Any) -> Any:
        server = await super()._started(told)
        purposes = server.strategy.purposes
        for key, purpose in list(purposes.items()):
            purposes[key] = replace(purpose, retention_days=DAYS.get(key, 10))
        return server

    def at(self, instant: datetime) -> None:
        """Turn the clock, and let the server look at it."""
        self.clock.turn(instant.timestamp())
        self.run(self.server.writer.ask(lambda: None))

    def held(self, name: str) -> set[str]:
        return {entry.moment.category for entry in self.server.log.of(name)}


def contact_of(house: House, name: str) -> datetime:
    """Told from the entries alone."""
    return max(
        entry.moment.occurred_at
        for entry in house.server.processor.entries_of(name)
        if entry.moment.kind not in {"due", "displayed", "noticed", "consulted", "lapsed"}
    )


def expected(house: Brand, name: str) -> dict[str, int]:
    """How many days each category is kept, told from the strategy alone."""
    purposes, chosen = house.server.strategy.purposes.values(), house.server.processor.customer(name).consents
    found = {}
    for category in house.held(name) - {"service", "account"}:
        found[category] = max(
            one.retention_days
            for one in purposes
            if category in one.categories and (one.basis != "consent" or one.key in chosen)
        )
    return found


def replays(house: House) -> None:
    """Memory equals the log's replay, byte for byte, with what is not taught yet; decisions come out the same."""
    loop, state = house.server.processor, rebuild(house.server.log)
    log = house.server.log
    assert everyone(state.population, log) == everyone(loop.population, log), "replay"
    assert {key: name for key, name in state.population.holders().items() if name} == {
        key: name for key, name in loop.population.holders().items() if name
    }, "replay"
    for learnt in ("_outcomes", "_labels"):
        assert getattr(house.rebuilt_learner(), learnt) == getattr(house.server.learner, learnt), (
            "replay teaches something else"
        )
    differences: list[object] = []
    verify(house.server.log, loop.randomization_key, found=differences.append)
    assert differences == [], "decided again, something differs"


def counts(house: House) -> tuple[object, object]:
    """What was counted of people: what each purpose brought them, and how each objective stands."""
    return house.server.accounts.of([SHE, HE]), [
        (one.shown, one.closed, one.people) for one in house.server.objectives.results()
    ]


def test_whoever_was_erased_is_counted_no_more(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        house.process([*everything(SHE), *everything(HE)])
        before = counts(house)
        house.erase(SHE)
        counted = counts(house)
        assert counted != before, "nothing was counted: this proves nothing"
        house.reopen()
        assert counts(house) == counted, "a restart counts something else"


def test_what_lies_on_disk_is_for_its_owner_only(tmp_path: Path) -> None:
    with House(tmp_path / "house") as house:
        house.process(everything(SHE))
        files = [house.data, *house.data.iterdir()]
        assert len(files) > 6
        assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def check_each_category_goes_to_the_second(root: Path) -> None:
    """One second before, all is there; from that second on, nothing of the category, and all of the others."""
    with Brand(root) as house:
        house.process(everything(SHE))
        days = expected(house, SHE)
        assert len(set(days.values())) >= 3, "categories that all go together prove little"
        contact = contact_of(house, SHE)
        for many in sorted(set(days.values()) - {LONGEST}):
            going = {category for category, kept in days.items() if kept == many}
            moment, before = contact + timedelta(days=many), house.held(SHE)
            assert going <= before, "gone too early"
            house.at(moment - timedelta(seconds=1))
            assert house.held(SHE) == before, "gone too early"
            house.at(moment)
            assert house.held(SHE) == (before - going) | {"account"}, "kept too long, or too much is gone"
            house.at(moment + timedelta(seconds=1))
            assert house.held(SHE) == (before - going) | {"account"}, "kept too long, or too much is gone"
            replays(house)
        told = [entry.moment for entry in house.server.log.of(SHE) if isinstance(entry.moment, Lapsed)]
        assert {category for one in told for category in one.categories} == {
            category for category, many in days.items() if many < LONGEST
        }, "not told"
        assert b'visavis_lapsed_total{what="person"} 0.0' in house.server.metrics.text()
        before, counted = house.held(SHE), counts(house)
        house.reopen()
        replays(house)
        assert house.held(SHE) == before
        assert counts(house) == counted, "a restart counts something else"


def test_each_category_goes_to_the_second(tmp_path: Path) -> None:
    check_each_category_goes_to_the_second(tmp_path)


def pieces_of(folder: Path, name: str) -> list[bytes]:
    """The exact bytes that stand for this person in the log and the vault: sealed or wrapped, they are still theirs."""
    entries, keys = sealed_of(folder, name, ROOT_KEY)
    return [data[2:26] for data in entries] + keys


def check_a_whole_person_goes_and_may_come_again(root: Path) -> None:
    """At the end nothing of them is in any file or restored backup, others lose nothing; they may return as new."""
    with Brand(root) as house:
        house.process([*everything(SHE), *everything(HE)])
        for name in (SHE, HE):
            house.server.access_keys.issue("device", name)
            house.server.external_channels.addresses.keep(name, "mail", "", f"{name}@example.org".encode())
        contact = contact_of(house, SHE)
        shutil.copytree(house.data, root / "backup")
        proven, over = contact + timedelta(days=LONGEST), contact + timedelta(days=LONGEST + PROOF_DAYS)
        house.at(proven - timedelta(days=1))
        house.process(
            [Bought(id="again", customer=HE, occurred_at=house.clock.now(), place="s1", lines=lines(BRANDS[0]))]
        )
        house.at(proven - timedelta(seconds=1))
        assert {"service", "account"} <= house.held(SHE), "gone too early"
        assert SHE in house.server.access_keys.people(), "gone too early"
        choices = {entry.moment.id for entry in house.server.log.of(SHE) if entry.moment.retention == PROOF}
        house.at(proven)
        left = list(house.server.log.of(SHE))
        assert {entry.moment.retention for entry in left} == {PROOF}, "more than the proof of choices is kept"
        assert choices < {entry.moment.id for entry in left}, "a proof is gone before its time"
        assert SHE not in house.server.access_keys.people() | house.server.external_channels.addresses.people(), (
            "who is away can still be reached"
        )
        assert HE in house.server.access_keys.people() & house.server.external_channels.addresses.people(), (
            "somebody else lost something"
        )
        replays(house)
        house.at(over - timedelta(days=300))
        house.process([Entered(id="still here", customer=HE, occurred_at=house.clock.now(), place="s1")])
        house.at(over - timedelta(seconds=1))
        his = [encode(entry) for entry in house.server.log.of(HE)]
        assert house.server.log.audit_key(SHE), "gone too early"
        pieces = [piece for piece in pieces_of(house.data, SHE) if traces(house.data, [], [piece])]
        assert len(pieces) > 10, "the scan does not see what is sealed"

        house.at(over)

        def gone() -> None:
            assert not list(house.server.log.of(SHE)), "kept too long"
            assert SHE not in house.server.processor.population, "memory keeps the person"
            assert traces(house.data, words_of(SHE), pieces) == [], "something is left in a file"
            assert [encode(entry) for entry in house.server.log.of(HE)] == his, "somebody else lost something"
            replays(house)

        gone()
        assert b'visavis_lapsed_total{what="person"} 1.0' in house.server.metrics.text(), "not reported"
        house.reopen()
        gone()
        house.close()
        house.ledger = "visavis.local/ledger-of-a-backup"
        for name in ("log", "vault"):  # the backup of before: it knows her, and him as he was
            shutil.copy(house.data / f"{name}.sqlite", root / f"{name}.now")
            shutil.copy(root / "backup" / f"{name}.sqlite", house.data / f"{name}.sqlite")
        house.open()
        assert not list(house.server.log.of(SHE)), "a backup brings them back"
        assert traces(house.data, words_of(SHE), pieces) == [], "a backup brings them back"
        house.close()
        for name in ("log", "vault"):
            shutil.copy(root / f"{name}.now", house.data / f"{name}.sqlite")
        house.ledger = "visavis.local/ledger"
        house.open()
        [answer] = house.process([Entered(id="m-in", customer=SHE, occurred_at=house.clock.now(), place="s1")])
        assert answer.refused is not None, "nothing is open for a newcomer"
        now = house.clock.now()
        told = [
            *says_yes(SHE, "place-moment", at=now),
            Bought(id="m-bought", customer=SHE, occurred_at=now, place="s1", lines=lines(BRANDS[0])),
        ]
        answers = house.process(told)
        assert all(one.entry is not None for one in answers), "who was away for long may not come again"
        house.reopen()
        assert len(list(house.server.log.of(SHE))) == 3, "who came again is not kept"
        replays(house)


def test_a_whole_person_goes_and_may_come_again(tmp_path: Path) -> None:
    check_a_whole_person_goes_and_may_come_again(tmp_path)


def check_only_what_they_do_prolongs(root: Path) -> None:
    """Only a person's own acts prolong; cards shown and looks by the brand do not; the restricted stay."""
    with Brand(root) as house:
        for name in ("shown", "active", "frozen", "new"):
            house.process(
                [
                    Linked(id="card", customer=name, occurred_at=NOON, identifier=f"card of {name}"),
                    *says_yes(name, "place-moment", at=NOON),
                ]
            )
            if name != "new":
                house.process([Entered(id="in", customer=name, occurred_at=NOON, place="s1")])
        house.at(NOON + timedelta(days=20))
        at = house.clock.now()
        house.process(
            [
                Displayed(id="d", customer="shown", occurred_at=at, decision="any"),
                Noticed(
                    id="n",
                    customer="shown",
                    occurred_at=at,
                    purpose="home",
                    notice=house.server.strategy.purposes["home"].notice.version,
                ),
            ]
        )
        house.process(
            [
                Entered(id="again", customer="active", occurred_at=at, place="s1"),
                Restricted(id="r", customer="frozen", occurred_at=at),
            ]
        )
        assert house.server.processor.customer("shown").last_received_at == at.timestamp()
        house.at(NOON + timedelta(days=30))
        assert "places" not in house.held("shown"), "what is only shown to them prolongs"
        assert "places" in house.held("active"), "what they do does not prolong"
        house.at(at + timedelta(days=30, seconds=-1))
        assert "places" in house.held("active"), "what they do does not prolong"
        house.at(at + timedelta(days=30))
        assert "places" not in house.held("active"), "kept too long"
        house.at(at + timedelta(days=31))
        assert "places" in house.held("frozen"), "what is to be left alone was not"
        house.process([Restricted(id="off", customer="frozen", occurred_at=house.clock.now(), on=False)])
        house.at(house.clock.now() + timedelta(days=30))
        assert "places" not in house.held("frozen"), "kept too long"
        house.at(at + timedelta(days=LONGEST, seconds=-1))
        assert house.server.processor.customer("active").identifiers, "the contact went with the entry that told of it"
        replays(house)
        house.at(at + timedelta(days=LONGEST))
        assert not house.server.processor.customer("active").identifiers, "kept too long"
        replays(house)


def test_only_what_they_do_prolongs(tmp_path: Path) -> None:
    check_only_what_they_do_prolongs(tmp_path)


def check_a_merged_person_goes_under_both_names(root: Path) -> None:
    """The last contact by either name counts for both; both go."""
    with Brand(root) as house:
        for name in ("ada", "bo", "cy"):
            told = [
                Linked(id="card", customer=name, occurred_at=NOON, identifier=f"card of {name}"),
                *says_yes(name, "place-moment", at=NOON),
            ]
            house.process(
                [
                    *told,
                    Bought(id="b", customer=name, occurred_at=NOON, place="s1", lines=lines(*BRANDS[:2])),
                    Entered(id="in", customer=name, occurred_at=NOON, place="s1"),
                ]
            )
        house.at(NOON + timedelta(days=10))
        house.process([Linked(id="same", customer="ada", occurred_at=house.clock.now(), identifier="card of bo")])
        house.agree("ada", "bo")
        assert house.server.processor.customer("bo").names == ("ada", "bo")
        last = NOON + timedelta(days=15)
        house.at(last)
        house.process([Entered(id="again", customer="bo", occurred_at=last, place="s1")])
        house.at(last + timedelta(days=30, seconds=-1))
        assert all("places" in house.held(name) for name in ("ada", "bo")), "gone too early"
        assert "places" not in house.held("cy"), "kept too long"
        house.at(last + timedelta(days=30))
        assert not any("places" in house.held(name) for name in ("ada", "bo")), "kept too long"
        assert house.server.processor.customer("ada").names == ("ada", "bo"), "no more one person"
        replays(house)
        house.at(last + timedelta(days=LONGEST))
        assert all(house.held(name) == {"account"} for name in ("ada", "bo")), "kept too long"
        replays(house)
        house.reopen()
        replays(house)
        house.at(last + timedelta(days=LONGEST + PROOF_DAYS))
        assert not [entry for _, entry in house.server.log.scan() if isinstance(entry, Entry)], "kept too long"
        assert not len(house.server.processor.population), "memory keeps somebody"
        assert not house.server.log.erased("ada"), "nobody asked for it: they may come again"


def test_a_merged_person_goes_under_both_names(tmp_path: Path) -> None:
    check_a_merged_person_goes_under_both_names(tmp_path)


def check_what_was_interrupted_is_completed(root: Path, fails: str) -> None:
    """Whatever could not be done is done later: when it is tried again, or at the next start."""
    with Brand(root) as house:
        house.process(everything(SHE))
        house.server.external_channels.addresses.keep(SHE, "mail", "", b"camille@example.org")
        contact, honest = contact_of(house, SHE), getattr(Processor, fails)

        def broken(*_: object, **__: object) -> Any:
            raise Unavailable("A file cannot be cut now.")

        over = contact + timedelta(days=expected(house, SHE)["places"] if fails == "amend" else LONGEST + PROOF_DAYS)
        house.at(over - timedelta(seconds=1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Processor, fails, broken)
            house.at(over)
            house.at(over + timedelta(minutes=30))
        assert getattr(Processor, fails) is honest
        assert list(house.server.log.of(SHE)), "this proves nothing"
        for restarts in (False, True):
            if restarts:
                house.reopen()
            house.at(over + timedelta(minutes=120))
            assert "places" not in house.held(SHE), "what failed once is kept for good"
            assert fails == "amend" or not list(house.server.log.of(SHE)), "what failed once is kept for good"
            replays(house)
        assert sum([isinstance(entry.moment, Lapsed) for entry in house.server.log.of(SHE)]) <= 6, (
            "each try leaves a trace"
        )


@pytest.mark.parametrize("fails", ["amend", "erase"])
def test_what_was_interrupted_is_completed(tmp_path: Path, fails: str) -> None:
    check_what_was_interrupted_is_completed(tmp_path, fails)


def check_keys_go_though_it_was_cut_short(root: Path) -> None:
    """Once the rows are gone nothing tells that there is something left to do, but the tombstone without a name."""
    with Brand(root) as house:
        house.process(everything(SHE))
        house.at(contact_of(house, SHE) + timedelta(days=LONGEST))
        pieces = pieces_of(house.data, SHE)

        def cut_short(*_: object) -> None:
            raise Unavailable("The process was killed.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(KeyStore, "shred", cut_short)
            house.at(house.clock.now() + timedelta(days=PROOF_DAYS))
        assert not list(house.server.log.of(SHE)), "this proves nothing"
        assert traces(house.data, [], pieces), "this proves nothing"
        house.reopen()
        assert traces(house.data, words_of(SHE), pieces) == [], "a key is left"
        assert not house.server.log.erased(SHE)
        assert SHE.encode() not in house.root.joinpath("root.erased").read_bytes()


def test_keys_go_though_it_was_cut_short(tmp_path: Path) -> None:
    check_keys_go_though_it_was_cut_short(tmp_path)


def test_keys_that_a_crash_leaves_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_tombstone(monkeypatch)
    with pytest.raises(AssertionError, match="a key is left"):
        check_keys_go_though_it_was_cut_short(tmp_path)


def test_a_look_tells_how_much_went_and_of_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Brand(tmp_path) as house, caplog.at_level(logging.INFO, logger="visavis.retention"):
        house.process(everything(SHE))
        house.at(contact_of(house, SHE) + timedelta(days=LONGEST))
        [told] = [record for record in caplog.records if record.name == "visavis.retention"]
        assert (told.people, told.entries > 10) == (0, True)  # type: ignore[attr-defined]
        assert SHE not in str(vars(told))


def test_what_was_over_when_it_arrived_prolongs_nothing_and_goes_within_a_day(tmp_path: Path) -> None:
    with Brand(tmp_path) as house:
        house.process([Bought(id="b", customer=SHE, occurred_at=NOON, place="s1", lines=lines(BRANDS[0]))])
        house.at(NOON + timedelta(days=5))
        long_ago = NOON - timedelta(days=5_000)
        house.process(
            [
                Bought(id="2013", customer=name, occurred_at=long_ago, place="s1", lines=lines(BRANDS[1]))
                for name in (SHE, HE)
            ]
        )
        assert house.server.processor.customer(SHE).entries == 2
        house.at(NOON + timedelta(days=6))
        assert HE not in house.server.processor.population, "kept too long"
        house.at(NOON + timedelta(days=LONGEST, seconds=-1))
        assert len(list(house.server.log.of(SHE))) == 2, "gone too early"
        house.at(NOON + timedelta(days=LONGEST))
        assert SHE not in house.server.processor.population, "what is old prolongs"


def test_what_comes_after_its_category_has_lapsed_goes_within_a_day(tmp_path: Path) -> None:
    with Brand(tmp_path) as house:
        house.process(everything(SHE))
        contact = contact_of(house, SHE)
        house.at(contact + timedelta(days=expected(house, SHE)["places"]))
        assert "places" not in house.held(SHE)
        late = Entered(id="late", customer=SHE, occurred_at=contact - timedelta(hours=1), place="s1")
        assert house.process([late])[0].entry is not None
        house.at(house.clock.now() + timedelta(days=1))
        assert "places" not in house.held(SHE), "kept too long"
        replays(house)


def test_the_copy_and_the_clock_tell_the_same_dates(tmp_path: Path) -> None:
    with Brand(tmp_path) as house:
        house.process(everything(SHE))
        copy = house.run(house.server.requests.export(SHE))
        until = kept_until(house.server.strategy.purposes, house.server.processor.customer(SHE))
        chosen = {
            one.purpose: one.kept_until for one in copy.purposes if one.basis != "consent" or one.choice is not None
        }
        for category in house.held(SHE) - {"service", "account"}:
            promised = [at for key, at in chosen.items() if category in house.server.strategy.purposes[key].categories]
            assert max(promised).timestamp() == until[category]
        assert datetime.fromtimestamp(copy.observed["last_contact_at"], UTC) == contact_of(house, SHE)


def test_an_objection_outlives_the_person(tmp_path: Path) -> None:
    with Brand(tmp_path) as house:
        house.process(
            [*says_yes(SHE, "reminders", at=NOON), Objected(id="no", customer=SHE, occurred_at=NOON, about="marketing")]
        )
        house.at(NOON + timedelta(days=LONGEST + PROOF_DAYS))
        assert SHE not in house.server.processor.population
        house.process(says_yes(SHE, "reminders", at=house.clock.now()))
        assert "marketing" in house.server.processor.customer(SHE).objections


_flagged = replacing(SqliteEntryLog, "amend", lambda *_: None)


def _passive_prolongs(patch: pytest.MonkeyPatch) -> None:
    for kind in KINDS.values():
        patch.setattr(kind, "active_contact", True)


_late = replacing(retention, "DAY_S", 86_400.0 + 1e-3)


_early = replacing(retention, "DAY_S", 86_399.9)


def _shortest(patch: pytest.MonkeyPatch) -> None:
    honest = kept_until

    def hasty(purposes: Mapping[str, Any], customer: Customer) -> dict[str, float]:
        return dict.fromkeys(customer.held, min(honest(purposes, customer).values()))

    patch.setattr(retention, "kept_until", hasty)


_for_good = wrapping(SqliteEntryLog, "erase", lambda honest, log, name, **_: honest(log, name))


_no_tombstone = replacing(KeyStore, "add_tombstone", lambda *_, **__: None)


_never = replacing(retention.Retention, "run", lambda _: float("inf"))


_no_trace = replacing(fold, "Lapsed", type("Nothing", (), {}))


_one_side = replacing(retention.Retention, "_entries", lambda self, person: self._processor.entries_of(person.id))


_unlimited = replacing(retention, "RETRY_S", float("inf"))


CATEGORIES: dict[str, tuple[Sabotage, str]] = {
    "nothing is ever deleted": (_never, "kept too long"),
    "deleted in memory only": (_flagged, "kept too long"),
    "a little too late": (_late, "kept too long"),
    "a little too early": (_early, "gone too early"),
    "the shortest purpose decides": (_shortest, "too much is gone|gone too early"),
}
PEOPLE: dict[str, tuple[Sabotage, str]] = {
    "nothing is ever deleted": (_never, "kept"),
    "who was away is refused for good": (_for_good, "may not come again"),
    "the keys that speak for them stay": (
        replacing(access.AccessKeys, "erase_personal_data", lambda *_: 0),
        "can still be reached",
    ),
    "proofs go with the rest": (replacing(retention, "PROOF_DAYS", 0), "more than the proof|proof is gone"),
}


@pytest.mark.parametrize("sabotage", CATEGORIES)
def test_a_product_that_keeps_data_badly_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = CATEGORIES[sabotage]
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_each_category_goes_to_the_second(tmp_path)


@pytest.mark.parametrize("sabotage", PEOPLE)
def test_a_product_that_keeps_people_badly_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str
) -> None:
    spoil, told = PEOPLE[sabotage]
    spoil(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_a_whole_person_goes_and_may_come_again(tmp_path)


@pytest.mark.parametrize(("sabotage", "told"), [(_passive_prolongs, "only shown"), (_no_trace, "contact went")])
def test_a_wrong_last_contact_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, told: str
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        check_only_what_they_do_prolongs(tmp_path)


def test_a_merged_person_of_whom_one_half_is_kept_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _one_side(monkeypatch)
    with pytest.raises(AssertionError, match="kept too long"):
        check_a_merged_person_goes_under_both_names(tmp_path)


def test_what_is_not_tried_again_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _unlimited(monkeypatch)
    with pytest.raises(AssertionError, match="kept for good"):
        check_what_was_interrupted_is_completed(tmp_path, "amend")
