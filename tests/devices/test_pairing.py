"""A device is somebody's by a code that counts once, and nobody's the moment it is revoked."""

import re
import time
from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.site import EVERYTHING, Site, a_site
from visavis.devices.registry import (
    SHIFT_LIMIT_S,
    VALID_S,
    WRONG_LIMIT,
    WRONG_OF_ALL_LIMIT,
    WRONG_WITHIN_S,
    Registry,
    TooMany,
)
from visavis.http.access_keys import AccessKeys, InvalidKey
from visavis.model.errors import Invalid, Refused
from visavis.model.shown import DeviceState
from visavis.rights.one_time_codes import ALPHABET, CODE_LENGTH
from visavis.strategy.screens import DEVICES


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as found:
        yield found


class Asking:
    """Somebody with a key, or nobody."""

    def __init__(self, site: Site, key: str = "") -> None:
        self._url = site.url
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def _asked(self, method: str, path: str, body: object = None) -> httpx.Response:
        return httpx.request(method, self._url + path, json=body, headers=self._headers, trust_env=False)

    def post(self, path: str, **body: object) -> httpx.Response:
        return self._asked("POST", path, body)

    def get(self, path: str) -> httpx.Response:
        return self._asked("GET", path)

    def delete(self, path: str) -> httpx.Response:
        return self._asked("DELETE", path)


def pair(site: Site, code: str, profile: str = "google-glass-xe") -> httpx.Response:
    return Asking(site).post("/v1/devices/pair", code=code, profile=profile)


