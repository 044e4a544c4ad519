"""Magic Hour's sandbox lets jobs live as the vendor does: from the create to the end and after."""

from pathlib import Path

import magic_hour
import pytest
import requests
from make_api_request import ApiError

from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.png import SIGNATURE
from genai_orchestration_tests.providers.magic_hour.sandbox.client import (
    IMAGE,
    UPSCALE,
    VIDEO,
    VOICE,
    Json,
    call,
    create,
    get,
    status,
)


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
