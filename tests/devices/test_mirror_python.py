"""Google's Python client drives the timeline, built from the description that the server gives of itself."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]
from googleapiclient.http import MediaIoBaseUpload  # type: ignore[import-untyped]

from support.devices.mirror_site import PNG, Mirrored, a_mirror
from visavis.model.moment import Answered, Displayed, Entered


@pytest.fixture(scope="module")
def mirror() -> Iterator[Mirrored]:
    with a_mirror() as found:
        yield found


def client(mirror: Mirrored, token: str) -> Any:
    where = mirror.site.url + "/discovery/v1/apis/{api}/{apiVersion}/rest"
    return build(
        "mirror",
        "v1",
        credentials=Credentials(token),  # type: ignore[no-untyped-call]
        discoveryServiceUrl=where,
        static_discovery=False,
        cache_discovery=False,
    )


@pytest.fixture
def person(mirror: Mirrored) -> Iterator[tuple[str, Any]]:
    name, token = mirror.somebody()
    found = client(mirror, token)
    yield name, found
    found.close()


def test_our_card_is_an_item_whose_menu_is_yes_and_no_and_which_is_gone_once_answered(
    mirror: Mirrored, person: tuple[str, Any]
) -> None:
    name, api = person
    show = mirror.site.enters(name)
    assert show is not None

    [item] = api.timeline().list().execute()["items"]
    opened = api.timeline().get(id=item["id"]).execute()
    api.timeline().delete(id=item["id"]).execute()
    left = api.timeline().list(includeDeleted=True).execute()["items"]

    assert item["id"] == show.id
    assert [(one["action"], one.get("id")) for one in item["menuItems"]] == [
        ("CUSTOM", "yes"),
        ("CUSTOM", "no"),
        ("READ_ALOUD", None),
    ]
    assert item["notification"] == {"level": "DEFAULT"}
    assert item["html"].startswith("<article>")
    assert item["speakableText"].startswith(item["text"].split("\n")[0])
    assert opened == item
    assert left == [{"kind": "mirror#timelineItem", "id": show.id, "isDeleted": True}]
    seen, said = [entry.moment for entry in mirror.site.entries(name) if isinstance(entry.moment, Displayed | Answered)]
    assert isinstance(seen, Displayed)
    assert isinstance(said, Answered)
    assert said.answer == "no"
    with pytest.raises(HttpError, match="403"):
        api.timeline().patch(id=show.id, body={"text": "Buy more"}).execute()


def test_a_choice_on_the_glass_is_an_answer_and_the_client_sees_the_card_gone(mirror: Mirrored) -> None:
    name, token = mirror.somebody()
    api = client(mirror, token)
    show = mirror.site.enters(name)
    assert show is not None
    head = {"authorization": f"Bearer {token}"}

    said = httpx.post(
        f"{mirror.site.url}/glass/act",
        json={"itemId": show.id, "userActions": [{"type": "CUSTOM", "payload": "yes"}]},
        headers=head,
    )
    again = httpx.post(
        f"{mirror.site.url}/glass/act",
        json={"itemId": show.id, "userActions": [{"type": "CUSTOM", "payload": "no"}]},
        headers=head,
    )
    items = api.timeline().list().execute()["items"]
    api.close()

    assert said.json() == again.json() == {"answer": "yes"}
    assert items == []
    assert mirror.listener.heard == [], "what a person answers us is told to nobody else"


def test_an_item_lives_its_whole_life(person: tuple[str, Any]) -> None:
    _, api = person

    made = (
        api.timeline().insert(body={"text": "Pain", "bundleId": "b", "sourceItemId": "s1", "isDeleted": True}).execute()
    )
    patched = (
        api.timeline()
        .patch(
            id=made["id"], body={"text": None, "html": "<p onclick='x()'>Pain</p><script>x</script>", "bundleId": "c"}
        )
        .execute()
    )
    updated = api.timeline().update(id=made["id"], body={"text": "Fini", "sourceItemId": "s2"}).execute()
    found = api.timeline().list(sourceItemId="s2").execute()["items"]
    other = api.timeline().list(sourceItemId="s1").execute()["items"]
    api.timeline().delete(id=made["id"]).execute()
    gone = api.timeline().get(id=made["id"]).execute()

    assert "isDeleted" not in made
    assert patched["html"] == "<p>Pain</p>"
    assert "text" not in patched
    assert patched["bundleId"] == "c"
    assert (updated["text"], updated["created"], "html" in updated) == ("Fini", made["created"], False)
    assert found == [updated]
    assert other == []
    assert gone == {"kind": "mirror#timelineItem", "id": made["id"], "isDeleted": True}
    with pytest.raises(HttpError, match="404"):
        api.timeline().update(id=made["id"], body={"text": "again"}).execute()


def test_pages_hold_each_item_once_in_order_and_only_the_fields_asked_for(person: tuple[str, Any]) -> None:
    _, api = person
    for number in range(7):
        api.timeline().insert(body={"text": str(number), "displayTime": f"2026-11-2{number % 4}T10:00:00Z"}).execute()

    pages, request = [], api.timeline().list(maxResults=3, fields="items(text,displayTime),nextPageToken")
    while request is not None:
        page = request.execute()
        pages.append(page["items"])
        request = api.timeline().list_next(request, page)

    items = [item for page in pages for item in page]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(item["text"] for item in items) == list("0123456")
    assert [item["displayTime"] for item in items] == sorted([item["displayTime"] for item in items], reverse=True)
    assert {name for item in items for name in item} == {"text", "displayTime"}


@pytest.mark.parametrize("resumable", [False, True])
@pytest.mark.parametrize("size", [1, 700_000])
def test_bytes_come_back_as_they_went(person: tuple[str, Any], size: int, resumable: bool) -> None:
    _, api = person
    data = (b"\r\n--\n" + bytes(range(256))) * (size // 261 + 1)
    data = data[:size]

    with_media = MediaIoBaseUpload(
        BytesIO(data), "image/png", chunksize=256 * 1024 if resumable else -1, resumable=resumable
    )
    item = api.timeline().insert(body={"text": "photo"}, media_body=with_media).execute()
    more = MediaIoBaseUpload(BytesIO(b"sound"), "audio/ogg", resumable=resumable)
    attachment = api.timeline().attachments().insert(itemId=item["id"], media_body=more).execute()
    listed = api.timeline().attachments().list(itemId=item["id"]).execute()["items"]
    back = (
        api.timeline().attachments().get_media(itemId=item["id"], attachmentId=item["attachments"][0]["id"]).execute()
    )
    api.timeline().attachments().delete(itemId=item["id"], attachmentId=attachment["id"]).execute()

    assert back == data
    assert item["text"] == "photo"
    assert [one["contentType"] for one in listed] == ["image/png", "audio/ogg"]
    assert listed[1] == attachment
    assert len(api.timeline().attachments().list(itemId=item["id"]).execute()["items"]) == 1
    with pytest.raises(HttpError, match="404"):
        api.timeline().attachments().get(itemId=item["id"], attachmentId=attachment["id"]).execute()


def test_an_update_may_bring_a_picture(person: tuple[str, Any]) -> None:
    _, api = person
    item = api.timeline().insert(body={"text": "a"}).execute()

    updated = (
        api.timeline()
        .update(id=item["id"], body={"text": "b"}, media_body=MediaIoBaseUpload(BytesIO(PNG), "image/png"))
        .execute()
    )

    assert (updated["id"], updated["text"], len(updated["attachments"])) == (item["id"], "b", 1)


def test_contacts_are_kept(person: tuple[str, Any]) -> None:
    _, api = person
    body = {
        "id": "list",
        "displayName": "My list",
        "imageUrls": ["https://example.org/a.png"],
        "acceptCommands": [{"type": "TAKE_A_NOTE"}],
    }

    api.contacts().insert(body=body).execute()
    api.contacts().patch(id="list", body={"displayName": "Our list"}).execute()
    found = api.contacts().get(id="list").execute()
    api.contacts().update(id="list", body=body | {"priority": 3}).execute()
    listed = api.contacts().list().execute()["items"]
    api.contacts().delete(id="list").execute()

    assert found == body | {"kind": "mirror#contact", "displayName": "Our list"}
    assert listed == [body | {"kind": "mirror#contact", "priority": 3}]
    assert api.contacts().list().execute()["items"] == []
    with pytest.raises(HttpError, match="400"):
        api.contacts().insert(body={"id": "nameless"}).execute()


def test_a_subscriber_is_told_what_was_done_with_its_item(mirror: Mirrored) -> None:
    _, token = mirror.somebody()
    api = client(mirror, token)
    menu = [
        {"id": "keep", "action": "CUSTOM", "removeWhenSelected": True, "values": [{"displayName": "Keep"}]},
        {"action": "DELETE"},
    ]
    item = api.timeline().insert(body={"text": "List", "menuItems": menu}).execute()
    address = mirror.listener.url + "/told"
    made = (
        api.subscriptions()
        .insert(body={"collection": "timeline", "callbackUrl": address, "userToken": "me", "verifyToken": "s"})
        .execute()
    )
    mirror.listener.heard.clear()

    for action in ({"type": "CUSTOM", "payload": "keep"}, {"type": "PIN"}, {"type": "WINK"}, {"type": "DELETE"}):
        body = {"itemId": item["id"], "userActions": [action]}
        assert (
            httpx.post(
                f"{mirror.site.url}/glass/act", json=body, headers={"authorization": f"Bearer {token}"}
            ).status_code
            == 200
        )
        if action["type"] == "PIN":
            [kept] = api.timeline().list(pinnedOnly=True).execute()["items"]
    heard = mirror.listener.wait(3)
    api.subscriptions().update(
        id=made["id"], body={"collection": "timeline", "callbackUrl": address, "operation": ["DELETE"]}
    ).execute()
    api.subscriptions().delete(id=made["id"]).execute()

    common = {"collection": "timeline", "itemId": item["id"], "userToken": "me", "verifyToken": "s"}
    assert sorted(heard, key=lambda one: one["userActions"][0]["type"]) == [
        common | {"operation": "UPDATE", "userActions": [{"type": "CUSTOM", "payload": "keep"}]},
        common | {"operation": "DELETE", "userActions": [{"type": "DELETE", "payload": ""}]},
        common | {"operation": "UPDATE", "userActions": [{"type": "PIN", "payload": ""}]},
    ]
    assert [one["action"] for one in kept["menuItems"]] == ["DELETE"]
    assert api.subscriptions().list().execute()["items"] == []
    api.close()


def test_a_position_becomes_a_place_or_nothing(mirror: Mirrored, person: tuple[str, Any]) -> None:
    name, api = person
    place = mirror.site.server.strategy.places["s1"]

    with pytest.raises(HttpError, match="403"):
        api.locations().insert(body={"latitude": 10.0, "longitude": 10.0}).execute()
    assert api.locations().list().execute()["items"] == []
    here = (
        api.locations()
        .insert(body={"latitude": place.latitude, "longitude": place.longitude, "accuracy": 12})
        .execute()
    )

    assert here["displayName"] == place.name
    assert api.locations().get(id="latest").execute() == here
    assert api.locations().list().execute()["items"] == [here]
    assert [entry.moment.place for entry in mirror.site.entries(name) if isinstance(entry.moment, Entered)] == ["s1"]
    assert len(api.timeline().list().execute()["items"]) == 1, "entering is what wakes a card"

    for purpose in ("place-moment", "reminders"):
        mirror.site.withdraws(name, purpose)
    assert api.locations().list().execute()["items"] == []
    assert api.timeline().list().execute()["items"] == []
    with pytest.raises(HttpError, match="403"):
        api.locations().insert(body={"latitude": place.latitude, "longitude": place.longitude}).execute()


def test_settings_are_the_persons_language_and_the_brands_zone(person: tuple[str, Any]) -> None:
    _, api = person

    assert api.settings().get(id="locale").execute() == {"kind": "mirror#setting", "id": "locale", "value": "fr"}
    assert api.settings().get(id="timezone").execute()["value"] == "America/New_York"
    with pytest.raises(HttpError, match="404"):
        api.settings().get(id="password").execute()
