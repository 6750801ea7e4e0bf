"""A server with a card for somebody's glasses, and a page that lives at another address, as an application's does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic, sleep
from typing import Any

import httpx

from support.people import STRATEGY
from support.site import EVERYTHING, Site, a_site
from visavis.decide.holdout import held_out
from visavis.model.decision import Show
from visavis.model.moment import Answered, Displayed, Noticed

NOTICE = STRATEGY.purposes["reminders"].notice.version


class Elsewhere:
    """An origin of its own on this machine, that serves what it was given."""

    def __init__(self) -> None:
        self.html = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path.partition("?")[0] == "/index.html"
                data = outer.html.encode() if found else b""
                self.send_response(200 if found else 204)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(data))) if found else None
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Hosting:
    """The server, its people, and who else may ask it."""

    def __init__(self, site: Site, elsewhere: Elsewhere) -> None:
        self.site = site
        self.elsewhere = elsewhere
        self._number = 0

    def somebody(self, language: str = "fr") -> str:
        name = self.site.person(self._free(), *EVERYTHING)
        self.site.process(
            Noticed(
                id="in",
                customer=name,
                occurred_at=self.site.clock.now(),
                purpose="reminders",
                notice=NOTICE,
                language=language,
            )
        )
        return name

    def _free(self) -> str:
        """The next name that no objective holds out, so that a card is shown."""
        processor = self.site.server.processor
        while True:
            self._number += 1
            name = f"h{self._number}"
            objectives = processor.strategy.objectives.values()
            key = processor.randomization_key
            if not any(held_out(name, one.id, share=one.holdout_share, key=key) for one in objectives):
                return name

    def code(self, person: str) -> str:
        headers = {"authorization": f"Bearer {self.site.key('brand')}"}
        answer = httpx.post(
            f"{self.site.url}/v1/devices/pairing", json={"person": person}, headers=headers, trust_env=False
        )
        return str(answer.raise_for_status().json()["code"])

    def paired(self, person: str, profile: str) -> str:
        """The key of a new screen of this profile."""
        body = {"code": self.code(person), "profile": profile}
        return str(
            httpx.post(f"{self.site.url}/v1/devices/pair", json=body, trust_env=False).raise_for_status().json()["key"]
        )

    def card(self, person: str) -> Show:
        found = self.site.enters(person)
        assert found is not None
        return found

    def displayed(self, person: str) -> list[str]:
        return [entry.moment.decision for entry in self.site.entries(person) if isinstance(entry.moment, Displayed)]

    def answers(self, person: str) -> list[str]:
        return [entry.moment.answer for entry in self.site.entries(person) if isinstance(entry.moment, Answered)]


def soon(what: Callable[[], Any], *, seconds: float = 8.0, pause: Callable[[float], None] = sleep) -> Any:
    """What this gives as soon as it gives something; an AssertionError when it does not."""
    until = monotonic() + seconds
    while monotonic() < until:
        if found := what():
            return found
        pause(0.02)
    raise AssertionError("it did not come")


@contextmanager
def a_hosting() -> Iterator[Hosting]:
    elsewhere = Elsewhere()
    try:
        with a_site(origins=(elsewhere.url,)) as site:
            yield Hosting(site, elsewhere)
    finally:
        elsewhere.close()