def test_a_code_becomes_a_key_once(site: Site) -> None:
    brand = Asking(site, site.key("brand"))
    offered = brand.post("/v1/devices/pairing", person="camille").json()

    assert re.fullmatch(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", offered["code"])
    assert offered["link"] == f"{site.url}/pair#{offered['code']}"
    assert offered["qr_svg"].startswith("<svg")
    paired = pair(site, offered["code"].lower().replace("-", " "))
    assert paired.status_code == 201
    assert {paired.json()[name] for name in ("role", "subject", "profile")} == {"device", "camille", "google-glass-xe"}
    assert pair(site, offered["code"]).status_code == 403


def test_a_code_is_forgotten_after_ten_minutes(site: Site) -> None:
    offered = Asking(site, site.key("brand")).post("/v1/devices/pairing", person="camille").json()

    site.passes(VALID_S + 1)

    assert pair(site, offered["code"]).status_code == 403


def test_a_person_pairs_their_own_devices_and_nobody_elses(site: Site) -> None:
    own = Asking(site, site.key("device", "camille"))

    code = own.post("/v1/devices/pairing").json()["code"]

    assert pair(site, code, "even-g2").json()["subject"] == "camille"
    assert own.post("/v1/devices/pairing", person="bo").status_code == 403
    assert own.get("/v1/devices?person=bo").status_code == 403
    assert own.get("/v1/devices?place=s1").status_code == 403
    assert Asking(site, site.key("till", "s1")).post("/v1/devices/pairing", person="camille").status_code == 403
    assert Asking(site).post("/v1/devices/pairing", person="camille").status_code == 401


def test_a_device_says_how_it_is_and_is_chosen_by_it(site: Site) -> None:
    site.person("camille", *EVERYTHING)
    brand = Asking(site, site.key("brand"))
    paired = pair(site, brand.post("/v1/devices/pairing", person="camille").json()["code"], "vuzix-m400").json()
    glasses = Asking(site, paired["key"])

    [before] = brand.get("/v1/devices?person=camille").json()
    assert (before["id"], before["name"], before["worn"], before["battery"]) == (paired["id"], "Vuzix M400", True, None)
    shown = site.enters("camille")
    assert shown is not None
    assert shown.device == "vuzix-m400"
    worn = {
        "kind": "worn",
        "id": "w1",
        "customer": "camille",
        "occurred_at": site.clock.now().isoformat(),
        "device": paired["id"],
        "profile": "vuzix-m400",
    }
    assert glasses.post("/v1/moments", **worn, battery=0.04, busy=True).status_code < 300
    [after] = glasses.get("/v1/devices").json()
    assert (after["worn"], after["battery"], after["busy"]) == (True, 0.04, True)


def test_a_revoked_device_is_out_at_once_and_chosen_no_more(site: Site) -> None:
    site.person("camille", *EVERYTHING)
    brand = Asking(site, site.key("brand"))
    paired = pair(site, brand.post("/v1/devices/pairing", person="camille").json()["code"]).json()
    lost = Asking(site, paired["key"])
    assert lost.get("/glasses/screen").status_code == 204
    with httpx.stream(
        "GET",
        f"{site.url}/glasses/stream",
        headers={"authorization": f"Bearer {paired['key']}"},
        trust_env=False,
        timeout=10,
    ) as stream:
        heard = stream.iter_bytes()
        next(heard)

        assert brand.delete(f"/v1/devices/{paired['id']}").status_code == 204

        list(heard)  # the stream ends by itself
    assert lost.get("/glasses/screen").status_code == 401
    assert brand.get("/v1/devices?person=camille").json() == []
    assert site.enters("camille") is None, "no screen is left on which to say it"


def test_nobody_revokes_what_is_not_theirs(site: Site) -> None:
    paired = pair(
        site, Asking(site, site.key("brand")).post("/v1/devices/pairing", person="camille").json()["code"]
    ).json()

    for other in (site.key("device", "bo"), site.key("adviser", "s1")):
        assert Asking(site, other).delete(f"/v1/devices/{paired['id']}").status_code == 404
    assert Asking(site).delete(f"/v1/devices/{paired['id']}").status_code == 401
    assert Asking(site, paired["key"]).get("/v1/devices").json()[0]["id"] == paired["id"]


def test_an_advisers_glasses_are_theirs_for_a_place_and_a_shift(site: Site) -> None:
    brand = Asking(site, site.key("brand"))
    code = brand.post("/v1/devices/pairing", place="s1", hours=4).json()["code"]
    paired = pair(site, code).json()
    glasses = Asking(site, paired["key"])
    assert (paired["role"], paired["subject"], paired["until"]) == (
        "adviser",
        "s1",
        pytest.approx(site.clock.now().timestamp() + 4 * 3600, abs=60),
    )
    assert glasses.get("/adviser/briefs").status_code == 200

    code = glasses.post("/v1/devices/pairing", hours=16).json()["code"]
    assert pair(site, code, "tablet").json()["until"] == paired["until"], (
        "what an adviser pairs ends with their own shift"
    )
    assert {one["profile"] for one in brand.get("/v1/devices?place=s1").json()} == {"google-glass-xe", "tablet"}
    site.passes(4 * 3600 + 1)
    assert glasses.get("/adviser/briefs").status_code == 401
    assert brand.get("/v1/devices?place=s1").json() == []


def test_what_cannot_be_paired_is_told(site: Site) -> None:
    brand = Asking(site, site.key("brand"))
    wrong: list[dict[str, object]] = [
        {},
        {"person": "a", "place": "s1"},
        {"place": "nowhere"},
        {"place": "s1", "hours": 17},
        {"place": "s1", "hours": -1},
        {"place": "s1", "hours": True},
        {"person": 3},
        {"person": "x" * 129},
        {"place": "s1", "hours": "8"},
        {"place": ["s1"]},
    ]

    for body in wrong:
        answer = brand.post("/v1/devices/pairing", **body)
        assert answer.status_code == 422, body
        assert answer.json()["advice"]


def test_guessing_is_slow_and_the_right_code_is_not_spent_by_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code = Asking(site, site.key("brand")).post("/v1/devices/pairing", person="camille").json()["code"]

    assert {pair(site, f"{number:08}").status_code for number in range(WRONG_LIMIT)} == {403}
    refused = pair(site, code)

    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= WRONG_WITHIN_S
    site.passes(WRONG_WITHIN_S + 1)
    assert pair(site, code).status_code == 429, "the clock of a rehearsal forgave an attempt"
    later = SimpleNamespace(time=lambda: time.time() + WRONG_WITHIN_S + 1)
    monkeypatch.setattr("limits.storage.memory.time", later)
    assert pair(site, code).status_code == 201


def test_guessing_from_many_addresses_is_slow_too() -> None:
    registry = Registry(AccessKeys(":memory:"), DEVICES, lambda: 1000.0)
    for number in range(WRONG_OF_ALL_LIMIT):
        with pytest.raises(Refused, match="not valid"):
            registry.pair("AAAA", "glasses", f"10.0.0.{number}")

    with pytest.raises(TooMany):
        registry.pair("AAAA", "glasses", "10.0.1.1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_text_is_a_code(code: str, profile: str) -> None:
    access = AccessKeys(":memory:")
    registry = Registry(access, DEVICES, lambda: 1000.0)
    registry.offer("device", "camille")

    with pytest.raises((Refused, Invalid)):
        registry.pair(code, profile if profile in DEVICES else "glasses", "10.0.0.1")
    assert access.listed() == []


def test_codes_are_drawn_from_all_that_there_are() -> None:
    registry = Registry(AccessKeys(":memory:"), DEVICES, lambda: 1000.0)
    codes = {registry.offer("device", "camille").code for _ in range(2000)}

    assert len(codes) == 2000
    assert set("".join(codes)) == {*ALPHABET, "-"}
    assert len(ALPHABET) ** CODE_LENGTH > 2**39


def test_an_unknown_profile_spends_no_code() -> None:
    registry = Registry(AccessKeys(":memory:"), DEVICES, lambda: 1000.0)
    code = registry.offer("device", "camille").code
    with pytest.raises(Invalid, match="no such profile"):
        registry.pair(code, "toaster", "10.0.0.1")

    assert registry.pair(code, "watch", "10.0.0.1")[1].profile == "watch"


def test_a_key_ends_with_its_shift_and_not_before(tmp_path: object) -> None:
    now = [1000.0]
    access = AccessKeys(f"{tmp_path}/keys.sqlite", b"k" * 32, now=lambda: now[0])
    token = access.issue("adviser", "s1", until=1000.0 + SHIFT_LIMIT_S)
    access.close()
    again = AccessKeys(f"{tmp_path}/keys.sqlite", b"k" * 32, now=lambda: now[0])
    key = again.check(token)
    now[0] += SHIFT_LIMIT_S - 1
    assert again.holds(key)
    now[0] += 1

    assert not again.holds(key)
    with pytest.raises(InvalidKey):
        again.check(token)
    again.close()


def test_a_device_that_never_reported_is_listed_without_a_state() -> None:
    registry = Registry(access := AccessKeys(":memory:"), DEVICES, lambda: 1000.0)
    registry.pair(registry.offer("device", "camille").code, "apple-watch-42", "10.0.0.1")
    access.issue("device", "bo")

    [silent] = registry.listed("device", "camille", {})
    [told] = registry.listed(
        "device", "camille", {silent.id: DeviceState("apple-watch-42", worn=True, battery=0.5, at=1000.0)}
    )

    assert (silent.name, silent.worn, silent.battery) == ("Apple Watch 42 mm", None, None)
    assert (told.worn, told.battery, told.busy) == (True, 0.5, False)
