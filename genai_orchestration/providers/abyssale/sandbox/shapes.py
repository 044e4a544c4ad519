"""The JSON of a design: a `Design` goes in, the four views that Abyssale gives of it come out.

listing   one flat row               detail   every format, values keyed by format name
format    one format, plain values   pages    a multipage design: attributes keyed by their id
"""

from dataclasses import dataclass, field
from typing import Any

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Format

Json = dict[str, Any]
MULTIPAGE = "printer_multipage"
PRINTED = ("printer", MULTIPAGE)
DPI, BLEED, SAFE = 300, 3.0, 5.0  # of every printed design here; bleed and safe zone in mm
DURATION = 6.0  # seconds that every animated design here plays
CONTENT = "Text content"  # the vendor's help for a text's `payload`
LETTERS: dict[str, tuple[str | None, Any]] = {  # how texts and buttons are written
    "color": ("Text color", "#1B1B1E"),
    "font": (None, "61568e7c-33c5-11ea-9877-92672c1b8195"),
    "font_weight": (None, 700),
    "line_height": (None, 1.2),
    "alignment": (None, "middle left"),
}


@dataclass(frozen=True)
class Layer:
    """A layer of a design as it is saved: attribute id -> (help, value)."""

    name: str
    type: str
    attributes: dict[str, tuple[str | None, Any]] = field(default_factory=dict)


def layers(design: Design) -> tuple[Layer, ...]:
    """The layers of a design, the root container first."""
    return (
        Layer("root", "container", {"background_color": ("Background color", "#FFFFFF")}),
        Layer(
            "title",
            "text",
            {"payload": (CONTENT, f"{design.name} {{city}}"), "font_size": (None, 64), **LETTERS},
        ),
        Layer(
            "cta",
            "button",
            {
                "payload": (CONTENT, "Shop now"),
                "font_size": (None, 24),
                "background_color": ("Background color", "#E4572E"),
                **LETTERS,
            },
        ),
        Layer(
            "hero",
            "image",
            {
                "image_url": ("Image URL", "https://cdn.example.com/hero.png"),
                "fitting_type": (None, "cover"),
                "alignment": (None, "middle center"),
                "opacity": (None, 1),
            },
        ),
        Layer(
            "logo",
            "logo",
            {
                "image_url": (None, "https://cdn.example.com/logo.png"),
                "alignment": (None, "middle center"),
            },
        ),
    )


def listed(design: Design, files: str) -> Json:
    """One row of `GET /designs`; `files` is the URL under which the sandbox serves pictures."""
    return {**_core(design), "preview_url": preview_url(design, design.formats[0], files)}


def detail(design: Design, files: str, *, advanced: bool) -> Json:
    """`GET /designs/{id}`; `advanced` adds the group layers, which have no attributes."""
    core = {**_core(design), "template_id": design.id}
    if design.type == MULTIPAGE:
        return {**core, **_pages(design, files)}
    body: Json = {
        **core,
        "formats": [_format(design, each, files) for each in design.formats],
        "elements": [_element(layer, design) for layer in layers(design)],
        "variables": _variables(),
    }
    if advanced:
        body["elements"].append(_group(design))
    return body | _animation(design)


def format_detail(design: Design, chosen: Format, files: str) -> Json:
    """`GET /designs/{id}/formats/{specifier}`: always the advanced view, of one format."""
    return {
        **_format(design, chosen, files),
        "design": {
            "id": design.id,
            "name": design.name,
            "type": design.type,
            "created_at": design.created_at,
            "updated_at": design.updated_at,
            "category_name": design.project.name if design.project else None,
        },
        "elements": [*_flat_elements(design, chosen), _flat_group(design, chosen)],
        "variables": _variables(),
        **_animation(design),
    }


def preview_url(design: Design, chosen: Format, files: str) -> str:
    """Where the sandbox serves the preview of one format."""
    return f"{files}/previews/{design.id}/{chosen.uid}.png"


def _core(design: Design) -> Json:
    project = design.project
    named = {"id": project.id if project else None, "name": project.name if project else None}
    return {
        "id": design.id,
        "name": design.name,
        "type": design.type,
        "created_at": design.created_at,
        "updated_at": design.updated_at,
        "project_id": named["id"],
        "project_name": named["name"],
        "category_id": named["id"],
        "category_name": named["name"],
    }


def _format(design: Design, chosen: Format, files: str) -> Json:
    printed = {"dpi": DPI, "bleed_size": BLEED, "safe_size": SAFE}
    return {
        "id": chosen.name,
        "uid": chosen.uid,
        "width": chosen.width,
        "height": chosen.height,
        "unit": chosen.unit,
        "preview_url": preview_url(design, chosen, files),
        "dynamic_image_url": None,
        **(printed if design.type in PRINTED else {}),
    }


def _pages(design: Design, files: str) -> Json:
    return {
        "dpi": DPI,
        "bleed_size": BLEED,
        "safe_size": SAFE,
        "pages": [
            {
                "id": page.name,
                "width": page.width,
                "height": page.height,
                "unit": page.unit,
                "preview_url": preview_url(design, page, files),
            }
            for page in design.formats
        ],
        "elements_per_page": {
            page.name: [_page_element(layer, page) for layer in layers(design)]
            for page in design.formats
        },
    }


def _element(layer: Layer, design: Design) -> Json:
    names = [each.name for each in design.formats]
    attributes = [
        _attribute(key, hint, "values", dict.fromkeys(names, value))
        for key, (hint, value) in layer.attributes.items()
    ]
    element: Json = {"name": layer.name, "type": layer.type, "attributes": attributes}
    if layer.type != "container":
        element["layout"] = {each.name: _box(each) for each in design.formats}
    return element


def _flat_elements(design: Design, chosen: Format) -> list[Json]:
    # a page's element with the attributes as a list: their keys say nothing that `id` does not
    pages = (_page_element(layer, chosen) for layer in layers(design))
    return [{**page, "attributes": list(page["attributes"].values())} for page in pages]


def _page_element(layer: Layer, page: Format) -> Json:
    attributes = {
        key: _attribute(key, hint, "value", value)
        for key, (hint, value) in layer.attributes.items()
    }
    return {
        "name": layer.name,
        "type": layer.type,
        "attributes": attributes,
        "layout": _box(page),
    }


def _attribute(key: str, hint: str | None, word: str, value: Any) -> Json:
    return {"id": key, **({"help": hint} if hint else {}), word: value}


def _group(design: Design) -> Json:
    names = [each.name for each in design.formats]
    return {
        "name": "group_1",
        "type": "group",
        "layer_ids": ["title", "cta"],
        "layout": {each.name: _box(each) for each in design.formats},
        "hidden": dict.fromkeys(names, False),
        "locked": dict.fromkeys(names, False),
        "group": {name: _auto_layout(design) for name in names},
    }


def _flat_group(design: Design, chosen: Format) -> Json:
    # what the whole design keys by format name is plain here
    keyed = ("layout", "hidden", "locked", "group")
    group = _group(design)
    return {**group, **{word: group[word][chosen.name] for word in keyed}}


def _auto_layout(design: Design) -> Json:
    return {} if design.type == "animated" else {"auto_layout": False}


def _box(chosen: Format) -> Json:
    margin = chosen.width // 20
    return {"x": margin, "y": margin, "width": chosen.width - 2 * margin, "height": 60}


def _variables() -> Json:
    return {"city": "{city}"}


def _animation(design: Design) -> Json:
    animation = {"duration": DURATION, "screenshot_at_s": None}
    return {"animation": animation} if design.type == "animated" else {}
