"""Assets: each group of tables is one op that runs the provider's dlt pipeline.

    partitions ─► window of days ─► source (fresh) ─► pipeline (fresh) ─► results, facts, check

Source and pipeline are built in each run: dagster-dlt takes keys off a live schema, and drops a
pipeline's local state.
"""

import contextlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource
from dlt.common.runtime.collector import LogCollector

from genai_orchestration import warehouse
from genai_orchestration.destination_errors import WarehouseUnreachable, in_words
from genai_orchestration.errors import PlainError
from genai_orchestration.locks import WarehouseLocked
from genai_orchestration.orchestration import facts, following
from genai_orchestration.orchestration.checks import WINDOW_COMPLETE, window_check, window_spec
from genai_orchestration.orchestration.groups import Group, asset_key
from genai_orchestration.orchestration.translator import TableTranslator, table_spec
from genai_orchestration.providers.base import Counts, Table
from genai_orchestration.providers.http import PATIENT
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.settings import Settings

# an outage of seconds is ridden out by the client, one of a minute here, a longer one by schedules
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)

LONGEST = 30.0  # seconds; a provider that asks for a longer rest is left to the schedules
# What to keep of dagster-dlt's metadata; the rest is 10 KB of file names in a folder that is gone
KEPT = ("rows_loaded", "dagster/column_schema", "dagster/storage_kind")

Days = tuple[date, date]  # first (inclusive) and last (exclusive) UTC day
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class Incomplete(PlainError):
    """Fewer finished jobs were loaded than the API had counted: a sensor must not settle that."""


class DaysConfig(dg.Config):
    """What a run of day partitions loads."""

    finished_only: bool = False  # leave out jobs that are still open, as the sensor does


class JobsConfig(dg.Config):
    """What a run of tables without a history loads."""

    again: bool = False  # finished jobs that are loaded already, too: for a new warehouse


PASSING = (Unavailable, Incomplete, WarehouseUnreachable, WarehouseLocked)


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
    def load(
        context: dg.AssetExecutionContext, config: JobsConfig, dlt: DagsterDltResource
    ) -> Iterator[Event]:
        loading = following.loading(context, group.provider, again=config.again)
        with in_sentences(), loading as finished:
            arguments = {"finished": finished} if finished else {}
            yield from _run(context, dlt, group, None, **arguments)

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
        with in_sentences(), following.loading(context, group.provider):
            yield from _run(context, dlt, group, days, finished_only=config.finished_only)

    return load_days


@contextlib.contextmanager
def in_sentences() -> Iterator[None]:
    """An error that was foreseen ends the step in words, and is retried where that may help."""
    try:
        yield
    except Exception as error:
        known = in_words(error, Settings.load())
        if known is None:
            raise
        raise dg.Failure(str(known), allow_retries=_passing(known)) from None


def _passing(error: PlainError) -> bool:
    """Whether another attempt within the minute may succeed."""
    wait = error.retry_after if isinstance(error, Unavailable) else None
    return isinstance(error, PASSING) and (wait or 0) <= LONGEST


def _run(
    context: dg.AssetExecutionContext,
    dlt: DagsterDltResource,
    group: Group,
    days: Days | None,
    **arguments: Any,
) -> Iterator[Event]:
    provider, settings = group.provider, Settings.load()
    counts = _counts(group, days)
    window = {"start": days[0], "end": days[1]} if days else {}
    progress = LogCollector(log_period=10, logger=context.log, dump_system_stats=False)
    with warehouse.pipeline(provider, settings, progress=progress) as pipeline:
        source = provider.source(**window, **arguments)
        results = dlt.run(
            context=context,
            dlt_source=source.with_resources(*(table.name for table in group.tables)),
            dlt_pipeline=pipeline,
            dagster_dlt_translator=TableTranslator(provider),
        )
        for result in results:
            assert isinstance(result, dg.MaterializeResult)
            assert result.asset_key
            table = provider.table(result.asset_key.path[-1])
            told = {k: v for k, v in (result.metadata or {}).items() if k in KEPT}
            rows = told.pop("rows_loaded", 0)
            # all days of a run share its number: beside a day's own count it would mislead
            told["rows_loaded_by_run" if days else "rows_loaded"] = rows
            measured = facts.of_table(provider, table, settings, pipeline)
            # a day's own facts have to be there before the event that they belong to
            by_day = _tell_days(context, group, table, days, settings) if days else {}
            yield result._replace(metadata={**told, **measured})
            if days and counts:
                check = window_check(result.asset_key, days, by_day, counts, **arguments)
                if _checked(context, result.asset_key):
                    yield check
                if arguments["finished_only"] and not check.passed:
                    raise Incomplete(f"{check.description} It is asked for again.")


def _counts(group: Group, days: Days | None) -> Counts | None:
    """What the API counts before the load: rows that appear later do not make it incomplete."""
    watch = group.provider.day_watch
    return watch.connect(PATIENT).counts(*days) if days and watch else None


def _tell_days(
    context: dg.AssetExecutionContext, group: Group, table: Table, days: Days, settings: Settings
) -> dict[date, facts.DayFacts]:
    """Give each day's partition its own row counts and pictures."""
    by_day = facts.of_days(group.provider, table, settings, days)
    key = asset_key(group.provider, table.name)
    for day in context.partition_keys:
        fact = by_day.get(date.fromisoformat(day), facts.DayFacts())
        context.add_asset_metadata(fact.metadata(), asset_key=key, partition_key=day)
    return by_day


def _checked(context: dg.AssetExecutionContext, key: dg.AssetKey) -> bool:
    return dg.AssetCheckKey(key, WINDOW_COMPLETE) in context.selected_asset_check_keys
