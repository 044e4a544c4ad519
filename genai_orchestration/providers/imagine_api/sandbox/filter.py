"""Directus' filter language: a filter in, a condition on one record out.

    {"_and": [{"status": {"_in": "pending,queued"}}, {"date_created": {"_gte": "2026-11-01"}}]}
      └──────── compile_filter ────────► Condition(record) -> bool

Known operators: `_eq _neq _in _nin _gt _gte _lt _lte _null _nnull _empty _nempty`, joined
by `_and` and `_or`. Others, and filters that reach into relations, are refused with 400.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import orjson

from genai_orchestration.providers.imagine_api.sandbox import http, time


class Record(Protocol):
    """Anything whose fields are read by name."""

    def __getitem__(self, field: str, /) -> Any:
        """The value of that field."""


Condition = Callable[[Record], bool]
Test = Callable[[Any], bool]  # of one field's value


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the reader's role and the server's settings allow, at this moment."""

    types: Mapping[str, str]  # readable field -> Directus type, in the order of the record
    sortable: frozenset[str]  # more than the readable ones: 9.23.1 does not check permissions here
    user: str
    now: datetime
    limit_max: int | None = None
    counts: bool = True
    validates: bool = True  # 9.23.1 does not, for a SEARCH


ORDERED_TYPES = ("timestamp", "integer")  # the only ones for which Directus offers _gt and friends
SCALAR_TYPES = (*ORDERED_TYPES, "string", "text", "uuid")  # lists have only _null and _nnull
TEXT_TYPES = ("string", "text")  # the only ones for which it offers _empty and _nempty
ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "_gt": operator.gt,
    "_gte": operator.ge,
    "_lt": operator.lt,
    "_lte": operator.le,
}
IS_NULL = partial(operator.is_, None)
IS_FILLED = partial(operator.is_not, None)
IS_EMPTY = (None, "").__contains__
# an empty text is `_nempty`, too: `IS NOT NULL OR != ''`
NULLNESS: Mapping[str, tuple[Test, Test]] = {
    "_null": (IS_NULL, IS_FILLED),
    "_nnull": (IS_FILLED, IS_NULL),
    "_empty": (IS_EMPTY, IS_FILLED),
    "_nempty": (IS_FILLED, IS_EMPTY),
}
WORDS: dict[str, object] = {"null": None, "true": True, "false": False}


def compile_filter(wanted: object, rules: Rules) -> Condition:
    """The condition of a filter, given as an object or as its JSON text.

    Raises 403 for a field that is unknown or hidden, 400 for an operator or operand that is wrong,
    500 for what is no filter at all.
    """
    return _every(_clauses(_filter(wanted), rules))


def from_json(value: object, name: str) -> dict[str, Any]:
    """A parameter that is an object, or the JSON text of one; 400 for anything else."""
    value = _parsed(value)
    if not isinstance(value, dict):
        raise http.invalid_query(f'Invalid value passed for "{name}".')
    return value


def _filter(value: object) -> dict[str, Any]:
    """A filter, or the JSON text of one; an empty list is an empty filter, and the rest a fault."""
    value = _parsed(value)
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise http.server_fault()
    return value


def _parsed(value: object) -> object:
    try:
        return orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        return None


def _clauses(wanted: Mapping[str, Any], rules: Rules) -> list[Condition]:
    """What a filter adds to the group that it is in: several keys are one group of their own.

    One key may add no clause, or two: the group's `AND` or `OR` is between those, too.
    """
    if len(wanted) != 1:
        return [_every([c for key, value in wanted.items() for c in _of_key(key, value, rules)])]
    [(key, value)] = wanted.items()
    return _of_key(key, value, rules)


def _of_key(key: str, value: object, rules: Rules) -> list[Condition]:
    if key in ("_and", "_or"):
        return _joined(key, value, rules)
    if key not in rules.types:
        raise http.forbidden()
    operators = value if isinstance(value, dict) else {"_eq": value}
    if value in (None, [], {}) or _overflows(operators):
        raise http.server_fault()
    tests = [
        _of_field(key, test)
        for name, operand in operators.items()
        for test in _tests(name, rules.types[key], operand, rules)
    ]
    return tests if len(operators) == 1 else [_every(tests)]


