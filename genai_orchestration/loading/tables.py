"""A load without Dagster: chosen tables of a provider, reported to the ledger."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from dlt.common.pipeline import LoadInfo
from dlt.common.runtime.collector_base import Collector
from dlt.extract import DltSource

from genai_orchestration import clock, warehouse
from genai_orchestration.ledger import Ledger
from genai_orchestration.loading import ledger_sync
from genai_orchestration.loading.request_rows import requests_source
from genai_orchestration.loading.windows import load_windows
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.sources import account_of
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch

LOOK = 60.0  # seconds at most for the jobs that are open

logger = logging.getLogger(__name__)


def load(
    provider: Provider,
    settings: Settings,
    tables: Sequence[str],
    *,
    progress: Collector | None = None,
    again: bool = False,
    **arguments: Any,
) -> tuple[list[LoadInfo], dict[str, int]]:
    """Load the tables; dlt's summaries, and the rows of each. Free: no credit is spent.

    Open jobs of paid requests are asked after first. A table of paid requests is loaded from the
    ledger alone. `arguments` are the source's own. Finished jobs of paid requests are loaded once,
    and with `again` another time: into a new warehouse.
    """
    account_of(provider, None, None)  # a missing key is an error before anything is made
    paid = [operation for operation in provider.operations if operation.name in tables]
    read = [name for name in tables if name in {table.name for table in provider.tables}]
    summaries: list[LoadInfo] = []
    rows: Counter[str] = Counter()

    def run(source: DltSource) -> None:
        with warehouse.pipeline(provider, settings, progress=progress) as pipeline:
            summaries.append(pipeline.run(source))
            rows.update(warehouse.loaded_row_counts(pipeline))

    _follow(provider, settings, read)
    if read:
        with ledger_sync.load_with_ledger(provider, settings, read, again=again) as (finished, _):
            known = {"finished": finished} if finished else {}
            for names, window in _windows(provider, read, arguments):
                run(provider.source(**window, **known).with_resources(*names))
    if paid:
        with Ledger.open(settings) as ledger:
            run(requests_source(provider, ledger, paid))
    return summaries, rows


def _windows(
    provider: Provider, tables: Sequence[str], arguments: Mapping[str, Any]
) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """What to load one after the other: tables, and the source's arguments for them."""
    history = [name for name in tables if provider.table(name).by_day]
    if not (history and provider.start) or "ids" in arguments:
        yield [*tables], arguments
        return
    start = arguments.get("start") or provider.start()
    end = arguments.get("end") or clock.now().date() + timedelta(days=1)
    names = [*tables]
    for portion in load_windows(provider, start, end):
        yield names, {**arguments, "start": portion.start, "end": portion.end}
        names = history  # the others once


def _follow(provider: Provider, settings: Settings, tables: Sequence[str]) -> None:
    """Ask after open jobs whose records belong into the tables: no sensor may be running."""
    for kind in provider.job_kinds:
        if not set(kind.tables) & set(tables):
            continue
        with Ledger.open(settings) as ledger:
            found = watch.follow(ledger, provider, kind, LOAD_POLICY, ledger.now, seconds=LOOK)
        if found.trouble:
            logger.warning("Open %s: %s", kind.noun, found.trouble)
