"""P20: nothing that rested on a corrected value repeats it, is answered, or is in a file; each trace has a mutant."""

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from support.canary import traces
from support.disk import rows
from support.house import House
from support.people import BRANDS, NOON, a_loop, camille, says_yes, turn
from support.sabotage import mutate
from visavis.customers import rights
from visavis.engine import GRACE_S
from visavis.model.decision import Fact, Known, Scored, Show, Silence
from visavis.model.entry import FORM, Effect, Entry, encode
from visavis.model.moment import Answered, Bought, Corrected, Declared, Line, RanOut
from visavis.rights import rectification as rectify
from visavis.store import sqlite
from visavis.store.sqlite import SqliteEntryLog

SHE = "camille"
WRONG = "Wröng thing 7f3a91"
GOOD = tuple(BRANDS[:2])


def check_that_no_word_stays() -> None:
    """No card, fact, belief, answer or order that rests on the wrong value is in an entry; all others stay."""
    scored, known = (Scored("refill", WRONG, 1, 0.5),), (Known(WRONG, WRONG, 0.5),)
    card = Show("d1", "customer", "home", "refill", WRONG, WRONG, "glasses", 1.0, 0.5, 0.5, scored, known, (), (), None)
    brief = replace(
        card, id="d2", audience="adviser", family="MILK", product="", facts=(Fact("need", WRONG, "inferred"),)
    )
    silence = Silence("d3", "customer", "", "quiet_hours", 1.0, scored, known, (), None)
    bought = Bought(id="b", customer=SHE, occurred_at=NOON, place="s1", lines=(Line(WRONG, 1, 200, WRONG),))
    answered = Answered(id="yes", customer=SHE, occurred_at=NOON, decision="d1", answer="yes", about=WRONG)
    orders = (Effect("d1", "order", "refill", WRONG), Effect("d0", "order", "refill", BRANDS[0]))
    entries = [Entry(FORM, SHE, NOON, bought), Entry(FORM, SHE, NOON, answered, (card, brief, silence), effects=orders)]

    _, after = rectify.amended(entries, "b", None).values()

    assert after is not None
    assert WRONG.encode() not in encode(after), "an entry says it still"
    assert [effect.product for effect in after.effects] == ["", BRANDS[0]], "an order for something else is gone"


def check_that_no_card_outlives_a_correction() -> None:
    """A yes to a card from before a correction has no effect after it: the card may rest on the error."""
    loop = a_loop()
    camille(loop, "home", products=GOOD)
    answered = {0: 0, 1: 0}
    for day in range(1, 20):
        at = NOON + timedelta(days=day)
        turn(loop, at)
        (out,) = loop.process([RanOut(id=f"out-{day}", customer=SHE, occurred_at=at, product=BRANDS[0])])
        assert out.entry is not None
        (card,) = out.entry.decisions
        if not isinstance(card, Show):
            continue
        if day % 2:
            loop.process([Corrected(id=f"put-right-{day}", customer=SHE, occurred_at=at, of="trip-1")])
        late = at + timedelta(seconds=GRACE_S + 1)
        turn(loop, late)
        assert late.timestamp() < card.until
        (yes,) = loop.process(
            [Answered(id=f"yes-{day}", customer=SHE, occurred_at=late, decision=card.id, answer="yes")]
        )
        assert yes.entry is not None
        assert [effect.kind for effect in yes.entry.effects] == ([] if day % 2 else ["order"]), (
            "a card is still answered"
        )
        answered[day % 2] += 1
    assert min(answered.values()) > 0, answered


def check_that_no_byte_of_a_row_stays(root: Path) -> None:
    """The row as it was sealed is in no file at once: their key is still there, and would open it."""
    with House(root) as house:
        name = Declared(id="name", customer=SHE, occurred_at=NOON, trait="first_name", value=WRONG)
        house.process([*says_yes(SHE, "adviser-brief", at=NOON - timedelta(days=1)), name])
        log = house.server.log
        assert isinstance(log, SqliteEntryLog)
        position = next(at for at, entry in log.scan() if isinstance(entry, Entry) and entry.moment.id == "name")
        [(sealed,)] = rows(house.data, "log", "SELECT data FROM entries WHERE position = ?", position)
        assert traces(house.data, (), [sealed]), "it was never there: this proves nothing"
        house.run(house.server.requests.correct(SHE, "name", {"value": "Right name"}, by_brand=False))
        assert not traces(house.data, (), [sealed]), "the row is still in a file"


def test_no_word_stays() -> None:
    check_that_no_word_stays()


def test_no_card_outlives_a_correction() -> None:
    check_that_no_card_outlives_a_correction()


def test_no_byte_of_a_row_stays(tmp_path: Path) -> None:
    check_that_no_byte_of_a_row_stays(tmp_path)


def test_an_order_for_what_was_wrong_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, rectify, 'replace(effect, product="") if effect.product in gone else effect', "effect")
    with pytest.raises(AssertionError, match="says it still"):
        check_that_no_word_stays()


def test_a_card_that_is_answered_after_all_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "_recalled", lambda customer, _at, _decision="": customer)
    with pytest.raises(AssertionError, match="still answered"):
        check_that_no_card_outlives_a_correction()


def test_a_row_that_stays_in_the_write_ahead_log_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch, sqlite, "self._gone += gone\n            truncate_wal(self._database)", "self._gone += gone")
    with pytest.raises(AssertionError, match="still in a file"):
        check_that_no_byte_of_a_row_stays(tmp_path)
