"""Kill a server at random under HTTP load: each acknowledged moment is in the log once (``--kills 100``)."""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))  # the tests' own modules, also when this file is run by itself

from support.doors import MOMENTS, ROOT_KEY, moment
from support.people import grocery
from support.ports import answers, free_port, kill_amid
from visavis.config import Settings
from visavis.model.entry import Entry
from visavis.store.keys import KeyStore
from visavis.store.sqlite import SqliteEntryLog
from visavis.wiring import build, keys

SENDERS = 6


def serve(folder: Path, port: int) -> None:
    """Be the server, for as long as one is let."""
    import uvicorn

    server = build(grocery(), Settings(data=str(folder)), key=ROOT_KEY)
    uvicorn.run(server.app, port=port, log_config=None)


class Sender(threading.Thread):
    """Sends moments in turn until the server is gone, some twice, and the last that failed first next time."""

    def __init__(
        self, port: int, token: str, name: str, todo: list[str], acknowledged: set[tuple[str, str]], dice: random.Random
    ) -> None:
        super().__init__()
        self._port, self._token, self._person, self._todo, self._acknowledged, self._dice = (
            port,
            token,
            name,
            todo,
            acknowledged,
            dice,
        )

    def run(self) -> None:
        """Until the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            while True:
                batch = [self._todo[0]] if self._dice.random() < 0.5 else [*self._todo[:3], self._todo[0]]
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                body = json.dumps([{**moment(customer=self._person, id=one), "occurred_at": now} for one in batch])
                connection.request(
                    "POST",
                    MOMENTS,
                    body,
                    {"authorization": f"Bearer {self._token}", "content-type": "application/json"},
                )
                answer = connection.getresponse()
                told = json.loads(answer.read())
                assert answer.status == 200, told
                kept = {one["id"] for one in told if one.get("kept")}
                self._acknowledged.update((self._person, one) for one in kept)
                self._todo[:] = [one for one in self._todo if one not in kept]
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            connection.close()


def kill_and_look(folder: Path, kills: int, seed: int) -> int:
    """Kill the server ``kills`` times on the same log; return how many moments were acknowledged in all."""
    dice, acknowledged = random.Random(seed), set[tuple[str, str]]()
    folder.mkdir(parents=True, exist_ok=True)
    access = keys(Settings(data=str(folder)), ROOT_KEY)
    token = access.issue("brand")
    access.close()
    todos = {f"p{number}": [f"m{one}" for one in range(10_000)] for number in range(SENDERS)}
    for _ in range(kills):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(folder), "--port", str(port)], stderr=subprocess.DEVNULL
        )
        answers(process, port)
        senders = [
            Sender(port, token, name, todo, acknowledged, random.Random(dice.random())) for name, todo in todos.items()
        ]
        kill_amid(process, senders, 0.02 + dice.random() * 0.4)
        log = SqliteEntryLog(
            folder / "log.sqlite", KeyStore(folder / "vault.sqlite", ROOT_KEY, Settings(data=str(folder)).tombstones)
        )
        found = [(entry.customer, entry.moment.id) for _, entry in log.scan() if isinstance(entry, Entry)]
        log.close()
        assert len(found) == len(set(found)), "a moment is there twice"
        assert acknowledged <= set(found), "an acknowledged moment is lost"
        for name in todos:
            mine = [int(one[1:]) for customer, one in found if customer == name]
            assert mine == list(range(len(mine))), "a person's moments are out of order"
    return len(acknowledged)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--port", type=int)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.port)
    else:
        with tempfile.TemporaryDirectory() as name:
            acknowledged = kill_and_look(Path(name) / "data", asked.kills, 0)
            print(f"{asked.kills} kills, {acknowledged} moments acknowledged, none lost, none doubled")  # noqa: T201
