"""What the warehouse knows of requests before they are sent: the rows that their payloads name.

requests ─► ids, by provider and table ─► one SELECT a table ─► rows, their JSON parsed
                                                    └─► no table yet: no rows
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.work import Row, WarehouseLookup
from genai_orchestration.requests.plan import Known
from genai_orchestration.requests.request import NewRequest, Operations
from genai_orchestration.settings import Settings


def known_rows(requests: Iterable[NewRequest], operations: Operations, settings: Settings) -> Known:
    """The rows that the requests name, by provider and table; one query for each table.

    Raises what the destination raises; `destination_errors.translate_error` makes sentences of it.
    """
    wanted: dict[tuple[str, str], tuple[WarehouseLookup, set[str]]] = {}
    for request in requests:
        operation = operations.get((request.provider, request.operation))
        lookup = operation.known if operation else None
        named = lookup.id_of(request.payload) if lookup else None
        if lookup and named and warehouse.NAME.fullmatch(named):
            key = (request.provider, lookup.table)
            wanted.setdefault(key, (lookup, set()))[1].add(named)
    return {
        (provider, table): _rows(provider, lookup, ids, settings)
        for (provider, table), (lookup, ids) in wanted.items()
    }


def _rows(
    provider: str, lookup: WarehouseLookup, ids: set[str], settings: Settings
) -> dict[str, Row]:
    """The rows of those ids; none when the warehouse does not have the table yet."""
    owner = provider_named(provider)
    listed = ", ".join(f"'{named}'" for named in sorted(ids))
    found = warehouse.query(
        owner,
        settings,
        f"SELECT {', '.join(('id', *lookup.columns))} FROM {{{lookup.table}}} "  # noqa: S608
        f"WHERE id IN ({listed})",
    )
    types = owner.table(lookup.table).columns
    return {row[0]: _parsed(("id", *lookup.columns), row, types) for row in found or ()}


def _parsed(names: Iterable[str], row: Iterable[Any], types: Mapping[str, str]) -> Row:
    """The row by column; some drivers parse JSON themselves, and some do not."""
    return {
        name: json.loads(value) if types.get(name) == "json" and isinstance(value, str) else value
        for name, value in zip(names, row, strict=True)
    }
