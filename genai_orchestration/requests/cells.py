"""The cells of one row: named cells go in, a request's payload comes out, as plain JSON.

payload {"name": "x"} + payload.style.tool general + prompt a fox
    ─► {"name": "x", "style": {"tool": "general", "prompt": "a fox"}}
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson

from genai_orchestration.providers.wording import quote_value

DEEP = "payload."  # what a column begins with that is a path into the payload
SAFE = 2**53  # up to here a float counts in ones


class WrongRow(Exception):
    """Why a row cannot be taken, as a sentence."""


def payload_of(named: Mapping[str, Any], prompt: str, *, as_text: bool) -> dict[str, Any]:
    """The payload of a row: its payload column, its paths, and the prompt where that goes.

    `as_text`: the file's cells are text, whatever they mean. `prompt`: where the operation has it.
    """
    payload = _base(named.get("payload", {}))
    for column, cell in named.items():
        if column.startswith(DEEP):
            path = column.removeprefix(DEEP)
            # a prompt is text, even one that is a number or true
            typed = as_text and isinstance(cell, str) and path != prompt
            _put(payload, path, _plain(column, _parsed(cell) if typed else cell))
    if "prompt" in named:
        if not prompt:
            raise WrongRow("this operation takes no prompt: use columns payload.<path> instead.")
        _put(payload, prompt, text_of(named, "prompt", strip=False))
    return payload


def _base(cell: Any) -> dict[str, Any]:
    """The payload column: JSON text, or an object as it is."""
    try:
        found = orjson.loads(cell) if isinstance(cell, str) else cell
    except orjson.JSONDecodeError as error:
        raise WrongRow(f"payload is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise WrongRow(f"payload is {quote_value(found)}, but must be an object.")
    plain: dict[str, Any] = _plain("payload", found)
    return plain


def _put(payload: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path, where there must be none yet."""
    *outer, last = path.split(".")
    for name in outer:
        inner = payload.setdefault(name, {})
        if not isinstance(inner, dict):
            raise WrongRow(
                f"payload.{path} lies in {name}, which is {quote_value(inner)} by another cell."
            )
        payload = inner
    if last in payload:
        raise WrongRow(f"payload.{path} is given twice: by its own column, and by another one.")
    payload[last] = value


def _parsed(cell: str) -> Any:
    """A text cell as JSON; as text when it is none, or a number that would be written otherwise."""
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
    if isinstance(value, (int, float)) and orjson.dumps(value).decode() != cell:
        return cell  # 49.90 would become 49.9 on the banner
    return value


def _plain(where: str, value: Any) -> Any:
    """The value as plain JSON, in new containers; 2.0 is 2, whichever kind of file it came from."""
    match value:
        case None | bool() | str():
            return value
        case int() | float() if isinstance(value, int) or math.isfinite(value):
            whole = isinstance(value, float) and value.is_integer() and abs(value) < SAFE
            return int(value) if whole else value
        case list():
            return [_plain(f"{where}[{number}]", inner) for number, inner in enumerate(value)]
        case dict():
            return {str(name): _plain(f"{where}.{name}", inner) for name, inner in value.items()}
    raise WrongRow(f"{where} is {quote_value(value)}, which JSON cannot say.")


def text_of(named: Mapping[str, Any], column: str, *, strip: bool = True) -> str | None:
    """A cell that must be text; None when it is empty."""
    cell = named.get(column)
    if cell is not None and not isinstance(cell, str):
        raise WrongRow(f"{column} is {quote_value(cell)}, but must be text: put it in quotes.")
    return cell.strip() if strip and cell else cell
