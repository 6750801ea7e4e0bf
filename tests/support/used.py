"""Kill a whole server in use: what left it, and its ledger (``python tests/used.py --kills 200``)."""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).parents[1]))  # the tests' own modules, also when this file is run by itself

from support.doors import MOMENTS, ROOT_KEY, moment
from support.people import BRANDS, grocery
from support.ports import answers, free_port, kill_amid
from visavis import engine
from visavis.api import people
from visavis.config import Settings
from visavis.ledger import personal_view as uses
from visavis.ledger.checkpoint import Verifier
from visavis.ledger.record import actors, entry_lines
from visavis.ledger.verify import verify
from visavis.model.consent import OVERSIGHT, RIGHTS
from visavis.model.entry import Entry, Origin, Use
from visavis.model.moment import Consulted, Displayed, Moment
from visavis.runtime.loop import Processor
from visavis.runtime.writer import Writer
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteEntryLog
from visavis.wiring import build, keys

PEOPLE = ("ada", "bo", "cleo", "dan")
PURPOSES = ("place-moment", "reminders", "tailored-offers", "recognition", "adviser-brief")


def settings_of(folder: Path) -> Settings:
    return Settings(data=str(folder), checkpoint_s=0.0)


def busy() -> dict[str, bytes]:
    """The example, at any hour, with an adviser who is told of everyone all the time."""
    files = grocery()
    brief, brand = "actions/adviser-suggestion.toml", "brand.toml"
    files[brief] = files[brief].replace(b"per_day = 5", b"per_day = 1000").replace(b"gap_s = 60", b"gap_s = 0")
    files[brand] = (
        files[brand]
        .replace(b"quiet_from_h = 22.0", b"quiet_from_h = 0.0")
        .replace(b"quiet_until_h = 7.0", b"quiet_until_h = 0.0")
    )
    return files


def serve(folder: Path, port: int, *, broken: str) -> None:
    """Be the server, for as long as one is let, or one that is broken in this way."""
    import uvicorn

    if broken:
        BROKEN[broken]()
    uvicorn.run(build(busy(), settings_of(folder), key=ROOT_KEY).app, port=port, log_config=None)


def _late(loop: Processor, entries: Sequence[Entry]) -> int:
    log, waiting = loop.log, vars(loop).setdefault("waiting", [])
    assert isinstance(log, SqliteEntryLog)
    position = log.commit(entries)
    log._database.executemany("INSERT INTO ledger (line) VALUES (?)", [(line,) for line in waiting])
    waiting[:] = [
        line for entry in entries for line in entry_lines(entry, loop.strategy.purposes, log.audit_key(entry.customer))
    ]
    return position


_process = Writer.process


async def _unread(writer: Writer, moment: Moment, *origin: Origin) -> Any:
    return None if isinstance(moment, Displayed) else await _process(writer, moment, *origin)


async def _unseen(*_: object) -> None:
    """Nobody is told that somebody looked."""


BROKEN: dict[str, Callable[[], None]] = {
    "late": lambda: setattr(Processor, "write", _late),
    "unread": lambda: setattr(Writer, "process", _unread),
    "unseen": lambda: setattr(people, "record_entry_read", _unseen),
    "uncopied": lambda: setattr(engine, "COPIED", Use(RIGHTS, (), "person")),
}
"""Lines durable one commit late, looks without a use, copies that omit what was in them."""


class Left:
    """What came out of the server: it had its effect, whatever happens to the server."""

    def __init__(self) -> None:
        self.decided: dict[tuple[str, str], list[Use]] = {}
        self.read: Counter[str] = Counter()
        self.copied: Counter[str] = Counter()
        self.consulted: Counter[tuple[str, str]] = Counter()
        self.checkpoints: list[str] = []
        self.verifier = ""


class Sender(threading.Thread):
    """Asks one thing after the other until the server is gone."""

    def __init__(self, port: int, tokens: dict[str, str], left: Left, dice: random.Random) -> None:
        super().__init__()
        self.left, self.dice = left, dice
        self._connection, self._tokens = http.client.HTTPConnection("127.0.0.1", port, timeout=20), tokens

    def run(self) -> None:
        try:
            while True:
                self.once()
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            self._connection.close()

    def once(self) -> None:
        """One thing."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: object = None, *, role: str = "brand") -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {self._tokens[role]}", "content-type": "application/json"}
        self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


class Walker(Sender):
    """Lives somebody's day: comes in, is announced, pays, goes."""

    def settle(self) -> None:
        """Everybody has shopped for weeks, and says yes to all."""
        self.left.verifier = self.ask("GET", "/v1/ledger/key")[1].decode()
        lines = [[product, 1, 200] for product in BRANDS[:4]]
        for name in PEOPLE:
            for purpose in PURPOSES:
                status, told = self.ask("PUT", f"/v1/people/{name}/purposes/{purpose}", {"on": True})
                assert status == 200, told
            baskets = [
                moment("bought", name, id=f"w{week}", place="s1", lines=lines)
                | {"occurred_at": _now(days_ago=7 * week)}
                for week in range(10, 0, -1)
            ]
            self.ask(
                "POST",
                MOMENTS,
                [*baskets, moment("linked", name, id="card", identifier=f"card of {name}") | {"occurred_at": _now()}],
            )
        self._connection.close()

    def once(self) -> None:
        name, kind = (
            self.dice.choice(PEOPLE),
            self.dice.choice(["entered", "checked_in", "checked_in", "paying", "left"]),
        )
        asked = f"{kind}-{self.dice.getrandbits(48):x}"
        fields: dict[str, Any] = {"place": "s1"}
        if kind == "paying":
            fields["lines"] = [[product, 1, 200] for product in self.dice.sample(BRANDS, 3)]
        said = moment(kind, name, id=asked, **fields) | {"occurred_at": _now()}
        status, told = self.ask("POST", MOMENTS, said)
        if status == 200:
            self.left.decided[name, asked] = [
                Use(one["purpose"], tuple(one["categories"]), one["by"]) for one in json.loads(told).get("uses", [])
            ]


