"""Magic Hour's paid POSTs before they are sent: mistakes and prices, against the real contract."""

import typing
from typing import Any

import pytest
import requests
from hypothesis import given
from magic_hour.types.params import v1_ai_image_generator_create_body as generator_body
from magic_hour.types.params import v1_ai_image_generator_create_body_style as style_body
from magic_hour.types.params import v1_ai_image_upscaler_create_body_style as upscaler_body

from genai_orchestration.providers.magic_hour import PROVIDER, vocabulary
from genai_orchestration.providers.magic_hour.catalogue import options
from genai_orchestration.providers.magic_hour.sandbox.prices import IMAGE_MODELS
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.work import Operation
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.payloads import odd_payloads

GENERATOR, UPSCALER = PROVIDER.operations
Json = dict[str, Any]
PICTURE = "https://cdn.example.com/hero.png"
ASSETS = {"assets": {"image_file_path": PICTURE}}


def image(**more: Any) -> Json:
    return {"image_count": 1, "style": {"prompt": "a fox"}, **more}


def upscale(factor: Any = 2, **style: Any) -> Json:
    return {"scale_factor": factor, **ASSETS, **({"style": style} if style else {})}


def source(path: Any) -> Json:
    return {"scale_factor": 2, "assets": {"image_file_path": path}}


def post(sandbox: Sandbox, operation: Operation, payload: Json) -> requests.Response:
    return requests.post(
        f"{sandbox.base_url('magic_hour')}/v1/{operation.name.replace('_', '-')}",
        json=payload,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )


GOOD = [
    (GENERATOR, image(), 5),
    (GENERATOR, image(model="z-image-turbo", image_count=4, aspect_ratio="16:9"), 20),
    (GENERATOR, image(model="nano-banana-2", image_count=16, resolution="640px"), 1600),
    (GENERATOR, image(model="nano-banana-pro", image_count=9, resolution="1k", name="x"), 1350),
    (GENERATOR, image(model="seedream-v5-pro", resolution="auto", orientation="square"), 75),
    (GENERATOR, image(style={"prompt": "a", "tool": "ai-logo-generator"}), 5),
    (GENERATOR, image(style={"prompt": "a", "quality_mode": "pro"}, image_count=3), 120),
    (UPSCALER, upscale(), 50),
    (UPSCALER, upscale(2.0, mode="preserve"), 25),
    (UPSCALER, upscale(4, mode="pro"), 100),
    (UPSCALER, upscale(4, mode="creative", prompt="sharper"), 200),
    (UPSCALER, {**source("api-assets/u1/a.png"), "name": "x"}, 50),
    (UPSCALER, source("https://magichour.ai/my-library?imageId=c1"), 50),
    (UPSCALER, source("https://cdn.example.com/a.webp?sig=1"), 50),
]


@pytest.mark.parametrize(("operation", "payload", "credits"), GOOD)
def test_a_payload_without_mistakes_is_taken_at_its_estimate(
    sandbox: Sandbox, operation: Operation, payload: Json, credits: int
) -> None:
    assert operation.mistakes(payload) == []
    answer = post(sandbox, operation, payload)
    assert answer.status_code == 200, answer.text
    assert operation.estimate(payload) == answer.json()["credits_charged"] == credits


@pytest.mark.parametrize(
    ("payload", "words", "status"),
    [
        ({"style": {"prompt": "a"}}, "image_count is missing: it must be a whole number", 400),
        ({"image_count": 1}, "style is missing", 400),
        (image(style={}), "style.prompt is missing: it must be text.", 400),
        (image(style="a fox"), "style is 'a fox', but must be an object with prompt", 400),
        (image(style={"prompt": ""}), "style.prompt is '': a blank text", 400),
        (image(image_count=17), "image_count is 17, but must be a whole number from 1 to 16", 400),
        (image(image_count="2"), "image_count is '2', but must be a whole number", 400),
        (image(image_count=1.5), "image_count is 1.5, but", 400),
        (image(image_count=True), "image_count is true, but", 400),
        (image(model="nano-bananna"), "but must be one of default, flux-schnell", 400),
        (image(aspect_ratio="4:3"), "aspect_ratio is '4:3', but must be one of 1:1, 16:9 or", 400),
        (image(resolution="8k"), "resolution is '8k', but must be one of auto, 640px", 400),
        (image(style={"prompt": "a", "tool": "ai-cats"}), "style.tool is 'ai-cats', but", 400),
        (
            image(model="nano-banana-2", image_count=2),
            "image_count is 2, but nano-banana-2 takes 1, 4, 9 or 16.",
            422,
        ),
        (
            image(model="krea-2", resolution="4k"),
            "resolution is '4k', but krea-2 takes 640px or 1k.",
            422,
        ),
        # taken, and not what was meant
        (image(style={"prompt": "  "}), "style.prompt is '  ': a blank text", 200),
        (image(aspect="16:9"), "aspect is not known: did you mean aspect_ratio?", 200),
        (image(style={"prompt": "a", "model": "krea-2"}), "style.model is not known", 200),
        (
            image(orientation="portrait", aspect_ratio="16:9"),
            "orientation is ignored beside aspect_ratio",
            200,
        ),
        (
            image(model="krea-2", style={"prompt": "a", "quality_mode": "pro"}),
            "style.quality_mode is ignored beside model",
            200,
        ),
    ],
)
def test_a_mistake_in_a_generation_is_told_before_it_is_refused_or_worse(
    sandbox: Sandbox, payload: Json, words: str, status: int
) -> None:
    assert [told for told in GENERATOR.mistakes(payload) if words in told]
    assert post(sandbox, GENERATOR, payload).status_code == status


