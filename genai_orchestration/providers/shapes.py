"""What a JSON answer has to be before a row of it is used: a list of records, or one record.

    bytes ─► parse ─► records(...) or record(...) ─► rows
                      └► Misshapen: what is odd about it; the client asks again

A provider answers 200 in passing with an error, with nothing, or with another page's JSON. A shape
is a function from the parsed answer to the part of it that is used; every read goes through one.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import orjson

Record = dict[str, Any]
T = TypeVar("T")
Shape = Callable[[Any], T]

PLAIN = frozenset({str, int, bool, type(None)})
EXACT = 2**63  # orjson makes floats of whole numbers beyond 64 bits


class Misshapen(Exception):
    """An answer is not of the shape; the text completes "that is ..."."""


def records(
    *, at: str | None = None, key: str | None = None, empty: bool = True
) -> Shape[list[Record]]:
    """A list of objects, in the answer's field `at`; each with text in its field `key`.

    `empty` is false for a list that is never empty.

    >>> records(at="data", key="id")({"data": [{"id": "a"}]})
    [{'id': 'a'}]
    """

    def shape(answer: Any) -> list[Record]:
        listed = _inside(answer, at)
        if not isinstance(listed, list):
            raise Misshapen("no list" if at is None else f"no list in {at!r}")
        if not (listed or empty):
            raise Misshapen("an empty list")
        for each in listed:
            if not isinstance(each, dict):
                raise Misshapen("a list with something else than objects in it")
            if key is not None and not (isinstance(each.get(key), str) and each[key]):
                raise Misshapen(f"a list with a record that has no {key!r}")
        return listed

    return shape


def record(*, at: str | None = None, needs: Sequence[str] = ()) -> Shape[Record]:
    """An object, in the answer's field `at`; each of `needs` is there and not null.

    Where nothing is needed of it, it is at least no list of errors.

    >>> record(needs=["credits"])({"credits": 380})
    {'credits': 380}
    """

    def shape(answer: Any) -> Record:
        found = _inside(answer, at)
        if not isinstance(found, dict):
            raise Misshapen("no object" if at is None else f"no object in {at!r}")
        if not needs and "errors" in found:
            raise Misshapen("an object of errors")
        if absent := next((name for name in needs if found.get(name) is None), None):
            raise Misshapen(f"an object without {absent!r}")
        return found

    return shape


def parse(content: bytes) -> Any:
    """The JSON, whole numbers of any length exact; orjson.JSONDecodeError when it is none."""
    parsed = orjson.loads(content)
    if not _has_large_floats(parsed):
        return parsed
    try:
        return json.loads(content)  # twice as slow
    except (RecursionError, ValueError):  # deeper, or with more digits, than Python reads
        return parsed


def _inside(answer: Any, at: str | None) -> Any:
    if at is None:
        return answer
    if not isinstance(answer, dict) or answer.get(at) is None:
        raise Misshapen(f"no object with {at!r}")
    return answer[at]


def _has_large_floats(parsed: Any) -> bool:
    """Whether a number in it may have been a whole one of more than 64 bits."""
    waiting = [[parsed]]
    while waiting:
        for value in waiting.pop():
            kind = type(value)
            if kind in PLAIN:
                continue
            if kind is float:
                if abs(value) >= EXACT:
                    return True
            else:
                waiting.append(value.values() if kind is dict else value)
    return False
