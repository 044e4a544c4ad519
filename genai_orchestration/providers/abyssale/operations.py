"""Abyssale's paid POST, the asynchronous generation, as far as it is known before it is sent.

A payload is the body of `POST /async/banner-builder/{design_id}/generate` and, beside it, the
`design_id` of the path. Abyssale refuses a body that is badly formed, but renders the saved
content for a layer that it does not know: see `typos.py` for what a design lacks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from genai_orchestration.providers.payload import (
    Anything,
    Fields,
    Flag,
    Keyed,
    ListOf,
    Number,
    Text,
    value_at,
)
from genai_orchestration.providers.wording import inside, quote_value

Payload = Mapping[str, Any]

CREDITS_PER_FORMAT = 1  # assumed: the vendor publishes no price and returns none
VARIABLES = "vars"  # the reserved key beside the layers
FEWEST_WORDS = 3  # of a prompt of text_to_image_properties
FILE_TYPES = {  # type of the design -> what it can be rendered to
    "static": ("png", "jpeg", "webp", "avif", "pdf"),
    "animated": ("mp4", "gif", "html5"),
    "printer": ("pdf",),
    "printer_multipage": ("pdf",),
}
ALL_FILE_TYPES = tuple(dict.fromkeys(kind for kinds in FILE_TYPES.values() for kind in kinds))
BLOCKS = {"gif": "gif", "html5": "html5", "video": "mp4", "print": "pdf"}  # block -> its file type


@dataclass(frozen=True, kw_only=True)
class Id:
    """A UUID in the form with hyphens, as Abyssale's paths want it."""

    required: bool = False
    expected: str = "a UUID such as 0b6f6d0e-8a0e-4a38-9d0c-6b1f3f6f2a11"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Anything else."""
        if not (isinstance(value, str) and is_uuid(value)):
            yield f"{field} is {quote_value(value)}, but must be {self.expected}."


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Layer -> its properties, every one an object; `vars` holds variables instead."""

    required: bool = False
    expected: str = "an object of layers"

    def mistakes(self, field: str, value: object) -> Iterator[str]:
        """Wrong shapes, and prompts that are too short."""
        yield from Keyed(Keyed(Anything())).mistakes(field, value)
        for name, layer in value.items() if isinstance(value, Mapping) else ():
            if isinstance(layer, Mapping):
                check = _variables if name == VARIABLES else _prompt
                yield from check(inside(field, name), layer)


FIELDS = Fields(
    {
        "design_id": Id(required=True),
        "elements": Layers(),
        "template_format_names": ListOf(Text(filled=True)),
        "pages": Keyed(Layers()),
        "image_file_type": Text(allowed=("auto", *ALL_FILE_TYPES)),
        "file_compression_level": Number(low=1, high=100),  # 100 is best
        "callback_url": Text(filled=True),
        "original_visual_id": Id(),
        "gif": Fields({"max_fps": Number(low=2, high=9, whole=False), "repeat": Anything()}),
        "video": Fields({"fps": Number(low=2, high=30, whole=False)}),
        "print": Fields({"color_profile": Id(), "display_crop_marks": Flag()}),
        "html5": Fields(
            {
                "page_title": Text(),
                "click_tag": Anything(),
                "ad_network": Text(),
                "include_backup_image": Flag(),
                "repeat": Anything(),
            }
        ),
    }
)


def mistakes(payload: Payload) -> list[str]:
    """What Abyssale would refuse, or ignore in silence, whatever the design."""
    return [*FIELDS.mistakes("", payload), *_callback(payload), *_together(payload)]


def estimate(payload: Payload) -> int | None:
    """Generation credits at CREDITS_PER_FORMAT; None for all formats of a design nobody counted.

    AI properties of image layers (text_to_image, expand, upscale, remove_bg) cost AI credits
    besides, from another pool, at no published price.
    """
    formats = value_at(payload, "template_format_names", list)
    if formats:
        return CREDITS_PER_FORMAT * len(formats)
    return CREDITS_PER_FORMAT if value_at(payload, "pages", dict) else None  # one PDF


def model(payload: Payload) -> str:
    """The design that is rendered, by its id."""
    return value_at(payload, "design_id", str) or "no design"


def is_uuid(text: str) -> bool:
    """Whether it is a UUID with its hyphens: Python alone would also take braces and urn:uuid:."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _variables(field: str, variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if value is None or isinstance(value, (Mapping, list)):
            yield f"{field}.{name} is {quote_value(value)}, but must be text or a number."


def _prompt(field: str, layer: Mapping[str, Any]) -> Iterator[str]:
    prompt = value_at(layer, "text_to_image_properties.prompt", str)
    if prompt is not None and len(prompt.split()) < FEWEST_WORDS:
        path = f"{field}.text_to_image_properties.prompt"
        yield f"{path} is {quote_value(prompt)}, but must have at least {FEWEST_WORDS} words."


def _callback(payload: Payload) -> Iterator[str]:
    url = value_at(payload, "callback_url", str)
    if url and url.strip() and not url.startswith("https://"):
        yield f"callback_url is {quote_value(url)}, but Abyssale calls back over https:// only."


def _together(payload: Payload) -> Iterator[str]:
    """Fields that are well-formed, but not together."""
    formats = value_at(payload, "template_format_names", list) or []
    if "original_visual_id" in payload and len(formats) > 1:
        yield f"original_visual_id needs exactly one format; there are {len(formats)}."
    chosen = value_at(payload, "image_file_type", str)
    for block, file_type in BLOCKS.items():
        if block in payload and chosen in ALL_FILE_TYPES and chosen != file_type:
            yield f"{block} is for image_file_type {file_type}, not {chosen}: leave it out."
    if "pages" in payload and "elements" in payload:
        yield "elements and pages are both there: pages is for a printer_multipage design only."
