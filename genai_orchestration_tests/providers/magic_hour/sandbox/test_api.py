"""Magic Hour's sandbox speaks the vendor's contract: to plain HTTP, and to the official SDK."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import magic_hour
import pytest
import requests
from make_api_request import ApiError

from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.sandbox.png import SIGNATURE

Json = dict[str, Any]
HEADERS = {"Authorization": "Bearer sandbox"}
IMAGE: Json = {"image_count": 1, "style": {"prompt": "a matte black sneaker"}}
UPSCALE: Json = {
    "scale_factor": 2,
    "assets": {"image_file_path": "https://cdn.example.com/hero.png"},
}
VIDEO: Json = {"end_seconds": 5, "style": {"prompt": "waves"}}
VOICE: Json = {"style": {"prompt": "Good morning to all", "voice_name": "Yoda"}}
FACES: Json = {"assets": {"target_file_path": "api-assets/u1/portrait.png"}}
DAY = 86_400


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield sandbox


@pytest.fixture
def state(server: Sandbox) -> MagicHourSandbox:
    sandbox: MagicHourSandbox = server.providers["magic_hour"]
    return sandbox


@pytest.fixture
def client(server: Sandbox) -> Iterator[magic_hour.Client]:
    with httpx.Client(timeout=10) as transport:
        yield magic_hour.Client(
            token="sandbox", base_url=server.base_url("magic_hour"), httpx_client=transport
        )


def call(server: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    options.setdefault("headers", HEADERS)
    return requests.request(method, server.base_url("magic_hour") + path, timeout=10, **options)


def get(server: Sandbox, path: str, **params: Any) -> requests.Response:
    return call(server, "GET", path, params=params)


def create(server: Sandbox, tool: str, body: Json) -> Json:
    response = call(server, "POST", f"/v1/{tool}", json=body)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def status(server: Sandbox, id: str, kind: str = "image") -> str:
    return str(get(server, f"/v1/{kind}-projects/{id}").json()["status"])


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


# --- the life of a job ------------------------------------------------------------------------


def test_an_image_is_queued_rendered_and_complete(
    server: Sandbox, client: magic_hour.Client, state: MagicHourSandbox
) -> None:
    made = client.v1.ai_image_generator.create(
        image_count=2,
        style={"prompt": "a matte black sneaker", "tool": "ai-photo-generator"},
        model="z-image-turbo",
        aspect_ratio="16:9",
        resolution="1k",
        name="hero",
    )
    assert (made.credits_charged, made.frame_cost) == (10, 10)
    assert (state.accepted, state.credits) == (1, 100_000 - 10)
    seen = []
    for seconds in (0, 1, 4):
        server.clock.advance(seconds)
        seen.append(client.v1.image_projects.get(id=made.id))
    assert [each.status for each in seen] == ["queued", "rendering", "complete"]
    assert [len(each.downloads) for each in seen] == [0, 0, 2]
    done = seen[-1]
    assert (done.name, done.type_, done.image_count, done.enabled) == ("hero", "AI_IMAGE", 2, True)
    pictures = [requests.get(each.url, timeout=10).content for each in done.downloads]
    assert len(set(pictures)) == 2
    assert all(picture.startswith(SIGNATURE) for picture in pictures)


@pytest.mark.parametrize(
    ("tool", "kind", "body", "seconds"),
    [
        ("ai-image-generator", "image", IMAGE, 5),
        ("ai-image-upscaler", "image", UPSCALE, 8),
        ("text-to-video", "video", VIDEO, 12),
        ("ai-voice-generator", "audio", VOICE, 4),
    ],
)
def test_each_kind_takes_its_time(
    server: Sandbox, tool: str, kind: str, body: Json, seconds: int
) -> None:
    id = create(server, tool, body)["id"]
    server.clock.advance(seconds - 1)
    assert status(server, id, kind) == "rendering"
    server.clock.advance(1)
    assert status(server, id, kind) == "complete"


def test_a_job_of_one_kind_is_not_found_among_the_others(server: Sandbox) -> None:
    id = create(server, "ai-image-generator", IMAGE)["id"]
    for path in ("video-projects", "audio-projects", "face-detection"):
        assert get(server, f"/v1/{path}/{id}").status_code == 404


def test_the_sdk_uploads_upscales_and_downloads(
    server: Sandbox, client: magic_hour.Client, state: MagicHourSandbox, tmp_path: Path
) -> None:
    source = tmp_path / "small.png"
    source.write_bytes(SIGNATURE + b"some bytes")
    path = client.v1.files.upload_file(source)
    assert state.uploads == {path: len(SIGNATURE) + 10}
    made = client.v1.ai_image_upscaler.create(
        scale_factor=2, assets={"image_file_path": path}, style={"mode": "preserve"}
    )
    assert made.credits_charged == 25
    server.clock.advance(8)
    result = client.v1.image_projects.check_result(
        id=made.id,
        wait_for_completion=True,
        download_outputs=True,
        download_directory=str(tmp_path),
    )
    assert result.type_ == "IMAGE_UPSCALER"
    assert [Path(each).name for each in result.downloaded_paths or []] == ["output-0.png"]
    assert (tmp_path / "output-0.png").read_bytes().startswith(SIGNATURE)


def test_a_video_is_charged_an_estimate_that_completion_corrects(
    server: Sandbox, client: magic_hour.Client, state: MagicHourSandbox
) -> None:
    made = client.v1.text_to_video.create(end_seconds=5, style={"prompt": "waves"})
    assert (made.credits_charged, made.estimated_frame_cost) == (300, 300)
    assert client.v1.video_projects.get(id=made.id).fps == 30
    server.clock.advance(12)
    done = client.v1.video_projects.get(id=made.id)
    assert (done.credits_charged, done.total_frame_cost, done.fps) == (240, 240, 24)
    assert state.credits == 100_000 - 240


def test_faces_are_detected_free_of_charge(
    server: Sandbox, client: magic_hour.Client, state: MagicHourSandbox
) -> None:
    made = client.v1.face_detection.create(assets={"target_file_path": "api-assets/u1/a.png"})
    assert client.v1.face_detection.get(id=made.id).faces == []
    server.clock.advance(3)
    done = client.v1.face_detection.get(id=made.id)
    assert (done.status, done.credits_charged, state.accepted) == ("complete", 0, 1)
    assert requests.get(done.faces[0].url, timeout=10).content.startswith(SIGNATURE)


def test_a_forbidden_prompt_ends_in_error_and_is_refunded(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    body = {"image_count": 1, "style": {"prompt": "something Forbidden"}}
    id = create(server, "ai-image-generator", body)["id"]
    assert state.credits == 100_000 - 5
    server.clock.advance(5)
    job = get(server, f"/v1/image-projects/{id}").json()
    assert (job["status"], job["credits_charged"], job["downloads"]) == ("error", 0, [])
    assert job["error"]["code"] == "content_policy_violation"
    assert state.credits == 100_000


def test_a_job_is_canceled_only_behind_the_apis_back(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    first, second = (create(server, "ai-image-generator", IMAGE)["id"] for _ in range(2))
    answer = call(server, "POST", f"/_admin/cancel/{first}", json={}, headers={})
    assert answer.json() == {"id": first, "status": "canceled"}
    server.clock.advance(60)
    assert status(server, first) == "canceled"
    state.cancel(second)  # too late
    assert status(server, second) == "complete"
    assert call(server, "POST", "/_admin/cancel/nothing", json={}, headers={}).status_code == 404


def test_a_complete_job_may_show_some_of_its_downloads_or_null_for_a_time(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    body = {**IMAGE, "image_count": 4, "model": "nano-banana-2"}
    id = create(server, "ai-image-generator", body)["id"]
    server.clock.advance(60)
    path = f"/v1/image-projects/{id}"
    for shown in (None, 0, 1):
        order = {"shown": shown, "seconds": 30}
        answer = call(server, "POST", f"/_admin/withhold/{id}", headers={}, json=order)
        assert answer.json() == {"id": id, **order}
        job = get(server, path).json()
        assert (job["status"], job["image_count"]) == ("complete", 4)
        assert job["downloads"] is None if shown is None else len(job["downloads"]) == shown
    server.clock.advance(30)
    assert len(get(server, path).json()["downloads"]) == 4
    answer = call(server, "POST", "/_admin/withhold/nothing", headers={}, json={"seconds": 1})
    assert answer.status_code == 404


def test_a_deleted_job_is_gone(server: Sandbox, client: magic_hour.Client) -> None:
    client.v1.image_projects.delete(id="cuid-example")
    with pytest.raises(ApiError) as error:
        client.v1.image_projects.get(id="cuid-example")
    assert error.value.status_code == 404
    assert call(server, "DELETE", "/v1/image-projects/cuid-example").status_code == 404
    deleted = call(server, "DELETE", "/v1/video-projects/cuid-example")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.v1.audio_projects.get(id="cuid-example").enabled


def test_the_files_of_a_deleted_job_are_gone_too(server: Sandbox) -> None:
    path = f"/v1/image-projects/{create(server, 'ai-image-generator', IMAGE)['id']}"
    server.clock.advance(5)
    url = get(server, path).json()["downloads"][0]["url"]
    call(server, "DELETE", path)
    assert requests.get(url, timeout=10).status_code == 404


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


# --- what a create refuses --------------------------------------------------------------------


def image(**changes: Any) -> Json:
    return {**IMAGE, **changes}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"style": {"prompt": "x"}}, 400, "image_count is required"),
        (image(image_count="2"), 400, "image_count"),
        (image(image_count=True), 400, "image_count"),
        (image(image_count=17), 400, "between 1 and 16"),
        (image(style={}), 400, "style.prompt is required"),
        (image(style={"prompt": ""}), 400, "style.prompt"),
        (image(style="x"), 400, "style.prompt"),
        (image(style={"prompt": "x", "tool": "hammer"}), 400, "style.tool"),
        (image(model="dall-e"), 400, "model"),
        (image(aspect_ratio="4:3"), 400, "aspect_ratio"),
        (image(resolution="8k"), 400, "resolution"),
        (image(name=7), 400, "name"),
        (image(model="nano-banana-2", image_count=2), 422, "1, 4, 9, 16"),
        (image(model="flux-2-klein", image_count=2), 422, "image_count"),
        (image(model="krea-2", resolution="4k"), 422, "640px, 1k"),
    ],
)
def test_the_image_generator_says_what_is_wrong(
    server: Sandbox, state: MagicHourSandbox, body: Json, code: int, words: str
) -> None:
    response = call(server, "POST", "/v1/ai-image-generator", json=body)
    assert response.status_code == code
    assert list(response.json()) == ["message"]
    assert words in response.json()["message"]
    assert (state.accepted, state.credits) == (0, 100_000)


@pytest.mark.parametrize(
    ("tool", "body", "code"),
    [
        ("ai-image-upscaler", {**UPSCALE, "scale_factor": 3}, 422),
        ("ai-image-upscaler", {"scale_factor": 2}, 400),
        ("ai-image-upscaler", {**UPSCALE, "style": {"mode": "best"}}, 400),
        ("ai-image-upscaler", {**UPSCALE, "assets": {"image_file_path": "http://x.io/a"}}, 422),
        ("text-to-video", {"style": {"prompt": "x"}}, 400),
        ("text-to-video", {**VIDEO, "end_seconds": 90}, 422),
        ("ai-voice-generator", {"style": {"prompt": "x"}}, 400),
        ("ai-voice-generator", {"style": {"prompt": "x" * 1001, "voice_name": "Yoda"}}, 422),
        ("face-detection", {}, 400),
        ("face-detection", {**FACES, "confidence_score": 2}, 400),
    ],
)
def test_the_other_creates_refuse_what_makes_no_sense(
    server: Sandbox, state: MagicHourSandbox, tool: str, body: Json, code: int
) -> None:
    response = call(server, "POST", f"/v1/{tool}", json=body)
    assert (response.status_code, list(response.json())) == (code, ["message"])
    assert state.accepted == 0


def test_a_body_that_is_no_json_object_is_refused(server: Sandbox) -> None:
    missing = call(server, "POST", "/v1/ai-image-generator")
    assert (missing.status_code, missing.json()) == (400, {"message": "Missing request body"})
    for data in ("{", "[]"):
        assert call(server, "POST", "/v1/ai-image-generator", data=data).status_code == 400


@pytest.mark.parametrize(
    ("tool", "body", "credits"),
    [
        ("ai-image-generator", image(image_count=4), 20),
        ("ai-image-generator", image(model="nano-banana-pro", resolution="1k"), 150),
        ("ai-image-generator", image(model="seedream", resolution="640px"), 40),
        ("ai-image-upscaler", UPSCALE, 50),
        ("ai-image-upscaler", {**UPSCALE, "scale_factor": 4, "style": {"mode": "preserve"}}, 100),
        ("ai-image-upscaler", {**UPSCALE, "scale_factor": 4}, 200),
        ("ai-voice-generator", VOICE, 2),
    ],
)
def test_prices_are_the_published_ones(
    server: Sandbox, tool: str, body: Json, credits: int
) -> None:
    assert create(server, tool, body)["credits_charged"] == credits


def test_what_the_credits_do_not_cover_is_402_and_no_job(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    state.credits = 9
    create(server, "ai-image-generator", IMAGE)
    response = call(server, "POST", "/v1/ai-image-generator", json=IMAGE)
    said = {"code": "insufficient_credits", "message": "Payment required"}
    assert (response.status_code, response.json()) == (402, said)
    assert (state.accepted, state.credits) == (1, 4)


def test_the_free_tier_has_neither_every_model_nor_4x(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    state.account.tier = "free"
    for tool, body in (
        ("ai-image-generator", image(model="nano-banana")),
        ("ai-image-upscaler", {**UPSCALE, "scale_factor": 4}),
    ):
        refused = call(server, "POST", f"/v1/{tool}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (402, "plan_upgrade_required")
    create(server, "ai-image-generator", IMAGE)


def test_an_account_without_a_subscription_creates_nothing(
    server: Sandbox, state: MagicHourSandbox
) -> None:
    state.account.tier = "none"
    refused = call(server, "POST", "/v1/ai-image-generator", json=IMAGE)
    assert (refused.status_code, refused.json()["code"]) == (402, "subscription_required")
    assert state.accepted == 0
