"""What the warehouse knows to be sent, and this ledger does not: it was removed, or is another.

    planned here ─► the warehouse's rows of requests and files ─► sent, by an earlier ledger
                                                                  └─► not approved by itself

Such rows are written only for a request that was sent. To approve the same key again is to pay a
second time, so a person has to say that it is meant.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from genai_orchestration import warehouse
from genai_orchestration.errors import UserError, some_of
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.loading.request_rows import request_table
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.providers.base import Provider
from genai_orchestration.settings import Settings

KEYS_SHOWN = 3  # keys that a sentence names


class SentBefore(UserError):
    """Requests that another ledger has sent already."""


def check_not_sent(records: Iterable[RequestRecord], settings: Settings) -> None:
    """SentBefore when the warehouse has a planned request as sent; all of them or none go on.

    Raises what the destination raises; `destination_errors.translate_error` makes sentences of it.
    """
    if found := sent_before(records, settings):
        raise SentBefore(f"Nothing was approved. {sentence(found)}")


def sentence(found: Mapping[str, datetime]) -> str:
    """What is to be said of requests that were sent before."""
    named = some_of([f"{key} ({when:%Y-%m-%d})" for key, when in found.items()], KEYS_SHOWN)
    return (
        f"The warehouse says that {len(found)} of the requests were sent before ({named}), "
        "and this ledger does not know of it. It is new, or another one than then: put the ledger "
        "back that has sent them, or run genai requests approve KEY --sent-before to pay again."
    )


def sent_before(records: Iterable[RequestRecord], settings: Settings) -> dict[str, datetime]:
    """The keys of planned requests that the warehouse knows, and since when."""
    keys: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.state is RequestState.PLANNED:
            keys[record.provider].append(record.request_key)
    found: dict[str, datetime] = {}
    for name, planned in keys.items():
        for known, table, column in _tables(provider_named(name)):
            for names in warehouse.in_list_sql(planned):
                sql = f"""SELECT request_key, MIN({column}) FROM {{{table}}}
                    WHERE request_key IN ({names}) GROUP BY 1"""  # noqa: S608 checked names
                for key, when in warehouse.query(known, settings, sql) or []:
                    found[key] = min(when, found.get(key, when))
    return found


def sent_until(moment: datetime, settings: Settings) -> int:
    """How many requests the warehouse has as sent before that moment."""
    keys: set[str] = set()
    for provider in all_providers():
        for known, table, column in _tables(provider):
            sql = f"""SELECT DISTINCT request_key FROM {{{table}}} WHERE request_key IS NOT NULL
                AND {column} < TIMESTAMPTZ '{moment}'"""  # noqa: S608 own names and time
            keys.update(row[0] for row in warehouse.query(known, settings, sql) or [])
    return len(keys)


def _tables(provider: Provider) -> Iterator[tuple[Provider, str, str]]:
    """The tables with keys of requests that were sent, each with the time of a row."""
    tables = [request_table(provider, operation) for operation in provider.operations]
    known = dataclasses.replace(provider, tables=(*provider.tables, *tables))
    for table in tables:
        yield known, table.name, "submitted_at"
    if provider.archive and provider.operations:
        yield known, provider.archive.table.name, "tried_at"
