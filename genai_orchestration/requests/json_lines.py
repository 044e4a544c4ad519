"""The lines of a JSONL file: nothing is guessed, so a field that is there twice is refused.

bytes ─► UTF-8? ─► lines ─► one JSON value each, or why there is none
"""

import codecs
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import orjson


def parsed_lines(content: bytes) -> Iterator[tuple[int, Any]]:
    """Each line that is not empty, by its number: its JSON, or the ValueError that says why not."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content.decode()  # as that of a CSV file: it is not UTF-8
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if line.strip():
            try:
                yield number, _object(line)
            except ValueError as error:
                yield number, error


def _object(line: bytes) -> Any:
    found = orjson.loads(line)  # which takes the last of two fields of one name
    with contextlib.suppress(RecursionError):
        json.loads(line, object_pairs_hook=_check_names)
    return found


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object in which a field is there twice: nobody knows which one is meant."""
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it has the field {twice[0]!r} twice")
