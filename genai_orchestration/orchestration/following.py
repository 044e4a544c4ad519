"""Loads and the ledger of paid requests: finished jobs go in with a load, news come out of it.

before   jobs that are over and not loaded ─► rows of their tables ─► marked as loaded
after    rows that say how a job ended ─► the ledger ─► the request's row is brought up to date
"""

import contextlib
from collections.abc import Collection, Iterator

import dagster as dg

from genai_orchestration import settling, times, warehouse
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.request_rows import requests_source
from genai_orchestration.orchestration.groups import Group, asset_key
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import FinishedJob
from genai_orchestration.settings import Settings


@contextlib.contextmanager
def jobs(
    context: dg.AssetExecutionContext, group: Group, *, again: bool
) -> Iterator[list[FinishedJob]]:
    """The finished jobs that belong into the chosen tables; marked as loaded after the block."""
    chosen = [key.path[-1] for key in context.selected_asset_keys]
    tables = {table for kind in group.provider.job_kinds for table in kind.tables}
    if not tables & set(chosen):
        yield []
        return
    settings = Settings.load()
    with Ledger.open(settings) as ledger:
        found = settling.finished_jobs(ledger, group.provider, chosen, again=again)
        yield [job.finished_job for job in found]
        ledger.mark_loaded([job.key for job in found], times.now())
        keys = [job.request_key for job in found if job.request_key]
        bring_up_to_date(context, group.provider, settings, ledger, keys)


def settle(context: dg.AssetExecutionContext, provider: Provider) -> None:
    """Settle the provider's requests from the rows that have just been loaded."""
    if not any(kind.settling for kind in provider.job_kinds):
        return
    settings = Settings.load()
    with Ledger.open(settings) as ledger:
        keys = settling.settle(provider, settings, ledger, times.now())
        bring_up_to_date(context, provider, settings, ledger, keys)


def bring_up_to_date(
    context: dg.AssetExecutionContext,
    provider: Provider,
    settings: Settings,
    ledger: Ledger,
    keys: Collection[str],
) -> None:
    """Load the rows of these requests again, and show it on their assets. Nothing is sent."""
    if not keys:
        return
    names = {ledger.request(key).operation for key in keys}
    touched = [each for each in provider.operations if each.name in names]
    with warehouse.pipeline(provider, settings) as pipeline:
        pipeline.run(requests_source(provider, ledger, touched, set(keys)))
    for operation in touched:
        context.log_event(
            dg.AssetMaterialization(
                asset_key(provider, operation.name),
                description="How jobs of earlier requests ended; nothing was submitted.",
            )
        )
