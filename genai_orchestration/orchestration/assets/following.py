"""Loads and the ledger of paid requests, as Dagster shows it: news of requests are observed.

finished jobs ─► the load ─► marked as loaded ─┬─► rows of their requests, loaded again
rows that say how a job ended ─► the ledger ───┘   shown on the assets of their operations
"""

import contextlib
from collections.abc import Iterator

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.loading import ledger_sync
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.metadata import requests as request_metadata
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import FinishedJob
from genai_orchestration.settings import Settings


@contextlib.contextmanager
def loading(
    context: dg.AssetExecutionContext, provider: Provider, *, again: bool = False
) -> Iterator[list[FinishedJob]]:
    """Around a load of the chosen tables: the finished jobs that belong into them."""
    tables = [key.path[-1] for key in context.selected_asset_keys]
    settings = Settings.load()
    with ledger_sync.load_with_ledger(provider, settings, tables, again=again) as (finished, news):
        yield finished
    if news:
        _report(context, provider, settings, news)


def _report(
    context: dg.AssetExecutionContext, provider: Provider, settings: Settings, names: set[str]
) -> None:
    """Observed, not materialized: a materialization of these assets means a submission."""
    with Ledger.open(settings) as ledger:
        for operation in provider.operations:
            if operation.name in names:
                context.log_event(
                    dg.AssetObservation(
                        asset_key(provider, operation.name),
                        description="How jobs of earlier requests ended; nothing was submitted.",
                        metadata=request_metadata.metadata(
                            ledger, provider, operation, clock.now()
                        ),
                    )
                )
