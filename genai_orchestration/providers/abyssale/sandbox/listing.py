"""Filters, order and pages of Abyssale's listings: query parameters in, the rows to show out.

A parameter that makes no sense is refused with `400 invalid_query_param`; an unknown design type
is ignored, as the vendor does. Paging is opt-in: without `page` and `per_page` all rows come.
"""

import sys
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, TypeVar

from genai_orchestration.providers.abyssale.sandbox.designs import Design, Project
from genai_orchestration.providers.abyssale.sandbox.gateway import ApiFailure, bad_parameter

Query = Mapping[str, str]
Row = TypeVar("Row")
DEFAULT_PAGE = 25
LONGEST_PAGE = 100
DESIGN_TYPES = ("static", "animated", "printer", "printer_multipage")
SORTS: dict[str, Callable[[Design], Any]] = {
    "name": lambda design: design.name.casefold(),
    "updated": lambda design: design.updated_at,
    "created": lambda design: design.created_at,
}


def designs(rows: Sequence[Design], query: Query) -> list[Design]:
    """The designs that every given filter lets pass, in the order asked for."""
    tests = [make(query) for make in (_in_project, _of_type, _named, _shaped, _since)]
    found = [row for row in rows if all(test(row) for test in tests)]
    key = SORTS[_one_of(query, "sort", tuple(SORTS), "name")]
    descending = _one_of(query, "order", ("asc", "desc"), "asc") == "desc"
    return sorted(found, key=lambda row: (key(row), row.id), reverse=descending)


def projects(rows: Sequence[Project], query: Query) -> list[Project]:
    """The projects whose name holds the phrase `name`, by name."""
    phrase = query.get("name", "").casefold()
    found = [row for row in rows if phrase in row.name.casefold()]
    return sorted(found, key=lambda row: row.name.casefold())


def fonts(rows: Sequence[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """The fonts of that name, category, weight, style and type."""
    name, category = _folded(query.get("name", "")), query.get("category")
    weight, italic = _weight(query), query.get("style") == "italic"
    types = {"google", "custom"} & _words(query, "type") or {"google", "custom"}

    def fits(font: dict[str, Any]) -> bool:
        weights = [str(each) for each in font["available_weights"]]
        return (
            name in _folded(font["name"])
            and category in (None, font.get("category"))
            and font["type"] in types
            and (weight is None or weight in weights)
            and (not italic or any("italic" in each for each in weights))
        )

    return [font for font in rows if fits(font)]


def templates(rows: Sequence[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """The workspace templates of that category and type."""
    category, kind = query.get("category_id"), query.get("type")
    if category is not None and not _is_uuid(category):
        raise bad_parameter("category_id", "malformed")
    return [
        row
        for row in rows
        if category in (None, row["category_id"]) and kind in (None, row["type"])
    ]


def page_of(rows: Sequence[Row], query: Query) -> tuple[list[Row], dict[str, str]]:
    """The page asked for and its headers; all rows and no header when none was asked for."""
    if "page" not in query and "per_page" not in query:
        return list(rows), {}
    page = _number(query, "page", 1)
    length = _number(query, "per_page", DEFAULT_PAGE, most=LONGEST_PAGE)
    start = (page - 1) * length
    return list(rows[start : start + length]), {"X-Total-Count": str(len(rows))}


def _in_project(query: Query) -> Callable[[Design], bool]:
    wanted = query.get("project_id", query.get("category_id"))
    if wanted is None:
        return lambda design: True
    if not _is_uuid(wanted):
        # the vendor names the deprecated alias, whichever of the two was sent
        problem = {"path": "category_id", "code": "invalid_payload", "message": "malformed"}
        message = "malformed id category_id"
        raise ApiFailure(400, "invalid_payload", message, errors=[problem])
    return lambda design: design.project is not None and design.project.id == wanted.lower()


def _of_type(query: Query) -> Callable[[Design], bool]:
    known = _words(query, "type") & set(DESIGN_TYPES)
    return lambda design: not known or design.type in known


def _named(query: Query) -> Callable[[Design], bool]:
    words = query.get("query", "").casefold().split()
    name, project = query.get("name", "").casefold(), query.get("project", "").casefold()

    def fits(design: Design) -> bool:
        of_design = design.name.casefold()
        of_project = design.project.name.casefold() if design.project else ""
        found = all(word in of_design or word in of_project for word in words)
        return found and name in of_design and project in of_project

    return fits


def _shaped(query: Query) -> Callable[[Design], bool]:
    shape = _one_of(query, "orientation", ("portrait", "landscape", "square"), "")
    sizes, names = _words(query, "size"), _words(query, "format")

    def fits(width: int, height: int, name: str) -> bool:
        sides = (height > width) - (height < width)
        return (
            (not shape or {"portrait": 1, "landscape": -1, "square": 0}[shape] == sides)
            and (not sizes or f"{width}x{height}" in sizes)
            and (not names or name in names)
        )

    return lambda design: any(fits(each.width, each.height, each.name) for each in design.formats)


def _since(query: Query) -> Callable[[Design], bool]:
    updated, created = _moment(query, "updated_since"), _moment(query, "created_since")
    return lambda design: design.updated_at >= updated and design.created_at >= created


def _moment(query: Query, name: str) -> float:
    if name not in query:
        return 0
    try:
        moment = datetime.fromisoformat(query[name].replace("Z", "+00:00"))
    except ValueError:
        raise bad_parameter(name, "must be an ISO 8601 date or time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _weight(query: Query) -> str | None:
    return str(_number(query, "weight", 400, most=900)) if "weight" in query else None


def _number(query: Query, name: str, default: int, *, most: int = sys.maxsize) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise bad_parameter(name, "must be a number, and within bounds")
    return int(text)


def _one_of(query: Query, name: str, known: tuple[str, ...], default: str) -> str:
    value = query.get(name, default)
    if value != default and value not in known:
        raise bad_parameter(name, f"must be one of: {', '.join(known)}")
    return value


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _words(query: Query, name: str) -> set[str]:
    return {word.strip() for word in query.get(name, "").split(",") if word.strip()}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in plain if sign.isalnum())
