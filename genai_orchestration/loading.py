"""A load without Dagster: chosen tables of a provider, and the ledger told of it."""

from collections.abc import Sequence
from typing import Any

from dlt.common.pipeline import LoadInfo

from genai_orchestration import settling, warehouse
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sources import account_of
from genai_orchestration.settings import Settings


def load(
    provider: Provider,
    settings: Settings,
    tables: Sequence[str],
    *,
    progress: Any = None,
    again: bool = False,
    **arguments: Any,
) -> tuple[LoadInfo, dict[str, int]]:
    """Load the tables; dlt's summary, and the rows of each. Free: no credit is spent.

    `arguments` are the source's own. Finished jobs of paid requests are loaded once, and with
    `again` another time: into a new warehouse.
    """
    account_of(provider, None, None)  # a missing key is told before anything is made
    with settling.loading(provider, settings, tables, again=again) as (finished, _):
        known = {"finished": finished} if finished else {}
        source = provider.source(**arguments, **known).with_resources(*tables)
        with warehouse.pipeline(provider, settings, progress=progress) as pipeline:
            summary = pipeline.run(source)
            return summary, warehouse.rows_of(pipeline)
