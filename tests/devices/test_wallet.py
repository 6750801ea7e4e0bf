"""A pass whose signature OpenSSL accepts, and a telephone that goes through the whole protocol."""

import json
import re
import subprocess
from collections.abc import Iterator
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from msgspec.structs import replace
from PIL import Image

from support.devices.apns import Apns
from support.devices.authority import Authority
from support.devices.far_ends import until
from support.people import STRATEGY
from support.site import Site, a_site
from visavis.config import Wallet
from visavis.devices.wallet.pass_file import locations, signer
from visavis.model.errors import Invalid
from visavis.model.moment import Worn

TYPE = "pass.org.example.visavis"
WATCH = "apple-watch-46"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def wallet(authority: Authority) -> Wallet:
    certificate, key = authority.gives("pass")
    return Wallet(
        TYPE, "TEAM123456", str(certificate), str(key), str(authority.folder / "ca.pem"), "https://visavis.example", ""
    )


@pytest.fixture
def apns(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apns]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.folder / "ca.pem"))
    certificate, key = authority.gives("apns", signing=False)
    found = Apns(certificate, key, authority.folder / "ca.pem")
    yield found
    found.close()


@pytest.fixture
def site(wallet: Wallet) -> Iterator[Site]:
    with a_site(wallet=wallet) as found:
        yield found


