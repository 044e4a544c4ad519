"""Directus' filter language: a filter in, a condition on one record out.

    {"_and": [{"status": {"_in": "pending,queued"}}, {"date_created": {"_gte": "2026-11-01"}}]}
      └──────── compile_filter ────────► Condition(record) -> bool

Known operators: `_eq _neq _in _nin _gt _gte _lt _lte _null _nnull`, joined by `_and` and `_or`.
Others, and filters that reach into relations, are refused with 400.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson

from genai_orchestration.providers.imagine_api.sandbox import time
from genai_orchestration.providers.imagine_api.sandbox.http import forbidden, invalid_query


class Record(Protocol):
    """Anything whose fields are read by name."""

    def __getitem__(self, field: str, /) -> Any:
        """The value of that field."""


Condition = Callable[[Record], bool]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the reader's role and the server's settings allow, at this moment."""

    types: Mapping[str, str]  # readable field -> Directus type, in the order of the record
    sortable: frozenset[str]  # more than the readable ones: 9.23.1 does not check permissions here
    user: str
    now: datetime
    limit_max: int | None = None
    counts: bool = True


ORDERED_TYPES = ("timestamp", "integer")  # the only ones for which Directus offers _gt and friends
SCALAR_TYPES = (*ORDERED_TYPES, "string", "text", "uuid")  # lists have only _null and _nnull
ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "_gt": operator.gt,
    "_gte": operator.ge,
    "_lt": operator.lt,
    "_lte": operator.le,
}
WORDS: dict[str, object] = {"null": None, "true": True, "false": False}


def compile_filter(wanted: object, rules: Rules) -> Condition:
    """The condition of a filter, given as an object or as its JSON text.

    Raises 403 for a field that is unknown or hidden, 400 for what is no filter.
    """
    parts = [_part(key, value, rules) for key, value in from_json(wanted, "filter").items()]
    return _every(parts)


def from_json(value: object, name: str) -> dict[str, Any]:
    """A parameter that is an object, or the JSON text of one; 400 for anything else."""
    try:
        value = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise invalid_query(f'Invalid value passed for "{name}".')
    return value


def _part(key: str, value: object, rules: Rules) -> Condition:
    if key in ("_and", "_or"):
        return _joined(key, value, rules)
    if key not in rules.types:
        raise forbidden()
    operators = value if isinstance(value, dict) else {"_eq": value}
    tests = [_test(name, key, operand, rules) for name, operand in operators.items()]
    return _every([_of_field(key, test) for test in tests])


def _every(parts: list[Condition]) -> Condition:
    """All of the parts; a single one stays as it is, for it is asked of every record there is."""
    return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)


def _of_field(field: str, test: Callable[[Any], bool]) -> Condition:
    return lambda record: test(record[field])


def _joined(key: str, value: object, rules: Rules) -> Condition:
    members = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(members, list):
        raise invalid_query(f'"{key}" has to be an array.')
    parts = [compile_filter(member, rules) for member in members]
    if key == "_or" and parts:
        return lambda record: any(part(record) for part in parts)
    return _every(parts)


def _test(name: str, field: str, operand: object, rules: Rules) -> Callable[[Any], bool]:
    kind = rules.types[field]
    if name in ("_null", "_nnull"):
        return _nullness((name == "_null") == (operand not in (False, "false")))
    if name in ("_in", "_nin") and kind in SCALAR_TYPES:
        return _membership(name, _list(operand, kind, rules))
    if name in ("_eq", "_neq") and kind in SCALAR_TYPES:
        return _equality(name, operand, kind, rules)
    if name in ORDERINGS and kind in ORDERED_TYPES:
        return _ordering(ORDERINGS[name], cast(operand, kind, rules))
    raise invalid_query(f'"{kind}" field type does not contain the "{name}" filter operator')


def _nullness(wanted: bool) -> Callable[[Any], bool]:
    return lambda value: (value is None) == wanted


def _equality(name: str, operand: object, kind: str, rules: Rules) -> Callable[[Any], bool]:
    if operand == "":
        raise invalid_query(f'You can\'t filter for an empty string in "{name}".')
    wanted, equal = cast(operand, kind, rules), name == "_eq"
    if wanted is None:  # the database's query builder makes IS NULL of it
        return _nullness(equal)
    return lambda value: value is not None and (value == wanted) == equal


def _membership(name: str, wanted: list[Any]) -> Callable[[Any], bool]:
    among, inside = frozenset(wanted), name == "_in"
    return lambda value: value is not None and (value in among) == inside


def _ordering(compare: Callable[[Any, Any], bool], wanted: Any) -> Callable[[Any], bool]:
    if wanted is None:
        return lambda value: False
    return lambda value: value is not None and compare(value, wanted)


def _list(operand: object, kind: str, rules: Rules) -> list[Any]:
    """The members of a list; an object is what indexes from 21 on become, and matches nothing."""
    if isinstance(operand, dict):
        return []
    members = operand if isinstance(operand, list) else str(operand).split(",")
    return [cast(member, kind, rules) for member in members]


def cast(operand: object, kind: str, rules: Rules) -> Any:
    """An operand as the column's type; words like `null` and `$NOW` become values first."""
    value = _meaning(operand, rules)
    if value is None or isinstance(value, bool):
        return value
    if kind == "integer":
        return _integer(value)
    return time.operand(str(value)) if kind == "timestamp" else str(value)


def _meaning(operand: object, rules: Rules) -> object:
    if not isinstance(operand, str):
        return operand
    if operand in WORDS:
        return WORDS[operand]
    if operand.startswith("$CURRENT_USER"):
        return rules.user
    return time.relative(operand, rules.now) or operand


def _integer(value: object) -> int | float:
    try:
        return float(str(value))
    except ValueError as error:
        raise invalid_query("Invalid numeric value") from error
