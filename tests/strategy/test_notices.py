"""A notice that was served says the same for ever: other words need another version, and earlier ones stay."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.doors import a_server, own, running
from support.people import NOON, grocery
from visavis.cli import app
from visavis.model.consent import hash_of, notice_text
from visavis.model.errors import Invalid
from visavis.model.moment import Noticed
from visavis.strategy.file_names import LOCK
from visavis.strategy.notices import lock
from visavis.strategy.read import read

pytestmark = pytest.mark.anyio
WORDS = "To know that you enter one of our shops."
OLD = "Knowing that you enter one of our shops, to speak in the right place."
ANOTHER_VERSION = ("2026-1", "2026-2")
EARLIER = f"""
[place-moment.notice.versions.2026-1]
text = {{ fr = "Savoir que vous entrez dans un de nos magasins, pour vous parler au bon endroit.", en = "{OLD}" }}
"""
PURPOSE = "/v1/people/bo/purposes/place-moment"
PROOF = {"method": "paper form", "document": "form 7", "at": (NOON - timedelta(days=9)).isoformat()}


def strategy(old: str = "", new: str = "", *, version: bool = False, earlier: str = "") -> dict[str, bytes]:
    """The example with another text in its purposes; ``version``: place-moment's notice is 2026-2."""
    text = grocery()["purposes.toml"].decode()
    assert old in text
    head, table, rest = (text.replace(old, new) if old else text).partition("[place-moment]")
    rest = rest.replace(*ANOTHER_VERSION, 1) if version else rest
    rest = rest.replace("\n\n[reminders]", f"{earlier}\n\n[reminders]", 1)
    return grocery() | {"purposes.toml": f"{head}{table}{rest}".encode()}


def locked() -> dict[str, bytes]:
    return {LOCK: lock(read(grocery()).purposes).encode()}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (strategy(OLD, WORDS), "the notice place-moment/2026-1/en is not the one that was locked"),
        (strategy('categories = ["places"]', 'categories = ["places", "orders"]'), "another scope"),
        (strategy(OLD, WORDS, version=True), "the notice place-moment/2026-1 was served, and is missing"),
        (strategy(version=True, earlier=EARLIER.replace(OLD, WORDS)), "is not the one that was locked"),
        (strategy(earlier=EARLIER), "is the present version"),
    ],
)
def test_lint_refuses_other_words_under_a_version_that_was_locked(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(files | locked())


def test_words_that_are_as_they_were_may_stay_under_another_version() -> None:
    for files in (strategy(), strategy(version=True, earlier=EARLIER)):
        assert read(files | locked()).version


def test_lint_writes_the_lock_and_reads_it(tmp_path: Path) -> None:
    for name, data in grocery().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert CliRunner().invoke(app, ["lint", str(tmp_path), "--lock"]).exit_code == 0
    digest = hash_of(notice_text(read(grocery()).purposes["home"], "fr"))
    assert f'"home/2026-1/fr" = "{digest}"' in (tmp_path / LOCK).read_text()
    (tmp_path / "purposes.toml").write_bytes(strategy(OLD, WORDS)["purposes.toml"])
    assert CliRunner().invoke(app, ["lint", str(tmp_path)]).exit_code != 0


def test_a_server_refuses_to_start_with_other_words_than_it_served(tmp_path: Path) -> None:
    def starts(files: dict[str, bytes]) -> None:
        server = a_server(tmp_path, files=files)
        server.access_keys.close()
        server.log.close()

    starts(strategy())
    with pytest.raises(Invalid, match=r"place-moment/2026-1/en\. Give it another version"):
        a_server(tmp_path, files=strategy(OLD, WORDS))
    starts(strategy(OLD, WORDS, version=True))
    with pytest.raises(Invalid, match="place-moment/2026-1/en"):
        a_server(tmp_path, files=strategy(OLD, WORDS))


async def test_a_consent_under_an_earlier_notice_keeps_its_words_and_is_shown_as_such() -> None:
    server = a_server(files=strategy(version=True, earlier=EARLIER))
    async with running(server) as brand, own(server, "bo") as person:
        without = await brand.put(PURPOSE, json={"on": True, "notice": "2026-1"})
        assert without.status_code == 403
        choice = {"on": True, "notice": "2026-1", "proof": PROOF}
        told = await brand.put(PURPOSE, json=choice, params={"language": "en"})
        assert told.status_code == 200
        assert next(one["on"] for one in told.json() if one["purpose"] == "place-moment")
        [served] = [
            e.moment for e in server.log.of("bo") if isinstance(e.moment, Noticed) and e.moment.notice == "2026-1"
        ][-1:]
        assert served.text == OLD
        page = (await person.get("/me", params={"language": "en"})).text
        assert "Given under an earlier notice (2026-1)." in page
        record = (await person.get(f"{PURPOSE}/receipt", params={"format": "record"})).json()
        assert record["dpv:hasNotice"]["dct:identifier"] == "2026-1"
        assert record["dpv:hasNotice"]["dct:description"] == OLD
        own_device = await person.put(PURPOSE, json=choice)
        assert own_device.status_code == 403, "a person reads the present notice"