class Telephone:
    """An iPhone, as far as its Wallet is concerned: it believes the pass, and speaks as Apple's reference says."""

    def __init__(self, site: Site, name: str = "camille", *, library: str = "a0b1c2d3e4f5", watch: str = WATCH) -> None:
        self.site, self.library = site, library
        if not site.entries(name):
            site.person(name, "place-moment", "reminders")
            site.process(Worn(id="watch", customer=name, occurred_at=site.clock.now(), device="w1", profile=watch))
        self.name = name
        self.key: str = site.call(lambda: site.server.access_keys.issue("device", name, profile=watch))
        self.last_modified = self.tag = ""
        self.take(
            httpx.get(f"{site.url}/phone/pass.pkpass?language=fr", headers={"authorization": f"Bearer {self.key}"})
        )

    def take(self, answer: httpx.Response) -> None:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.apple.pkpass")
        self.files = {
            name: data
            for archive in [ZipFile(BytesIO(answer.content))]
            for name in archive.namelist()
            for data in [archive.read(name)]
        }
        self.told: dict[str, Any] = json.loads(self.files["pass.json"])
        self.last_modified = answer.headers.get("last-modified", "")

    @property
    def serial(self) -> str:
        return str(self.told["serialNumber"])

    @property
    def shows(self) -> dict[str, Any]:
        found: dict[str, Any] = self.told["storeCard"]["primaryFields"][0]
        return found

    def asks(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        if token != "":
            headers["authorization"] = f"ApplePass {self.told['authenticationToken'] if token is None else token}"
        base = self.told["webServiceURL"].replace("https://visavis.example", self.site.url)
        return httpx.request(method, f"{base}/v1/{path}", headers=headers, **more)

    def registration(self, serial: str = "") -> str:
        return f"devices/{self.library}/registrations/{TYPE}/{serial or self.serial}"

    def registers(self, push_token: str = "ab12" * 16, **more: Any) -> int:
        return self.asks("POST", self.registration(), json={"pushToken": push_token}, **more).status_code

    def changed(self) -> list[str]:
        """Which passes changed since the last time that this was asked."""
        since = f"?passesUpdatedSince={self.tag}" if self.tag else ""
        answer = self.asks("GET", f"devices/{self.library}/registrations/{TYPE}{since}", token="")
        if answer.status_code == 204:
            return []
        assert isinstance(answer.json()["lastUpdated"], str)
        self.tag = answer.json()["lastUpdated"]
        return list(answer.json()["serialNumbers"])

    def fetches(self) -> int:
        answer = self.asks(
            "GET",
            f"passes/{TYPE}/{self.serial}",
            headers={"if-modified-since": self.last_modified} if self.last_modified else {},
        )
        if answer.status_code == 200:
            self.take(answer)
        return answer.status_code


@pytest.mark.parametrize("watch", ["apple-watch-38", "apple-watch-42", WATCH, "apple-watch-ultra"])
def test_openssl_accepts_the_signature_and_the_manifest_names_every_file(
    site: Site, authority: Authority, tmp_path: Path, watch: str
) -> None:
    phone = Telephone(site, watch=watch)
    for name in ("manifest.json", "signature"):
        (tmp_path / name).write_bytes(phone.files[name])
    said = [
        "openssl",
        "cms",
        "-verify",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "signature",
        "-content",
        "manifest.json",
        "-CAfile",
        str(authority.folder / "ca.pem"),
    ]
    done = subprocess.run([*said, "-out", "/dev/null"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "manifest.json").write_bytes(phone.files["manifest.json"].replace(b"a", b"b", 1))
    assert subprocess.run([*said, "-out", "/dev/null"], cwd=tmp_path, capture_output=True, check=False).returncode != 0

    manifest = json.loads(phone.files["manifest.json"])
    assert manifest == {
        name: sha1(data).hexdigest() for name, data in phone.files.items() if name not in ("manifest.json", "signature")
    }
    text = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    ).stdout
    assert b"signingTime" in text
    assert b"Authority of the tests" in text
    for name, size in {"icon.png": (29, 29), "icon@2x.png": (58, 58), "icon@3x.png": (87, 87)}.items():
        assert Image.open(BytesIO(phone.files[name])).size == size


def test_a_pass_says_the_brand_and_its_places_and_nothing_about_the_person(site: Site) -> None:
    site.person("ana", "place-moment", "reminders", first_name="Anatole")
    phone = Telephone(site, "ana")
    text = phone.files["pass.json"].decode()
    assert not re.search("ana\\b|Anatole|purchas|card of", text)
    assert (phone.told["passTypeIdentifier"], phone.told["teamIdentifier"], phone.told["organizationName"]) == (
        TYPE,
        "TEAM123456",
        "Le Marché du Coin",
    )
    assert phone.told["formatVersion"] == 1
    assert len(phone.told["authenticationToken"]) >= 16
    assert phone.shows == {"key": "card", "value": "Rien pour l’instant"}
    assert {place["relevantText"] for place in phone.told["locations"]} >= {"Rue Haute", "Place du Pont"}
    assert null_free(phone.told)


def null_free(value: Any) -> bool:
    if isinstance(value, dict):
        return all(null_free(one) for one in value.values())
    return all(null_free(one) for one in value) if isinstance(value, list) else value is not None


def test_at_most_ten_places_shops_first_each_at_its_centre() -> None:
    many = {f"p{number:02}": replace(STRATEGY.places["s1-front"], id=f"p{number:02}") for number in range(20)} | {
        "s2": STRATEGY.places["s2"]
    }
    found = locations(many)
    assert len(found) == 10
    assert found[0]["relevantText"] == "Place du Pont"
    assert found[0]["latitude"] == pytest.approx(39.10745)
    assert found[0]["longitude"] == pytest.approx(-84.49535)


def test_a_telephone_walks_the_whole_protocol(wallet: Wallet, apns: Apns) -> None:
    with a_site(wallet=replace(wallet, push_url=apns.url)) as site:
        phone = Telephone(site)
        assert phone.registers() == 201
        assert phone.registers() == 200
        assert phone.changed() == [phone.serial]
        assert phone.changed() == []
        assert phone.fetches() == 200
        assert phone.fetches() == 304

        show = site.enters("camille")
        assert show is not None
        assert show.device == WATCH
        ((path, topic, body, version),) = apns.waits(1)
        assert (path, topic, body, version) == (f"/3/device/{'ab12' * 16}", TYPE, b"{}", "2")
        assert phone.changed() == [phone.serial]
        assert phone.fetches() == 200
        assert phone.shows["changeMessage"] == "%@"
        assert phone.shows["label"] == "Rue Haute"
        assert phone.shows["value"] not in ("", "Rien pour l’instant")
        assert any(field["key"] == "why" for field in phone.told["storeCard"]["backFields"])
        assert phone.fetches() == 304

        site.withdraws("camille", show.purpose)
        apns.waits(2)  # recalled
        assert phone.changed() == [phone.serial]
        assert phone.fetches() == 200
        assert phone.shows == {"key": "card", "value": "Rien pour l’instant"}, (
            "no change message: that it is over is announced to nobody"
        )

        assert phone.asks("POST", "log", token="", json={"logs": ["camille had trouble"]}).status_code == 200
        assert phone.asks("DELETE", phone.registration()).status_code == 200
        assert phone.changed() == []
        passes = site.server.external_channels.wallet
        assert passes is not None
        assert not site.call(lambda: passes.reaches("camille", WATCH))


def test_a_card_that_is_over_leaves_the_pass_by_itself(site: Site) -> None:
    phone = Telephone(site)
    phone.registers()
    phone.changed()
    assert site.enters("camille") is not None
    assert phone.changed() == [phone.serial]
    phone.fetches()
    assert phone.shows["value"] != "Rien pour l’instant"
    site.passes(700.0)
    assert phone.changed() == [phone.serial]
    assert phone.fetches() == 200
    assert phone.shows["value"] == "Rien pour l’instant"


def test_the_token_of_one_pass_opens_no_other_and_nothing_tells_what_exists(site: Site) -> None:
    mine, theirs = Telephone(site, "ana"), Telephone(site, "bo", library="feed")
    wrong = theirs.told["authenticationToken"]
    unknown = []
    for token in (wrong, "", "x" * 48):
        assert mine.asks("GET", f"passes/{TYPE}/{mine.serial}", token=token).status_code == 401
        assert mine.asks("POST", mine.registration(), token=token, json={"pushToken": "ab"}).status_code == 401
        assert mine.asks("DELETE", mine.registration(), token=token).status_code == 401
        unknown.append(mine.asks("GET", f"passes/{TYPE}/{'0' * 24}", token=token).json()["detail"])
    assert set(unknown) == {mine.asks("GET", f"passes/{TYPE}/{mine.serial}", token=wrong).json()["detail"]}
    assert mine.asks("GET", f"passes/pass.other/{mine.serial}").status_code == 401
    right = mine.told["authenticationToken"]
    base = f"{site.url}/wallet/v1/passes/{TYPE}/{mine.serial}"
    assert httpx.get(base, headers={"authorization": f"Bearer {right}"}).status_code == 401
    assert (
        httpx.get(base, headers={"authorization": f"ApplePass {right}", "if-modified-since": "tomorrow"}).status_code
        == 200
    )
    assert httpx.get(base, headers=[(b"authorization", "ApplePass é".encode())]).status_code == 401
    assert httpx.get(f"{site.url}/phone/pass.pkpass").status_code == 401

    site.call(lambda: site.server.access_keys.revoke(site.server.access_keys.check(mine.key).id))
    assert mine.fetches() == 401, "a revoked watch's pass is fetched no more"
    assert theirs.fetches() == 200


def test_many_identifiers_of_one_telephone_are_bounded_and_malformed_ones_refused(site: Site) -> None:
    phone = Telephone(site)
    for number in range(40):
        phone.library = f"lib{number}"
        assert phone.registers() == 201
    kept = site.call(lambda: site.server.external_channels.addresses.under("camille", "wallet:", phone.serial))
    assert len(kept) == 32
    assert "wallet:lib39" in kept
    assert "wallet:lib0" not in kept
    for token in ("", "../../x", "a b", "é" * 8, "a" * 300):
        assert phone.registers(token) == 422
    assert phone.asks("POST", phone.registration(), json={"pushToken": 7}).status_code == 422
    assert phone.asks("POST", phone.registration(), content=b"not json").status_code == 422
    phone.library = "x" * 200
    assert phone.registers() == 422


def test_a_registration_that_apple_no_longer_knows_is_deleted(wallet: Wallet, apns: Apns) -> None:
    with a_site(wallet=replace(wallet, push_url=apns.url)) as site:
        phone = Telephone(site)
        phone.registers()
        apns.status = [(410, b'{"reason":"Unregistered"}')]
        assert site.enters("camille") is not None
        apns.waits(1)
        until(
            lambda: (
                not site.call(lambda: site.server.external_channels.addresses.under("camille", "wallet:", phone.serial))
            )
        )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"team": ""}, "team"),
        ({"url": "http://x"}, "url"),
        ({"key": "/nowhere"}, "key"),
        ({"certificate": "/nowhere"}, "certificate"),
        ({"issuer": ""}, "issuer"),
    ],
)
def test_what_is_missing_of_an_account_is_named(wallet: Wallet, changed: dict[str, str], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        signer(replace(wallet, **changed))


def test_a_key_that_is_not_the_certificates_and_files_that_are_none_are_named(
    wallet: Wallet, authority: Authority, tmp_path: Path
) -> None:
    _, other = authority.gives("other")
    with pytest.raises(Invalid, match=r"not that of"):
        signer(replace(wallet, key=str(other)))
    (tmp_path / "x").write_text("camille")
    with pytest.raises(Invalid, match=r"wallet\.key") as caught:
        signer(replace(wallet, key=str(tmp_path / "x")))
    assert "camille" not in str(caught.value)


def test_without_an_account_the_address_of_the_pass_says_so() -> None:
    with a_site() as site:
        told = httpx.get(f"{site.url}/phone/pass.pkpass")
        assert (told.status_code, "wallet" in told.json()["advice"]) == (503, True)