class Looker(Sender):
    """Reads briefs, takes copies, looks at decisions."""

    def once(self) -> None:
        way, name = self.dice.choice(["brief", "brief", "copy", "look"]), self.dice.choice(PEOPLE)
        if way == "brief":
            _, told = self.ask("GET", "/adviser/briefs", role="adviser")
            for one in json.loads(told):
                self.left.read[one["decision"]] += 1
        elif way == "copy":
            status, _ = self.ask("GET", f"/v1/people/{name}/export")
            self.left.copied[name] += status == 200
        elif mine := [asked for who, asked in list(self.left.decided) if who == name]:
            asked = self.dice.choice(mine)
            status, _ = self.ask("GET", f"/v1/people/{name}/moments/{asked}")
            self.left.consulted[name, asked] += status == 200


class Stranger(Sender):
    """Keeps what the ledger shows to everyone."""

    def once(self) -> None:
        status, note = self.ask("GET", "/v1/ledger/checkpoint")
        if status == 200:
            self.left.checkpoints.append(note.decode())
        time.sleep(0.05)


def kill_and_look(folder: Path, kills: int, seed: int, *, broken: str = "") -> int:
    """Kill the server ``kills`` times on the same log, and look each time; how many uses there were in the end."""
    dice, left = random.Random(seed), Left()
    folder.mkdir(parents=True, exist_ok=True)
    access = keys(settings_of(folder), ROOT_KEY)
    tokens = {"brand": access.issue("brand"), "adviser": access.issue("adviser", "s1")}
    access.close()
    found = 0
    for _ in range(kills):
        port = free_port()
        asked = [sys.executable, __file__, "--serve", str(folder), "--port", str(port), "--broken", broken]
        process = subprocess.Popen(asked, stderr=subprocess.DEVNULL)
        answers(process, port)
        if not left.verifier:
            Walker(port, tokens, left, dice).settle()
        kinds = (Walker, Walker, Walker, Looker, Stranger)
        senders = [kind(port, tokens, left, random.Random(dice.random())) for kind in kinds]
        kill_amid(process, senders, 0.1 + dice.random() * 0.4)
        found = look(folder, left)
    return found


def look(folder: Path, left: Left) -> int:
    """Uses and lines are one to one across kills, with all that left the server; how many uses."""
    log = SqliteEntryLog(
        folder / "log.sqlite", KeyStore(folder / "vault.sqlite", ROOT_KEY, settings_of(folder).tombstones)
    )
    lines = log.lines(0, 1 << 40)
    used, told, found = 0, 0, True
    for name in PEOPLE:
        entries, key = list(log.of(name)), log.audit_key(name)
        mine = uses.with_details(uses.own_lines(lines, key), entries, key)
        assert not uses.missing(mine, entries, key), "a use without its line"
        assert all(line.details is not None for line in mine), "a line without its use"
        made = sum([len(actors(entry)) for entry in entries])
        assert len(mine) == made, f"{made} uses, notices and choices, {len(mine)} lines"
        assert not uses.out_of_order(mine), "a use before its yes"
        found = [number for number, _ in log.lines_of(name)] == [line.index for line in mine] and found
        told += len(mine)
        used += sum([len(entry.uses) for entry in entries])
        _there(name, entries, left)
    log.close()
    assert told == len(lines), "lines of nobody"
    assert found, "lines that their person does not find"
    if left.checkpoints:
        verifier = Verifier(left.verifier)
        assert not verify(lines, [verifier.read(note) for note in left.checkpoints]), (
            "what everyone was shown is not so any more"
        )
    return used


def _there(name: str, entries: list[Entry], left: Left) -> None:
    """What left the server about this person is in the log."""
    of = {entry.moment.id: entry for entry in entries}
    for (who, asked), was in left.decided.items():
        if who == name:
            assert asked in of, "an answered moment is lost"
            assert list(of[asked].uses) == was, "an answer told of other uses"
    copies = sum([use.purpose == RIGHTS and "purchases" in use.categories for entry in entries for use in entry.uses])
    assert copies >= left.copied[name], "a copy was taken without a use"
    looked = Counter(
        [
            entry.moment.about
            for entry in entries
            if isinstance(entry.moment, Consulted) and entry.uses[0].purpose == OVERSIGHT
        ]
    )
    assert all(looked[asked] >= times for (who, asked), times in left.consulted.items() if who == name), (
        "somebody looked without a use"
    )
    read = {
        getattr(entry.moment, "decision", "")
        for entry in entries
        if any(use.by.startswith("adviser@") for use in entry.uses)
    }
    briefs = {one.id for entry in entries for one in entry.decisions}
    assert all(decision in read for decision in left.read if decision in briefs), "a brief was read without a use"


def _now(*, days_ago: int = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400 * days_ago))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--broken", default="")
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.port, broken=asked.broken)
    else:
        with tempfile.TemporaryDirectory() as name:
            counted = kill_and_look(Path(name) / "data", asked.kills, 0)
            print(f"{asked.kills} kills, {counted} uses, each with its one line")  # noqa: T201
