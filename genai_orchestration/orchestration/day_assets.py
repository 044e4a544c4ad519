"""Assets by UTC day: one op loads a range of days in portions, and tells of each day by itself.

partitions ─► days that an interrupted attempt has not loaded ─► portions ─► a run of dlt each
    portion loaded, another follows ─► its days are materialized already
    all loaded ───────────────────────► results, facts of each day, the check against the API
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from genai_orchestration.orchestration import continued, facts, following
from genai_orchestration.orchestration.assets import RETRIES, Incomplete, in_sentences, run_tables
from genai_orchestration.orchestration.checks import WINDOW_COMPLETE, window_check, window_spec
from genai_orchestration.orchestration.groups import Group, asset_key
from genai_orchestration.orchestration.translator import table_spec
from genai_orchestration.portions import Portion, portions
from genai_orchestration.providers.base import Counts, Table
from genai_orchestration.settings import Settings

DAY = timedelta(days=1)

Days = tuple[date, date]  # first (inclusive) and last (exclusive) UTC day
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class DaysConfig(dg.Config):
    """What a run of day partitions loads."""

    finished_only: bool = False  # leave out jobs that are still open, as the sensor does


def day_assets(group: Group) -> dg.AssetsDefinition:
    """The assets of a group of tables that are partitioned by day."""

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
        with in_sentences(), following.loading(context, group.provider):
            yield from _Range(context, group).load(dlt, finished_only=config.finished_only)

    return load_days


class _Range:
    """One run over a range of days."""

    def __init__(self, context: dg.AssetExecutionContext, group: Group) -> None:
        window = context.partition_time_window
        self.context, self.group, self.settings = context, group, Settings.load()
        self.days = (window.start.date(), window.end.date())
        self.tables = [
            table
            for table in group.tables
            if asset_key(group.provider, table.name) in context.selected_asset_keys
        ]

    def load(self, dlt: DagsterDltResource, *, finished_only: bool) -> Iterator[Event]:
        """Load portion by portion; the results of all of it, and the check of what was loaded."""
        loaded: list[Portion] = []
        results: dict[dg.AssetKey, dg.MaterializeResult[Any]] = {}
        rows: Counter[dg.AssetKey] = Counter()
        for portion in self._portions():
            if loaded:
                self._materialized(loaded[-1])
            window = {"start": portion.start, "end": portion.end, "finished_only": finished_only}
            for result, count in run_tables(self.context, dlt, self.group, **window):
                assert result.asset_key
                results[result.asset_key] = result
                rows[result.asset_key] += count
            loaded.append(portion)
        for table in self.tables:
            key = asset_key(self.group.provider, table.name)
            by_day = self._tell_days(table)
            result = results.get(key) or dg.MaterializeResult(asset_key=key)
            # all days of a run share its number: beside a day's own count it would mislead
            told = {**(result.metadata or {}), "rows_loaded_by_run": rows[key]}
            yield result._replace(metadata=told)
            yield from self._checked(key, loaded, by_day, finished_only)

    def _portions(self) -> Iterator[Portion]:
        """What is left to load: all of it, unless this run goes on with an interrupted one."""
        done = continued.days_done(self.context)
        if done:
            self.context.log.info(f"{len(done)} days were loaded before the interruption.")
        for first, end in _without(self.days, done):
            yield from portions(self.group.provider, first, end)

    def _materialized(self, portion: Portion) -> None:
        """Tell Dagster of the days of a portion now: what comes after it may be interrupted."""
        for table in self.tables:
            by_day = self._facts(table, (portion.start, portion.end))
            for day in _days(portion.start, portion.end):
                self.context.log_event(
                    dg.AssetMaterialization(
                        asset_key(self.group.provider, table.name),
                        partition=day.isoformat(),
                        metadata=by_day.get(day, facts.DayFacts()).metadata(),
                    )
                )

    def _tell_days(self, table: Table) -> dict[date, facts.DayFacts]:
        """Give each day's partition its own row counts and pictures."""
        by_day = self._facts(table, self.days)
        for day in _days(*self.days):
            self.context.add_asset_metadata(
                by_day.get(day, facts.DayFacts()).metadata(),
                asset_key=asset_key(self.group.provider, table.name),
                partition_key=day.isoformat(),
            )
        return by_day

    def _facts(self, table: Table, days: Days) -> dict[date, facts.DayFacts]:
        return facts.of_days(self.group.provider, table, self.settings, days)

    def _checked(
        self,
        key: dg.AssetKey,
        loaded: Sequence[Portion],
        by_day: dict[date, facts.DayFacts],
        finished_only: bool,
    ) -> Iterator[dg.AssetCheckResult]:
        """What was loaded against what the API counted; Incomplete: a sensor must not settle."""
        counted = [portion for portion in loaded if portion.counts]
        if not counted:
            return
        days = [day for each in counted for day in _days(each.start, each.end)]
        there = {day: by_day[day] for day in days if day in by_day}
        check = window_check(
            key, (days[0], days[-1] + DAY), there, _sum(counted), finished_only=finished_only
        )
        if dg.AssetCheckKey(key, WINDOW_COMPLETE) in self.context.selected_asset_check_keys:
            yield check
        if finished_only and not check.passed:
            raise Incomplete(f"{check.description} It is asked for again.")


def _days(first: date, end: date) -> Iterator[date]:
    return (first + DAY * number for number in range((end - first).days))


def _without(days: Days, done: set[date]) -> Iterator[Days]:
    """The unbroken ranges of days that are not done."""
    for is_done, group in itertools.groupby(_days(*days), key=done.__contains__):
        if not is_done:
            left = list(group)
            yield left[0], left[-1] + DAY


def _sum(portions: Sequence[Portion]) -> Counts:
    counts = [portion.counts for portion in portions if portion.counts]
    return Counts(sum(each.unfinished for each in counts), sum(each.finished for each in counts))
