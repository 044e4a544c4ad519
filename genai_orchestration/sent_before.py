"""What the warehouse knows to be sent, and this ledger does not: it was removed, or is another.

    planned here ─► its row in the warehouse's table of requests ─► sent, by an earlier ledger
                                                                    └─► not approved by itself

A row of such a table is written only for a request that was sent. To approve the same key again is
to pay a second time, so a person has to say that it is meant.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from genai_orchestration import warehouse
from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.ledger_tables import RequestRecord
from genai_orchestration.jobs.request_rows import request_table
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.providers import provider_named
from genai_orchestration.settings import Settings

SHOWN = 3  # keys that a sentence names


class SentBefore(PlainError):
    """Requests that another ledger has sent already."""


def check_not_sent(records: Iterable[RequestRecord], settings: Settings) -> None:
    """SentBefore when the warehouse has a planned request as sent; all of them or none go on.

    Raises what the destination raises; `destination_errors.in_words` makes sentences of it.
    """
    found = sent_before(records, settings)
    if not found:
        return
    named = ", ".join(f"{key} ({when:%Y-%m-%d})" for key, when in [*found.items()][:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise SentBefore(
        f"Nothing was approved: the warehouse says that {len(found)} of them were sent before "
        f"({named}{more}), and this ledger does not know of it. It is new, or another one than "
        "then: put the ledger back that has sent them, or give --sent-before to pay again."
    )


def sent_before(records: Iterable[RequestRecord], settings: Settings) -> dict[str, datetime]:
    """The keys of planned requests that have a row in the warehouse, and when they were sent."""
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        if record.state is RequestState.PLANNED:
            keys[record.provider, record.operation].append(record.request_key)
    return {
        key: when
        for (provider, operation), names in keys.items()
        for key, when in _sent(provider, operation, names, settings).items()
    }


def _sent(
    provider_name: str, operation_name: str, keys: list[str], settings: Settings
) -> dict[str, datetime]:
    provider = provider_named(provider_name)
    operation = next((o for o in provider.operations if o.name == operation_name), None)
    if operation is None:  # of another version; it is not sent by this one
        return {}
    table = request_table(provider, operation)
    known = dataclasses.replace(provider, tables=(*provider.tables, table))
    found: dict[str, datetime] = {}
    for names in warehouse.quoted(keys):
        sql = f"""SELECT request_key, submitted_at FROM {{{table.name}}}
            WHERE request_key IN ({names}) ORDER BY submitted_at"""  # noqa: S608 checked names
        found |= {row[0]: row[1] for row in warehouse.query(known, settings, sql) or []}
    return found