def _overflows(operators: Mapping[str, Any]) -> bool:
    """Whether 9.23.1 recurses without end: several operators of one field, one of them with text.

    Two filters joined by `_and` say the same, and work.
    """
    return len(operators) > 1 and any(
        operand is None or (isinstance(operand, str | list) and not str(operand).startswith("$NOW"))
        for operand in operators.values()
    )


def _every(parts: list[Condition]) -> Condition:
    """All of the parts; a single one stays as it is, for it is asked of every record there is."""
    return parts[0] if len(parts) == 1 else lambda record: all(part(record) for part in parts)


def _of_field(field: str, test: Test) -> Condition:
    return lambda record: test(record[field])


def _joined(key: str, value: object, rules: Rules) -> list[Condition]:
    """One group, or nothing: 9.23.1 leaves out an `_or` with an empty filter among its members."""
    if not isinstance(value, list):  # as are more than 21 members by index
        raise http.server_fault()
    filters = [_filter(member) for member in value]
    parts = [clause for member in filters for clause in _clauses(member, rules)]
    if key == "_and":
        return [_every(parts)]
    if not parts or {} in filters:
        return []
    return [lambda record: any(part(record) for part in parts)]


def _tests(name: str, kind: str, operand: object, rules: Rules) -> list[Test]:
    """The clauses of one operator.

    9.23.1 adds one of the `_null` and one of the `_nnull` kind where the operand is false: joined
    by `AND` they match nothing (but an empty text for `_empty`), joined by `OR` everything.
    """
    if name in NULLNESS and (name in ("_null", "_nnull") or kind in TEXT_TYPES):
        test, opposite = NULLNESS[name]
        return [test, opposite] if _boolean(name, operand) is False else [test]
    if name in ("_in", "_nin") and kind in SCALAR_TYPES:
        if operand == [] and rules.validates:
            raise http.invalid_query(f'"{name}" has to be an array of values')
        return [_membership(name, _list(operand, kind, rules))]
    if name in ("_eq", "_neq") and kind in SCALAR_TYPES:
        return [_equality(name, operand, kind, rules)]
    if name in ORDERINGS and kind in ORDERED_TYPES:
        return [_ordering(ORDERINGS[name], cast(operand, kind, rules))]
    raise http.invalid_query(f'"{kind}" field type does not contain the "{name}" filter operator')


def _boolean(name: str, operand: object) -> bool | None:
    value = WORDS.get(operand, operand) if isinstance(operand, str) else operand
    if value is None or isinstance(value, bool):
        return value
    raise http.invalid_query(f'"{name}" has to be a boolean')


def _equality(name: str, operand: object, kind: str, rules: Rules) -> Test:
    if operand == "":
        raise http.invalid_query(f'You can\'t filter for an empty string in "{name}".')
    wanted, equal = cast(operand, kind, rules), name == "_eq"
    if wanted is None:  # `= NULL` is never true, but of the other one it makes IS NOT NULL
        return (lambda value: False) if equal else IS_FILLED
    return lambda value: value is not None and (value == wanted) == equal


def _membership(name: str, wanted: list[Any]) -> Test:
    among, inside = frozenset(wanted), name == "_in"
    if None in among and not inside:  # in SQL, nothing is outside of a list with a null
        return lambda value: False
    return lambda value: value is not None and (value in among) == inside


def _ordering(compare: Callable[[Any, Any], bool], wanted: Any) -> Test:
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
    if kind == "integer":
        return _integer(value)
    if value is None or isinstance(value, bool):
        return value
    return time.operand(str(value)) if kind == "timestamp" else str(value)


def _meaning(operand: object, rules: Rules) -> object:
    if not isinstance(operand, str):
        return operand
    if operand in WORDS:
        return WORDS[operand]
    if operand.startswith("$CURRENT_USER"):
        return rules.user
    return time.relative(operand, rules.now) or operand


def _integer(value: object) -> float:
    """A number as JavaScript makes it: null is 0, and what is none compares with nothing."""
    try:
        return float(value if isinstance(value, bool) else str(value or 0))
    except ValueError:
        return math.nan
