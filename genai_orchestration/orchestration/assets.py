"""Assets: each group of tables is one op that runs the provider's dlt pipeline.

    partitions ─► window of days ─► source (fresh) ─► pipeline (fresh) ─► results, facts, check

Source and pipeline are built in each run: dagster-dlt takes keys off a live schema, and drops a
pipeline's local state.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource
from dlt.common.runtime.collector import LogCollector

from genai_orchestration import warehouse
from genai_orchestration.errors import plain
from genai_orchestration.orchestration import facts
from genai_orchestration.orchestration.checks import WINDOW_COMPLETE, window_check, window_spec
from genai_orchestration.orchestration.groups import Group, asset_key
from genai_orchestration.orchestration.translator import TableTranslator, table_spec
from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.http import Unavailable
from genai_orchestration.settings import Settings

# an outage of seconds is ridden out by the client, one of a minute here, a longer one by schedules
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)

Days = tuple[date, date]  # first (inclusive) and last (exclusive) UTC day
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class DaysConfig(dg.Config):
    """What a run of day partitions loads."""

    finished_only: bool = False  # leave out jobs that are still open, as the sensor does


def load_assets(group: Group) -> dg.AssetsDefinition:
    """The assets of a group of tables, loaded together by one op."""
    if group.by_day:
        return _by_day(group)

    @dg.multi_asset(
        name=group.name,
        specs=[table_spec(group.provider, table) for table in group.tables],
        can_subset=len(group.tables) > 1,
        pool=group.name,
        retry_policy=RETRIES,
    )
    def load(context: dg.AssetExecutionContext, dlt: DagsterDltResource) -> Iterator[Event]:
        yield from _load(context, dlt, group, None)

    return load


def _by_day(group: Group) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=group.name,
        specs=[table_spec(group.provider, table) for table in group.tables],
        check_specs=[window_spec(group.provider, table) for table in group.tables],
        can_subset=len(group.tables) > 1,
        partitions_def=group.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=group.name,
        retry_policy=RETRIES,
    )
    def load_days(
        context: dg.AssetExecutionContext, config: DaysConfig, dlt: DagsterDltResource
    ) -> Iterator[Event]:
        window = context.partition_time_window
        days = (window.start.date(), window.end.date())
        yield from _load(context, dlt, group, days, finished_only=config.finished_only)

    return load_days


def _load(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    group: Group,
    days: Days | None,
    **arguments: Any,
) -> Iterator[Event]:
    try:
        yield from _run(context, dlt, group, days, **arguments)
    except Exception as error:
        known = plain(error)
        if known is None:
            raise
        later = isinstance(known, Unavailable)
        raise dg.Failure(str(known), allow_retries=later) from error


def _run(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    group: Group,
    days: Days | None,
    **arguments: Any,
) -> Iterator[Event]:
    provider, settings = group.provider, Settings.load()
    if days:
        arguments |= {"start": days[0], "end": days[1]}
    counts = _counts(group, days)
    progress = LogCollector(log_period=10, logger=context.log, dump_system_stats=False)
    names = [table.name for table in group.tables]
    with warehouse.pipeline(provider, settings, progress=progress) as pipeline:
        results = dlt.run(
            context=context,
            dlt_source=provider.source(**arguments).with_resources(*names),
            dlt_pipeline=pipeline,
            dagster_dlt_translator=TableTranslator(provider),
        )
        for result in results:
            assert isinstance(result, dg.MaterializeResult)
            assert result.asset_key
            table = provider.table(result.asset_key.path[-1])
            measured = facts.of_table(provider, table, settings, pipeline)
            metadata = {"rows_loaded": 0, **(result.metadata or {}), **measured}
            yield result._replace(metadata=metadata)
    if days and counts:
        yield from _days_facts(context, group, days, counts, settings, **arguments)


def _counts(group: Group, days: Days | None) -> Counts | None:
    """What the API counts before the load: rows that appear later do not make it incomplete."""
    watch = group.provider.day_watch
    return watch.connect().counts(*days) if days and watch else None


def _days_facts(
    context: dg.AssetExecutionContext,
    group: Group,
    days: Days,
    counts: Counts,
    settings: Settings,
    finished_only: bool,
    **_: Any,
) -> Iterator[dg.AssetCheckResult]:
    for table in group.tables:
        by_day = facts.of_days(group.provider, table, settings, days)
        key = asset_key(group.provider, table.name)
        for day in context.partition_keys:
            fact = by_day.get(date.fromisoformat(day), facts.DayFacts())
            context.add_asset_metadata(fact.metadata(), asset_key=key, partition_key=day)
        wanted = counts.finished if finished_only else counts.finished + counts.unfinished
        if dg.AssetCheckKey(key, WINDOW_COMPLETE) in context.selected_asset_check_keys:
            yield window_check(key, days, by_day, wanted, finished_only=finished_only)
