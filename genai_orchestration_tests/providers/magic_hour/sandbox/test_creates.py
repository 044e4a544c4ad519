"""Magic Hour's sandbox refuses the creates that the vendor refuses, and charges what it charges."""

from typing import Any

import pytest

from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.magic_hour.sandbox.client import (
    IMAGE,
    UPSCALE,
    VIDEO,
    VOICE,
    Json,
    call,
    create,
)

FACES: Json = {"assets": {"target_file_path": "api-assets/u1/portrait.png"}}


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
