"""What a generation asks for: a body and its design as a checked `GenerationInput`.

Layers and properties that the design does not have are accepted in silence, as the vendor does:
a misspelt layer renders the saved content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Format
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure, bad_field
from genai_orchestration.providers.abyssale.sandbox.shapes import MULTIPAGE, layers

Json = dict[str, Any]
FILE_TYPES = {  # design type -> what it can be rendered to, the default first
    "static": ("png", "jpeg", "webp", "avif", "pdf"),
    "animated": ("mp4", "gif", "html5"),
    "printer": ("pdf",),
    MULTIPAGE: ("pdf",),
}
VARIABLES = "vars"  # the reserved key beside the layers
LONGEST_TEXT = 120  # characters that fit into a text layer of any format
LONGEST_NARROW_TEXT = 60  # characters that fit where one side is below NARROW pixels
NARROW = 200


@dataclass(frozen=True)
class GenerationInput:
    """Which formats to render, with which content, to which type of file."""

    design: Design
    formats: tuple[Format, ...]
    elements: tuple[Json, ...]  # one per page; a design without pages has one
    file_type: str
    original: str | None = None

    def misfit(self, chosen: Format) -> str | None:
        """Why that format cannot be rendered: its first text that does not fit."""
        narrow = chosen.unit == "px" and min(chosen.width, chosen.height) < NARROW
        longest = LONGEST_NARROW_TEXT if narrow else LONGEST_TEXT
        for name, text in self.texts():
            if len(text) > longest:
                shown = f"The text '{text[:20]}…' cannot fit within the defined space."
                return f"Element {name} error: {shown}"
        return None

    def texts(self) -> list[tuple[str, str]]:
        """(layer, text) of every text and button as they will be rendered."""
        return [
            (layer.name, _filled(elements, layer.name, layer.attributes["payload"][1]))
            for elements in self.elements
            for layer in layers(self.design)
            if layer.type in ("text", "button")
        ]


def image_order(design: Design, body: Json) -> GenerationInput:
    """The order of the synchronous endpoint: one format of a static design."""
    if design.type != "static":
        raise ApiFailure(
            400, "template_not_static", "Only static designs can be generated at once."
        )
    name = body.get("template_format_name")
    formats = (_format(design, name),) if name is not None else design.formats[:1]
    elements = _elements(body.get("elements", {}), "elements")
    for layer, properties in elements.items():
        if "text_to_image" in properties:
            path = f"elements.{layer}.text_to_image"
            raise bad_field(path, "invalid_payload", "is for the asynchronous endpoint")
    return GenerationInput(design, formats, (elements,), _file_type(design, body))


def media_order(design: Design, body: Json) -> GenerationInput:
    """The order of the asynchronous endpoint: several formats, all of them by default."""
    if design.type == MULTIPAGE:
        return pages_order(design, body)
    names = body.get("template_format_names") or []
    if not isinstance(names, list):
        raise bad_field("template_format_names", "wrong_type", "must be an array")
    formats = tuple(_format(design, name) for name in names) or design.formats
    original = body.get("original_visual_id")
    if original is not None and len(formats) != 1:
        message = "original_visual_id needs exactly one format."
        raise ApiFailure(400, "more_than_one_format", message)
    elements = _elements(body.get("elements", {}), "elements")
    return GenerationInput(design, formats, (elements,), _file_type(design, body), original)


def pages_order(design: Design, body: Json) -> GenerationInput:
    """The order of a multipage PDF: one file, whatever the number of its pages."""
    pages = body.get("pages", {})
    if design.type != MULTIPAGE or not isinstance(pages, dict):
        raise bad_field("pages", "wrong_type", "must be an object of a printer_multipage design")
    elements = tuple(
        _elements(pages.get(page.name, {}), f"pages.{page.name}") for page in design.formats
    )
    return GenerationInput(design, design.formats[:1], elements, _file_type(design, body))


def _format(design: Design, name: object) -> Format:
    for each in design.formats:
        if name in (each.name, each.uid):
            return each
    raise ApiFailure(404, "format_not_found", f"The design has no format {name!r}.")


def _elements(elements: object, path: str) -> Json:
    if not isinstance(elements, dict):
        raise bad_field(path, "wrong_type", "must be an object")
    for layer, properties in elements.items():
        if not isinstance(properties, dict):
            raise bad_field(f"{path}.{layer}", "wrong_type", "must be an object")
    return elements


def _file_type(design: Design, body: Json) -> str:
    known = FILE_TYPES[design.type]
    asked = body.get("image_file_type", "auto")
    if asked != "auto" and asked not in known:
        message = f"A {design.type} design cannot be rendered to {asked!r}."
        raise ApiFailure(400, "invalid_filetype", message)
    level = body.get("file_compression_level", 100)
    if not isinstance(level, int) or not 1 <= level <= 100:
        raise bad_field("file_compression_level", "out_of_range", "must be between 1 and 100")
    return known[0] if asked == "auto" else str(asked)


def _filled(elements: Mapping[str, Json], layer: str, saved: str) -> str:
    text = str(elements.get(layer, {}).get("payload", saved))
    for name, value in elements.get(VARIABLES, {}).items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
