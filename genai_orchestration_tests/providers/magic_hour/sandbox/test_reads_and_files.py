"""Magic Hour's sandbox speaks the vendor's contract: keys, the account, saved items, and files."""

from datetime import datetime

import magic_hour
import pytest
import requests

from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.png import SIGNATURE
from genai_orchestration_tests.providers.magic_hour.sandbox.client import Json, call, get

DAY = 86_400


# --- the door ---------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Authorization": "sandbox"}, {"x-api-key": "sandbox"}])
def test_a_call_without_the_key_is_unauthorized(server: Sandbox, headers: dict[str, str]) -> None:
    response = call(server, "GET", "/v1/account", headers=headers)
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})


@pytest.mark.parametrize(
    "path",
    ["/v1/v1/account", "/v1/credits", "/v1/models", "/v1/status", "/account", "/v1/account/"],
)
def test_what_the_vendor_does_not_have_is_not_found(server: Sandbox, path: str) -> None:
    response = get(server, path)
    assert (response.status_code, response.json()) == (404, {"message": "Not Found"})


def test_a_create_is_not_a_thing_to_get(server: Sandbox) -> None:
    response = get(server, "/v1/ai-image-generator")
    assert (response.status_code, list(response.json())) == (405, ["message"])


# --- reads ------------------------------------------------------------------------------------


def test_the_account_has_credits_and_a_subscription(client: magic_hour.Client) -> None:
    account = client.v1.account.list()
    assert (account.credits, account.tier) == (100_000, "pro")
    assert account.subscription is not None
    assert account.subscription.status == "active"


def test_a_free_account_has_no_subscription(
    client: magic_hour.Client, state: MagicHourSandbox
) -> None:
    state.account.tier = "free"
    assert client.v1.account.list().subscription is None


def test_the_vendors_example_ids_exist_as_finished_jobs(client: magic_hour.Client) -> None:
    assert client.v1.image_projects.get(id="cuid-example").status == "complete"
    video = client.v1.video_projects.get(id="cuid-example")
    assert (video.credits_charged, video.fps) == (240, 24)
    assert video.download is not None
    assert video.download.url == video.downloads[0].url
    assert client.v1.audio_projects.get(id="cuid-example").downloads
    assert len(client.v1.face_detection.get(id="uuid-example").faces) == 2


def test_saved_items_come_newest_first_by_cursor(client: magic_hour.Client) -> None:
    ids, cursor = [], None
    for _ in range(3):
        page = client.v1.saved_items.list(**({"cursor": cursor} if cursor else {}))
        ids += [item.id for item in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert ids == [f"cms{number}" for number in range(45, 0, -1)]
    voices = client.v1.saved_items.list(type_="voice", limit=100)
    assert {item.assets[0].media_kind for item in voices.items} == {"AUDIO"}
    assert (len(voices.items), voices.next_cursor) == (9, None)


@pytest.mark.parametrize("query", [{"cursor": "%%"}, {"limit": "0"}, {"type": "shoe"}])
def test_saved_items_refuse_what_they_do_not_know(server: Sandbox, query: dict[str, str]) -> None:
    response = get(server, "/v1/saved-items", **query)
    assert (response.status_code, list(response.json())) == (400, ["message"])


def test_a_saved_asset_can_be_downloaded(client: magic_hour.Client) -> None:
    asset = client.v1.saved_items.list(type_="character", limit=1).items[0].assets[0]
    assert requests.get(asset.url, timeout=10).content.startswith(SIGNATURE)


# --- files ------------------------------------------------------------------------------------


def test_every_read_signs_fresh_urls_for_a_day(server: Sandbox) -> None:
    first, second = (
        get(server, "/v1/image-projects/cuid-example").json()["downloads"][0] for _ in range(2)
    )
    assert first["url"] != second["url"]
    expires = datetime.fromisoformat(first["expires_at"].replace("Z", "+00:00"))
    assert (expires - server.clock.now()).total_seconds() == DAY
    server.clock.advance(DAY - 1)
    assert requests.get(first["url"], timeout=10).status_code == 200
    server.clock.advance(1)
    assert requests.get(first["url"], timeout=10).status_code == 403


def test_an_unsigned_url_opens_nothing(server: Sandbox) -> None:
    url = get(server, "/v1/image-projects/cuid-example").json()["downloads"][0]["url"]
    for spoilt in (url.partition("?")[0], url.replace("output-0", "output-1"), url + "0"):
        assert requests.get(spoilt, timeout=10).status_code == 403


def test_uploads_are_checked_and_signed(server: Sandbox) -> None:
    def ask(*items: Json) -> requests.Response:
        return call(server, "POST", "/v1/files/upload-urls", json={"items": list(items)})

    assert ask().status_code == 400
    assert ask({"type": "text", "extension": "txt"}).status_code == 400
    assert ask({"type": "image", "extension": "P.NG"}).status_code == 400
    refused = ask({"type": "image", "extension": "mp4"})
    assert refused.status_code == 422
    assert "png, jpg" in refused.json()["message"]
    both = ask({"type": "image", "extension": "png"}, {"type": "audio", "extension": "mp3"})
    assert [each["file_path"][-3:] for each in both.json()["items"]] == ["png", "mp3"]
    bare = both.json()["items"][0]["upload_url"].partition("?")[0]
    assert requests.put(bare, data=b"x", timeout=10).status_code == 403
