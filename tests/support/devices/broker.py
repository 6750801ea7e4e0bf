"""A real mosquitto with accounts of its own, and homes that speak to it with mosquitto's own clients."""

import json
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from time import monotonic, sleep
from typing import Any

from support.required import require
from support.site import Site, a_site
from visavis.config import Broker

PROGRAM = shutil.which("mosquitto") or (path if Path(path := "/usr/sbin/mosquitto").exists() else "")
CLIENTS = ("mosquitto_pub", "mosquitto_sub", "mosquitto_passwd")
WAIT_S = 8.0
RIGHTS = """
user server
topic readwrite visavis/#
topic readwrite homeassistant/#

user admin
topic readwrite #

pattern read visavis/status
pattern readwrite visavis/%u/+
pattern readwrite homeassistant/+/%u/#
"""


class Mosquitto:
    """The broker: who may what is written in its files, as docs/devices/fridge.md tells."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        (folder / "rights").write_text(RIGHTS)
        (folder / "accounts").touch()
        for name in ("accounts", "rights"):
            (folder / name).chmod(0o600)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/accounts\nacl_file"
            f" {folder}/rights\npersistence true\npersistence_location {folder}/\nuser root\nlog_type"
            " error\nset_tcp_nodelay true\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.account("server")
        self.account("admin")

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PROGRAM, "-c", str(self._folder / "mosquitto.conf")], stderr=subprocess.DEVNULL
        )
        until = monotonic() + WAIT_S
        while monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                sleep(0.02)
            else:
                return
        raise AssertionError("mosquitto does not start")

    def stop(self, how: int = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(WAIT_S)

    def account(self, name: str) -> None:
        subprocess.run(
            ["mosquitto_passwd", "-b", str(self._folder / "accounts"), name, "secret"], check=True, capture_output=True
        )
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)
            sleep(0.05)

    def arguments(self, user: str) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-V", "mqttv5", "-u", user, "-P", "secret"]

    def say(self, user: str, topic: str, payload: Any, *more: str) -> None:
        """Publish with mosquitto_pub; bytes and texts as they are, everything else as JSON."""
        body = (
            payload
            if isinstance(payload, bytes)
            else payload.encode()
            if isinstance(payload, str)
            else json.dumps(payload).encode()
        )
        how = ["-s"] if body else ["-n"]
        subprocess.run(
            ["mosquitto_pub", *self.arguments(user), "-q", "1", "-t", topic, *how, *more],
            input=body,
            check=True,
            capture_output=True,
            timeout=WAIT_S,
        )


class Hearing:
    """mosquitto_sub in a process of its own: what comes on some topics, as (topic, retained, payload)."""

    def __init__(self, broker: Mosquitto, user: str, *topics: str, more: tuple[str, ...] = ()) -> None:
        subscribed = [argument for topic in topics for argument in ("-t", topic)]
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", *broker.arguments(user), "-q", "1", "-F", "%j", *subscribed, *more],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.found: Queue[tuple[str, bool, str]] = Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self.found.put((told["topic"], bool(told["retain"]), told.get("payload") or ""))

    def next(self, seconds: float = WAIT_S) -> tuple[str, bool, str]:
        try:
            return self.found.get(timeout=seconds)
        except Empty:
            raise AssertionError("nothing came") from None

    def quiet(self, seconds: float = 0.4) -> bool:
        try:
            self.found.get(timeout=seconds)
        except Empty:
            return True
        return False

    def lose(self) -> None:
        """Go without a word: the broker then says our will."""
        self._process.kill()
        self._end()

    def close(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        self._process.kill()  # some versions overhear the first word
        self._end()

    def _end(self) -> None:
        self._process.wait(WAIT_S)
        self._thread.join(WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Home:
    """One home with an account of its own: a fridge with a screen, or a sensor without one."""

    def __init__(self, houses: "Houses", person: str, role: str, profile: str) -> None:
        self.houses = houses
        self.person = person
        self.token, self.id = houses.key(role, person, profile)
        houses.broker.account(self.id)
        self._screen: Hearing | None = None

    def topic(self, what: str) -> str:
        return f"visavis/{self.id}/{what}"

    def says(self, what: str, payload: Any, *more: str) -> None:
        self.houses.broker.say(self.id, self.topic(what), payload, *more)

    def screen(self) -> Hearing:
        """Turn the screen on: it hears its cards, says that it is there, and its will says that it is gone."""
        will = ("--will-topic", self.topic("status"), "--will-payload", "offline", "--will-retain", "--will-qos", "1")
        self._screen = Hearing(self.houses.broker, self.id, self.topic("card"), more=will)
        self.says("status", "online", "-r")
        self.houses.until(lambda: self.houses.worn(self))
        return self._screen

    def close(self) -> None:
        if self._screen is not None:
            self._screen.close()


class Houses:
    """A server, a broker, and the homes of persons who let their home be known."""

    def __init__(self, broker: Mosquitto, site: Site) -> None:
        self.broker = broker
        self.site = site
        self._number = 0
        self._homes: list[Home] = []

    def home(self, *purposes: str, role: str = "device", profile: str = "fridge") -> Home:
        self._number += 1
        person = self.site.person(f"p{self._number}", *(purposes or ("home",)))
        found = Home(self, person, role, profile if role == "device" else "")
        self._homes.append(found)
        return found

    def key(self, role: str, person: str, profile: str) -> tuple[str, str]:
        def made() -> tuple[str, str]:
            access = self.site.server.access_keys
            token = access.issue(role, person, profile=profile)
            return token, access.check(token).id

        return self.site.call(made)

    def worn(self, home: Home) -> bool:
        known = self.site.server.processor.customer(home.person)
        state = known.devices.get(home.id) if known is not None else None
        return state is not None and state.worn is True

    def moments(self, home: Home, *kinds: type) -> list[Any]:
        return [entry.moment for entry in self.site.entries(home.person) if isinstance(entry.moment, kinds)]

    def until(self, what: Callable[[], Any]) -> Any:
        until = monotonic() + WAIT_S
        while not (found := what()):
            assert monotonic() < until, "it did not happen"
            sleep(0.02)
        return found

    def close(self) -> None:
        for home in self._homes:
            home.close()


@contextmanager
def a_broker(folder: Path) -> Iterator[Mosquitto]:
    """A mosquitto that runs, with its files in this folder."""
    there = PROGRAM and all(shutil.which(name) for name in CLIENTS)
    require(there, "mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    found = Mosquitto(folder)
    found.start()
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def houses(broker: Mosquitto, **settings: Any) -> Iterator[Houses]:
    with a_site(mqtt=Broker("127.0.0.1", broker.port, "server", "secret", tls=False, **settings)) as site:
        found = Houses(broker, site)
        try:
            yield found
        finally:
            found.close()
