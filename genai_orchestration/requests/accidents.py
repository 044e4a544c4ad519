"""What a spreadsheet does to requests by accident, found before anything is paid for.

payload ─► texts that are a formula's error (#REF!) ─► sentences
        └► smoothed: "a  fox " is "a fox", and é is é ─► the same fingerprint: duplicates
column ─► the name that was meant: "Request key" is request_key
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from genai_orchestration.providers.wording import inside
from genai_orchestration.requests.request import NewRequest, fingerprint

# what Excel, Google Sheets and LibreOffice show in the place of a value, in each language alike
ERRORS = re.compile(r"#(NAME|REF|VALUE|N/A|DIV/0|NULL|NUM|SPILL|CALC|ERROR)[!?]?", re.IGNORECASE)


def formula_errors(value: Any, path: str = "") -> Iterator[str]:
    """A sentence for each text of a payload that is the error of a spreadsheet's formula."""
    match value:
        case str() if ERRORS.fullmatch(value.strip()):
            yield (
                f"{path} is {value.strip()}, the error of a formula in a spreadsheet: repair the "
                "formula, and save the file again."
            )
        case Mapping():
            for key, inner in value.items():
                yield from formula_errors(inner, inside(path, key))
        case list() | tuple():
            for number, inner in enumerate(value):
                yield from formula_errors(inner, f"{path}[{number}]")


def likeness(request: NewRequest) -> str:
    """What requests have in common that differ in spaces or in the coding of letters at most."""
    return fingerprint(request.provider, request.operation, _smoothed(request.payload))


def meant(column: str, names: Collection[str]) -> str | None:
    """The name that a column's differs from in case and spaces alone; None without one."""
    written = re.sub(r"[\s_-]+", "_", column.strip().casefold())
    return next((name for name in names if name == written != column), None)


def _smoothed(value: Any) -> Any:
    match value:
        case str():
            return " ".join(unicodedata.normalize("NFC", value).split())
        case Mapping():
            return {key: _smoothed(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_smoothed(inner) for inner in value]
    return value
