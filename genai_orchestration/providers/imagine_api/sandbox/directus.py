"""Directus' list parameters as pure functions: records and parameters in, the answer's JSON out.

    ?filter[status][_in]=a,b&sort=-date_created&limit=5 ──from_url──┐
    SEARCH {"query": {"filter": {…}, "limit": 5}} ──────────────────┴─► parameters ─► listing()

With all of 9.23.1's traps: silent default of 100, `page` that beats `offset`, an order by id unless
set otherwise, and arrays by index that fall apart from the 22nd member on.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from genai_orchestration.providers.imagine_api.sandbox.filter import (
    Condition,
    Record,
    Rules,
    compile_filter,
    from_json,
)
from genai_orchestration.providers.imagine_api.sandbox.http import (
    forbidden,
    invalid_query,
    server_fault,
)

DEFAULT_LIMIT = 100  # QUERY_LIMIT_DEFAULT
ALL = -1
LAST_INDEX = 20  # qs' arrayLimit: an index beyond it turns the whole array into an object
APPENDED = ""  # the key of `name[]=value`

Parameters = Mapping[str, Any]


def from_url(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The query string as nested objects and arrays, the way node's `qs` reads brackets."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, *rest = re.split(r"\]?\[", name.removesuffix("]"))
        _put(tree, [head, *rest], value)
    return {key: _arrays(value) for key, value in tree.items()}


def _put(tree: dict[str, Any], keys: list[str], value: str) -> None:
    *path, last = keys
    for key in path:
        below = tree.get(key)
        tree[key] = below if isinstance(below, dict) else {}
        tree = tree[key]
    if last in tree or last == APPENDED:
        before = tree.get(last, [])
        tree[last] = [*(before if isinstance(before, list) else [before]), value]
    else:
        tree[last] = value


def _arrays(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    below = {key: _arrays(value) for key, value in node.items()}
    if set(below) == {APPENDED}:
        return below[APPENDED]
    if all(key.isdecimal() and int(key) <= LAST_INDEX for key in below):
        return [below[key] for key in sorted(below, key=int)]
    return below


def listing(records: Sequence[Record], parameters: Parameters, rules: Rules) -> dict[str, Any]:
    """The body of a list's answer: `{"data": […]}`, with `meta` before it if asked for.

    Raises 403 for an unknown field, 500 for an unknown one in `sort` and for what is no filter,
    400 for a bad value.
    """
    fields = readable(parameters.get("fields"), rules)
    order = _order(parameters.get("sort"), rules)
    matching = _matching(records, parameters.get("filter"), rules)
    page = _page(parameters, rules)
    if parameters.get("aggregate"):
        return {"data": _counts(matching, parameters, rules)[page]}
    meta = _meta(parameters.get("meta"), len(records), len(matching), rules)
    shown = _sorted(matching, order)[page]
    return {**meta, "data": [select(record, fields) for record in shown]}


def select(record: Record, fields: Iterable[str]) -> dict[str, Any]:
    """The record's fields as JSON shows them."""
    return {field: record[field] for field in fields}


def readable(wanted: object, rules: Rules) -> list[str]:
    """The fields named by `fields`, in that order; all of them for `*` or nothing."""
    named = names(wanted) or ["*"]
    fields = [field for name in named for field in (rules.types if name == "*" else [name])]
    if not rules.types.keys() >= set(fields):
        raise forbidden()
    return list(dict.fromkeys(fields))


def names(value: object) -> list[str]:
    """A csv list, or an array of such, as one list of names without blanks."""
    parts = value if isinstance(value, list) else [value or ""]
    return [name.strip() for part in parts for name in str(part).split(",") if name.strip()]


def _matching(records: Sequence[Record], wanted: object, rules: Rules) -> list[Record]:
    if wanted in (None, "", {}):
        return list(records)
    condition: Condition = compile_filter(wanted, rules)
    return [record for record in records if condition(record)]


def _order(wanted: object, rules: Rules) -> list[str]:
    order = names(wanted) or ["id"]
    if not rules.sortable >= {name.removeprefix("-") for name in order}:
        raise server_fault()
    return order


def _sorted(records: list[Record], order: list[str]) -> list[Record]:
    """Sorted as SQLite does: nulls first; `-` turns the order of one field round."""
    for name in reversed(order):
        field = name.removeprefix("-")
        records = sorted(
            records,
            key=lambda record, field=field: _rank(record[field]),  # type: ignore[misc]
            reverse=name.startswith("-"),
        )
    return records


def _rank(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def _page(parameters: Parameters, rules: Rules) -> slice:
    limit = _limit(parameters, rules)
    page = _number(parameters, "page", default=0, least=0)
    offset = _number(parameters, "offset", default=0, least=0)
    if page:  # beats offset; with limit=-1 it comes out negative, which Directus ignores
        offset = max(limit * (page - 1), 0)
    return slice(offset, None if limit == ALL else offset + limit)


def _limit(parameters: Parameters, rules: Rules) -> int:
    limit = _number(parameters, "limit", default=DEFAULT_LIMIT, least=ALL)
    if rules.limit_max is None:
        return limit
    if "limit" in parameters and limit > rules.limit_max:
        raise invalid_query(f'"limit" must be less than or equal to {rules.limit_max}')
    return rules.limit_max if limit == ALL else min(limit, rules.limit_max)


def _number(parameters: Parameters, name: str, *, default: int, least: int) -> int:
    value = parameters.get(name, default)
    try:
        number = int(value or 0)
    except (TypeError, ValueError) as error:
        raise invalid_query(f'"{name}" must be a number') from error
    if number < least:
        raise invalid_query(f'"{name}" must be greater than or equal to {least}')
    return number


def _meta(wanted: object, total: int, matching: int, rules: Rules) -> dict[str, Any]:
    asked = names(wanted)
    if not asked:
        return {}
    if not rules.counts:
        raise forbidden()
    counts = {"total_count": total, "filter_count": matching}
    if not counts.keys() | {"*"} >= set(asked):
        raise invalid_query(f'"meta[0]" must be one of [{", ".join(counts)}]')
    return {"meta": {name: n for name, n in counts.items() if name in asked or "*" in asked}}


def _counts(records: list[Record], parameters: Parameters, rules: Rules) -> list[dict[str, Any]]:
    """`aggregate[count]`: one row, or one per group, groups in the order of their values."""
    aggregate = from_json(parameters["aggregate"], "aggregate")
    if not rules.counts:
        raise forbidden()
    if names(aggregate.get("count")) != ["*"] or len(aggregate) > 1:
        raise invalid_query("The sandbox aggregates by count of * only.")
    groups = names(parameters.get("groupBy"))
    if not rules.types.keys() >= set(groups):
        raise forbidden()
    found = Counter(tuple(record[group] for group in groups) for record in records)
    if not groups:
        return [{"count": len(records)}]
    ranked = sorted(found, key=lambda key: [_rank(value) for value in key])
    return [{**dict(zip(groups, key, strict=True)), "count": found[key]} for key in ranked]
