"""Magic Hour's two paid POSTs, as far as they are known before they are sent.

    payload ─► mistakes   of the vendor's schema, of the model's limits, and settings that would
           │              be ignored in silence
           ├─► estimate   credits by the dated models.csv; rises with the resolution, unpublished
           └─► model      the word of models.csv that the price is listed under

Facts from the SDK 0.90.0. What only the account knows (its tier, its balance) is not here, nor
what the default model takes: Magic Hour changes it over time.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from genai_orchestration.providers.magic_hour.catalogue import Listed, options
from genai_orchestration.providers.magic_hour.vocabulary import (
    ASPECT_RATIOS,
    ENHANCEMENTS,
    MODES,
    MOST_IMAGES,
    OLD_MODES,
    ORIENTATIONS,
    OWN_FILES,
    QUALITY_MODES,
    RESOLUTIONS,
    SCALE_FACTORS,
    TOOLS,
)
from genai_orchestration.providers.payload import Fields, Number, Text, value_at
from genai_orchestration.providers.wording import listed, quote_value
from genai_orchestration.providers.work import Operation

Payload = Mapping[str, Any]

GENERATOR, UPSCALER = "ai_image_generator", "ai_image_upscaler"
EXTENSION = re.compile(r"\.[A-Za-z0-9]+$")
UNKNOWN = Listed(credits=None, image_counts=(), resolutions=())
STYLE = Fields(
    {
        "prompt": Text(required=True, filled=True),
        "tool": Text(allowed=TOOLS),
        "quality_mode": Text(allowed=tuple(QUALITY_MODES)),
    },
    required=True,
)
UPSCALER_FIELDS = Fields(
    {
        "scale_factor": Number(allowed=SCALE_FACTORS, whole=False, required=True),
        "assets": Fields({"image_file_path": Text(required=True)}, required=True),
        "style": Fields(
            {
                "mode": Text(allowed=MODES),
                "prompt": Text(),
                "enhancement": Text(allowed=tuple(ENHANCEMENTS)),
            }
        ),
        "name": Text(),
    }
)


@functools.cache
def generator_fields() -> Fields:
    """What the image generator's payload may hold, with the models of the catalogue."""
    return Fields(
        {
            "image_count": Number(low=1, high=MOST_IMAGES, required=True),
            "style": STYLE,
            "model": Text(allowed=tuple(model for model, _ in options(GENERATOR))),
            "aspect_ratio": Text(allowed=ASPECT_RATIOS),
            "resolution": Text(allowed=RESOLUTIONS),
            "orientation": Text(allowed=ORIENTATIONS),
            "name": Text(),
        }
    )


def generator_mistakes(payload: Payload) -> list[str]:
    """What the image generator would refuse, or ignore in silence."""
    return [
        *generator_fields().mistakes("", payload),
        *_beyond_model(payload),
        *_overruled(payload, "orientation", by="aspect_ratio"),
        *_overruled(payload, "style.quality_mode", by="model"),
    ]


def generator_model(payload: Payload) -> str:
    """The model, also by the deprecated quality mode; "default" leaves it to Magic Hour."""
    named = value_at(payload, "model", str)
    return named or QUALITY_MODES.get(value_at(payload, "style.quality_mode", str) or "", "default")


def generator_estimate(payload: Payload) -> int | None:
    """The model's published price times the number of images; None without a price."""
    price, count = _model(payload).credits, value_at(payload, "image_count", int)
    return None if price is None or count is None else price * max(count, 0)


def upscaler_mistakes(payload: Payload) -> list[str]:
    """What the upscaler would refuse, or ignore in silence."""
    found = [*UPSCALER_FIELDS.mistakes("", payload), *_unreachable(payload)]
    mode = upscaler_mode(payload)
    if value_at(payload, "style.prompt", str) and mode in MODES and mode != "creative":
        found.append(f"style.prompt is ignored in mode {mode}: use style.mode creative.")
    return [*found, *_overruled(payload, "style.enhancement", by="style.mode")]


def upscaler_mode(payload: Payload) -> str:
    """The mode that Magic Hour will use: preserve, balanced or creative."""
    mode = value_at(payload, "style.mode", str)
    if mode is None:
        return ENHANCEMENTS.get(value_at(payload, "style.enhancement", str) or "", "balanced")
    return OLD_MODES.get(mode, mode)


def upscaler_model(payload: Payload) -> str:
    """Mode and factor, which the price follows: "preserve 2x"."""
    return f"{upscaler_mode(payload)} {_option(payload)}"


def upscaler_estimate(payload: Payload) -> int | None:
    """The published price of the mode and the factor; None without one."""
    key = (upscaler_mode(payload), _option(payload))
    return options(UPSCALER).get(key, UNKNOWN).credits


def _model(payload: Payload) -> Listed:
    return options(GENERATOR).get((generator_model(payload), "per image"), UNKNOWN)


def _option(payload: Payload) -> str:
    factor = value_at(payload, "scale_factor", int) or value_at(payload, "scale_factor", float)
    return "?x" if factor is None else f"{factor:g}x"


def _beyond_model(payload: Payload) -> list[str]:
    """What this model does not take, though another one may."""
    limits, model = _model(payload), generator_model(payload)
    count = value_at(payload, "image_count", int)
    resolution = value_at(payload, "resolution", str)
    found = []
    if limits.image_counts and count not in (None, *limits.image_counts):
        allowed = listed(limits.image_counts)
        found.append(f"image_count is {count}, but {model} takes {allowed}.")
    if limits.resolutions and resolution not in (None, "auto", *limits.resolutions):
        allowed = listed(limits.resolutions)
        found.append(f"resolution is {quote_value(resolution)}, but {model} takes {allowed}.")
    return found


def _overruled(payload: Payload, field: str, *, by: str) -> list[str]:
    """A deprecated field beside the one that took its place."""
    if value_at(payload, field, str) is None or value_at(payload, by, str) is None:
        return []
    return [f"{field} is ignored beside {by}, which took its place: leave it out."]


def _unreachable(payload: Payload) -> list[str]:
    """A picture that Magic Hour cannot fetch."""
    path = value_at(payload, "assets.image_file_path", str)
    if path is None or _reachable(path):
        return []
    return [
        f"assets.image_file_path is {quote_value(path)}, but must be an https URL whose path ends "
        f"in an extension such as .png, or begin with {listed(OWN_FILES)}."
    ]


def _reachable(path: str) -> bool:
    try:
        url = urlsplit(path)
        fetched = url.scheme == "https" and bool(url.hostname)
    except ValueError:  # a broken IPv6 address
        return False
    return path.startswith(OWN_FILES) or (fetched and bool(EXTENSION.search(url.path)))


OPERATIONS = (
    Operation(
        name=GENERATOR,
        job_kind="image_project",
        mistakes=generator_mistakes,
        estimate=generator_estimate,
        model=generator_model,
        prompt="style.prompt",
    ),
    Operation(
        name=UPSCALER,
        job_kind="image_project",
        mistakes=upscaler_mistakes,
        estimate=upscaler_estimate,
        model=upscaler_model,
        prompt="style.prompt",
    ),
)
