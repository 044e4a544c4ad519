"""A backfill from the command line: days materialized here, on the instance that the UI shows."""

import os
from datetime import date, datetime, timedelta, timezone

import dagster as dg

from genai_orchestration.definitions import defs
from genai_orchestration.dev import instance_home
from genai_orchestration.orchestration.groups import asset_key
from genai_orchestration.orchestration.partitions import range_tags
from genai_orchestration.orchestration.runs import NotLoaded, run_here
from genai_orchestration.providers.base import Provider
from genai_orchestration.settings import Settings


def materialize_days(provider: Provider, start: date, end: date, settings: Settings) -> int:
    """Load the provider's tables by day from `start` to before `end` in one run; how many days.

    NotLoaded when the run fails, or when a day is outside the partitions.
    """
    first = provider.start() if provider.start else start
    today = datetime.now(timezone.utc).date()
    if start < first or end - timedelta(days=1) > today:
        raise NotLoaded(
            f"{provider.title}'s partitions are the days from {first} to {today}: choose of them, "
            f"or set an earlier start_date in [sources.{provider.section}]."
        )
    keys = [asset_key(provider, table.name) for table in provider.tables if table.by_day]
    os.environ["DAGSTER_HOME"] = str(instance_home(settings))
    with dg.DagsterInstance.get() as instance:
        run_here(
            defs(),
            instance,
            f"{provider.name}_load",
            tags=range_tags(start, end - timedelta(days=1)),
            asset_selection=keys,
        )
    return (end - start).days