@pytest.mark.parametrize(
    ("payload", "words", "status"),
    [
        (ASSETS, "scale_factor is missing: it must be 2 or 4.", 400),
        (upscale("2"), "scale_factor is '2', but must be 2 or 4.", 400),
        (upscale(3), "scale_factor is 3, but must be 2 or 4.", 422),
        ({"scale_factor": 2}, "assets is missing", 400),
        (source(None), "assets.image_file_path is null, but must be text.", 400),
        (source("hero.png"), "must be an https URL whose path ends in an extension", 422),
        (source("https://cdn.example.com/hero"), "extension such as .png", 422),
        (source("http://cdn.example.com/hero.png"), "must be an https URL", 422),
        (upscale(mode="best"), "style.mode is 'best', but must be one of preserve,", 400),
        # taken, and not what was meant
        (upscale(mode="preserve", prompt="sharper"), "style.prompt is ignored in mode", 200),
        (upscale(prompt="sharper"), "style.prompt is ignored in mode balanced", 200),
        ({**upscale(), "mode": "creative"}, "mode is not known", 200),
    ],
)
def test_a_mistake_in_an_upscaling_is_told_before_it_is_refused_or_worse(
    sandbox: Sandbox, payload: Json, words: str, status: int
) -> None:
    assert [told for told in UPSCALER.mistakes(payload) if words in told]
    assert post(sandbox, UPSCALER, payload).status_code == status


def test_an_address_that_is_none_is_told_as_well() -> None:
    assert UPSCALER.mistakes(source("https://[a.png"))


@pytest.mark.parametrize("name", IMAGE_MODELS)
@pytest.mark.parametrize("resolution", vocabulary.RESOLUTIONS)
def test_a_models_limits_are_the_contracts(name: str, resolution: str) -> None:
    model = IMAGE_MODELS[name]
    for count in range(1, 17):
        fits = count in model.counts and resolution in ("auto", *model.resolutions)
        payload = image(model=name, image_count=count, resolution=resolution)
        assert (GENERATOR.mistakes(payload) == []) is fits, payload
        assert GENERATOR.estimate(payload) == count * model.credits
        assert GENERATOR.model(payload) == name


def test_a_model_without_a_published_price_has_no_estimate() -> None:
    assert GENERATOR.estimate(image(model="seedream")) is None
    assert GENERATOR.estimate(image(model="nobody's")) is None


def test_an_upscaling_is_grouped_by_what_its_price_follows() -> None:
    assert UPSCALER.model(upscale(4, mode="pro")) == "preserve 4x"
    assert UPSCALER.model(upscale(2, enhancement="Creative")) == "creative 2x"


def test_the_words_are_those_of_the_vendors_sdk() -> None:
    body = words_of(generator_body.V1AiImageGeneratorCreateBody)
    style = words_of(style_body.V1AiImageGeneratorCreateBodyStyle)
    upscaler = words_of(upscaler_body.V1AiImageUpscalerCreateBodyStyle)
    assert body["model"] == {model for model, _ in options("ai_image_generator")}
    assert body["aspect_ratio"] == set(vocabulary.ASPECT_RATIOS)
    assert body["resolution"] == set(vocabulary.RESOLUTIONS)
    assert body["orientation"] == set(vocabulary.ORIENTATIONS)
    assert style["tool"] == set(vocabulary.TOOLS)
    assert style["quality_mode"] == set(vocabulary.QUALITY_MODES)
    assert upscaler["mode"] == set(vocabulary.MODES)
    assert upscaler["enhancement"] == set(vocabulary.ENHANCEMENTS)


def words_of(body: type) -> dict[str, set[str]]:
    """The words of each enum of a body of the SDK."""
    hints = typing.get_type_hints(body)
    return {name: set(_words(hint)) for name, hint in hints.items()}


def _words(hint: object) -> tuple[str, ...]:
    """What a Literal allows; Python 3.10 leaves it inside of NotRequired."""
    words: tuple[str, ...] = typing.get_args(hint)
    inside: object = words[0] if len(words) == 1 else None
    return typing.get_args(inside) if typing.get_origin(inside) is typing.Literal else words


@given(
    odd_payloads(
        "image_count",
        "style",
        "prompt",
        "model",
        "krea-2",
        "resolution",
        "scale_factor",
        "assets",
        "image_file_path",
        "mode",
        "https://[",
    )
)
def test_no_payload_is_too_odd(payload: Json) -> None:
    for operation in PROVIDER.operations:
        assert all(isinstance(told, str) for told in operation.mistakes(payload))
        assert isinstance(operation.model(payload), str)
        credits = operation.estimate(payload)
        assert credits is None or credits >= 0
