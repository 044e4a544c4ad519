"""What a create asks for: a body as a checked `GenerationInput` with its price.

400  a field is missing, of the wrong type, or no word of its enum
402  the account's tier does not have it
422  every field is well-formed, but not together: this model, that count
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from genai_orchestration.providers.magic_hour.sandbox import prices
from genai_orchestration.providers.magic_hour.sandbox.refusals import (
    Refusal,
    one_of,
    optional,
    plan_required,
    required,
)
from genai_orchestration.providers.magic_hour.vocabulary import TOOLS

Json = dict[str, Any]
Kind = Literal["image", "video", "audio", "face"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Check = Callable[[Json, str], "GenerationInput"]  # (body, the account's tier)
MOST_IMAGES = 16
LONGEST_SPEECH = 1000  # characters
ASPECTS = {"1:1": (1, 1), "16:9": (16, 9), "9:16": (9, 16)}
ORIENTATIONS = {"square": "1:1", "landscape": "16:9", "portrait": "9:16"}
LONGEST_EDGE = {"640px": 640}  # pixels; other resolutions are drawn at SCREEN_EDGE
SCREEN_EDGE = 1024  # a 4k picture takes too long to draw, and shows nothing more
SOURCE_EDGE = 256  # pixels that every picture to upscale is taken to have
EXTENDED = re.compile(r"\.[A-Za-z0-9]+$")
OWN = ("api-assets/", "saved-items/", "https://magichour.ai/my-library?imageId=")
LOCAL = ("127.0.0.1", "localhost")  # the sandbox's own pictures come over plain http


@dataclass(frozen=True, kw_only=True)
class GenerationInput:
    """A job that may be created: what it will be, what it costs, how long it takes."""

    kind: Kind
    type: str  # the vendor's word: AI_IMAGE, IMAGE_UPSCALER, …
    seconds: float  # from creation to the end
    price: int  # credits that are taken at creation
    name: str | None = None
    prompt: str = ""
    files: int = 1
    extension: str = "png"
    size: tuple[int, int] = (SCREEN_EDGE, SCREEN_EDGE)
    length: float = 0  # seconds of a video


def image_order(body: Json, tier: str) -> GenerationInput:
    """`POST /v1/ai-image-generator`."""
    count = required(body, "image_count", int)
    if not 1 <= count <= MOST_IMAGES:
        raise Refusal(400, f"image_count must be between 1 and {MOST_IMAGES}")
    prompt = _prompt(body)
    one_of(body, "style.tool", TOOLS)
    model = _image_model(body)
    resolution = one_of(body, "resolution", tuple(prices.RESOLUTION_FACTORS)) or "auto"
    _check_model(model, count, resolution, tier)
    return GenerationInput(
        kind="image",
        type="AI_IMAGE",
        seconds=5,
        price=prices.image_price(model, resolution, count),
        name=_name(body),
        prompt=prompt,
        files=count,
        size=_size(body, LONGEST_EDGE.get(resolution, SCREEN_EDGE)),
    )


def upscaler_order(body: Json, tier: str) -> GenerationInput:
    """`POST /v1/ai-image-upscaler`."""
    factor = required(body, "scale_factor", (int, float))
    source = _source(body, "assets.image_file_path")
    mode = one_of(body, "style.mode", ("preserve", "balanced", "creative", "pro")) or "balanced"
    one_of(body, "style.enhancement", ("Balanced", "Creative", "Resemblance"))
    prompt = optional(body, "style.prompt", str) or ""
    if factor not in prices.UPSCALING:
        raise Refusal(422, "scale_factor must be either 2 or 4")
    if factor == 4 and tier == "free":
        raise plan_required("4x upscale is only available on Creator, Pro, or Business tier")
    return GenerationInput(
        kind="image",
        type="IMAGE_UPSCALER",
        seconds=8,
        price=prices.upscaler_price(int(factor), mode),
        name=_name(body),
        prompt=f"{prompt} {source}",
        size=(SOURCE_EDGE * int(factor), SOURCE_EDGE * int(factor)),
    )


def video_order(body: Json, tier: str) -> GenerationInput:
    """`POST /v1/text-to-video`."""
    seconds = required(body, "end_seconds", (int, float))
    if not 1 <= seconds <= 60:
        raise Refusal(422, "end_seconds must be between 1 and 60")
    one_of(body, "resolution", ("360p", "480p", "720p", "1080p", "4k"))
    return GenerationInput(
        kind="video",
        type="TEXT_TO_VIDEO",
        seconds=12,
        price=prices.video_price(seconds, prices.ESTIMATED_FPS),
        name=_name(body),
        prompt=_prompt(body),
        extension="mp4",
        size=_size(body, 1280),
        length=seconds,
    )


def voice_order(body: Json, tier: str) -> GenerationInput:
    """`POST /v1/ai-voice-generator`."""
    prompt = _prompt(body)
    required(body, "style.voice_name", str)
    if len(prompt) > LONGEST_SPEECH:
        raise Refusal(422, f"style.prompt must have at most {LONGEST_SPEECH} characters")
    price = prices.voice_price(prompt)
    return GenerationInput(
        kind="audio",
        type="VOICE_GENERATOR",
        seconds=4,
        price=price,
        name=_name(body),
        prompt=prompt,
        extension="wav",
    )


def face_order(body: Json, tier: str) -> GenerationInput:
    """`POST /v1/face-detection`, which is free for now."""
    source = _source(body, "assets.target_file_path")
    score = optional(body, "confidence_score", (int, float))
    if score is not None and not 0 <= score <= 1:
        raise Refusal(400, "confidence_score must be between 0 and 1")
    size = (SOURCE_EDGE, SOURCE_EDGE)
    return GenerationInput(
        kind="face", type="", seconds=3, price=0, prompt=source, files=2, size=size
    )


def _prompt(body: Json) -> str:
    prompt: str = required(body, "style.prompt", str)
    if not prompt:
        raise Refusal(400, "style.prompt must not be empty")
    return prompt


def _name(body: Json) -> str | None:
    name: str | None = optional(body, "name", str)
    return name


def _image_model(body: Json) -> str:
    known = (*prices.IMAGE_MODELS, *prices.ALIASES)
    mode = one_of(body, "style.quality_mode", tuple(prices.QUALITY_MODES))
    model = one_of(body, "model", known) or prices.QUALITY_MODES.get(mode or "", "default")
    return prices.ALIASES.get(model, model)


def _check_model(name: str, count: int, resolution: str, tier: str) -> None:
    model = prices.IMAGE_MODELS[name]
    if count not in model.counts:
        allowed = ", ".join(map(str, model.counts))
        raise Refusal(422, f"image_count of {name} must be one of: {allowed}")
    if resolution not in ("auto", *model.resolutions):
        raise Refusal(422, f"resolution of {name} must be one of: {', '.join(model.resolutions)}")
    if tier == "free" and not model.free:
        raise plan_required(f"{name} is not available on the free tier")


def _size(body: Json, edge: int) -> tuple[int, int]:
    orientation = one_of(body, "orientation", tuple(ORIENTATIONS)) or "square"
    aspect = one_of(body, "aspect_ratio", tuple(ASPECTS)) or ORIENTATIONS[orientation]
    across, down = ASPECTS[aspect]
    longest = max(across, down)
    return edge * across // longest, edge * down // longest


def _source(body: Json, field: str) -> str:
    path: str = required(body, field, str)
    url = urlsplit(path)
    secure = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOCAL)
    if path.startswith(OWN) or (secure and EXTENDED.search(url.path)):
        return path
    raise Refusal(422, f"{field} must be an https URL with an extension or an uploaded file_path")
