"""What a payload names and its design does not have: Abyssale renders the saved content instead.

    payload + a row of `design_detail` ─► sentences: layers, attributes, variables, formats, pages

The API says nothing of a misspelt layer, attribute or variable, and bills the banner all the same.
What the design cannot be rendered to is reported here as well: it takes the design, too.
Pure: the row comes from the warehouse, its JSON columns parsed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from genai_orchestration.providers.abyssale.elements import properties_of
from genai_orchestration.providers.abyssale.operations import FILE_TYPES, VARIABLES
from genai_orchestration.providers.payload import object_at, value_at
from genai_orchestration.providers.wording import inside, listed, quote_value, unknown

Payload = Mapping[str, Any]
Detail = Mapping[str, Any]
Layers = Mapping[str, set[str] | None]  # layer -> its properties; None where they are not listed

MULTIPAGE = "printer_multipage"


def silent_typos(payload: Payload, design_detail: Detail) -> list[str]:
    """Sentences for what `design_detail` (one row, its JSON parsed) lacks of what is asked for."""
    body = _pages if design_detail.get("type") == MULTIPAGE else _elements
    return [*_file_type(payload, design_detail), *body(payload, design_detail)]


def format_count(payload: Payload, design_detail: Detail) -> int:
    """How many files a payload makes of this design: its formats, or one multipage PDF."""
    if design_detail.get("type") == MULTIPAGE:
        return 1
    named = value_at(payload, "template_format_names", list)
    return len(named or design_detail.get("formats") or ())


def _file_type(payload: Payload, detail: Detail) -> Iterator[str]:
    chosen, kind = value_at(payload, "image_file_type", str), str(detail.get("type"))
    allowed = FILE_TYPES.get(kind)
    if chosen and allowed and chosen not in ("auto", *allowed):
        yield f"image_file_type is {quote_value(chosen)}, but a design of type {kind} can be " + (
            f"rendered to {listed(allowed)}."
        )


def _elements(payload: Payload, detail: Detail) -> Iterator[str]:
    """Of a design with formats: static, animated, printer."""
    formats = detail.get("formats") or ()
    names = [name for each in formats for name in (each.get("id"), each.get("uid")) if name]
    for number, name in enumerate(value_at(payload, "template_format_names", list) or ()):
        if name not in names:
            shown_names = [each.get("id") for each in formats]
            yield unknown("", f"template_format_names[{number}] {quote_value(name)}", shown_names)
    if "pages" in payload:
        yield f"pages is ignored: a design of type {detail.get('type')} has none; use elements."
    elements = object_at(payload, "elements")
    yield from _layers("elements", elements, _saved(detail.get("elements") or ()))
    yield from _variables("elements", elements, detail)


def _pages(payload: Payload, detail: Detail) -> Iterator[str]:
    """Of a multipage design."""
    saved = detail.get("elements_per_page") or {}
    if "elements" in payload:
        yield f"elements is ignored: a design of type {MULTIPAGE} takes pages."
    if payload.get("template_format_names"):
        yield f"template_format_names is ignored: a design of type {MULTIPAGE} has pages."
    for page, elements in object_at(payload, "pages").items():
        if page not in saved:
            yield unknown("pages", page, saved)
        elif isinstance(elements, Mapping):
            yield from _layers(f"pages.{page}", elements, _saved(saved[page]))
            yield from _variables(f"pages.{page}", elements, detail)


def _saved(elements: Sequence[Mapping[str, Any]]) -> Layers:
    """The layers of a design; an advanced group has no attributes, and may be given any."""
    return {
        element["name"]: {*_ids(element["attributes"]), *properties_of(element.get("type"))}
        if "attributes" in element
        else None
        for element in elements
    }


def _ids(attributes: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> set[str]:
    """Attribute ids: a list of objects in a design with formats, an object by id in a page."""
    if isinstance(attributes, Mapping):
        return set(attributes)
    return {attribute["id"] for attribute in attributes}


def _layers(field: str, elements: Mapping[str, Any], saved: Layers) -> Iterator[str]:
    for name, properties in elements.items():
        if name == VARIABLES:
            continue
        if name not in saved:
            yield unknown(field, name, saved)
        elif isinstance(properties, Mapping) and (known := saved[name]) is not None:
            wrong = (each for each in properties if each not in known)
            yield from (unknown(inside(field, name), each, sorted(known)) for each in wrong)


def _variables(field: str, elements: Mapping[str, Any], detail: Detail) -> Iterator[str]:
    """Variables of the design; a multipage design's row lists none, and so says nothing."""
    saved = detail.get("variables")
    given = object_at(elements, VARIABLES)
    if saved is not None and given:
        wrong = (name for name in given if name not in saved)
        yield from (unknown(f"{field}.{VARIABLES}", name, saved) for name in wrong)
