"""Assets by UTC day: one op loads a range of days in windows, and reports each day by itself.

partitions ─► days that an interrupted attempt has not loaded ─► windows ──► a run of dlt each
    portion loaded, another follows ─► checked, its days are materialized already
    all loaded ───────────────────────► checked against the API ─► results, facts of each day
                                             └ a sensor's run has too few rows ─► Incomplete

A result that was given out stays, whatever fails after it, and its days count as loaded when the
step is tried again: so nothing is given out before all is known.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource

from genai_orchestration.loading.windows import (
    LoadWindow,
    countable,
    counted,
    load_windows,
    open_jobs,
)
from genai_orchestration.orchestration.assets import following
from genai_orchestration.orchestration.assets.groups import TableSet, asset_key
from genai_orchestration.orchestration.assets.tables import run_tables
from genai_orchestration.orchestration.assets.translator import table_spec
from genai_orchestration.orchestration.checks.tables import window_check, window_spec
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.orchestration.runs import resume as continued
from genai_orchestration.orchestration.runs.attempts import Incomplete, translate_errors
from genai_orchestration.providers.base import Counts, Table
from genai_orchestration.settings import Settings

DAY = timedelta(days=1)

Days = tuple[date, date]  # first (inclusive) and last (exclusive) UTC day
Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


class DaysConfig(dg.Config):
    """What a run of day partitions loads."""

    finished_only: bool = False  # leave out jobs that are still open, as the sensor does


def day_assets(group: TableSet) -> dg.AssetsDefinition:
    """The assets of a group of tables that are partitioned by day."""

    @dg.multi_asset(
        name=group.name,
        specs=[table_spec(group.provider, table) for table in group.tables],
        check_specs=[
            window_spec(group.provider, table)
            for table in group.tables
            if countable(group.provider, table)
        ],
        can_subset=len(group.tables) > 1,
        partitions_def=group.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=group.name,
    )
    def load_days(
        context: dg.AssetExecutionContext, config: DaysConfig, dlt: DagsterDltResource
    ) -> Iterator[Event]:
        with translate_errors(context), following.loading(context, group.provider):
            yield from _Range(context, group, finished_only=config.finished_only).load(dlt)

    return load_days


class _Range:
    """One run over a range of days."""

    def __init__(
        self, context: dg.AssetExecutionContext, group: TableSet, *, finished_only: bool
    ) -> None:
        window = context.partition_time_window
        self.context, self.group, self.settings = context, group, Settings.load()
        self.days = (window.start.date(), window.end.date())
        self.finished_only = finished_only
        self.tables = [
            table
            for table in group.tables
            if asset_key(group.provider, table.name) in context.selected_asset_keys
        ]
        self.loaded: list[LoadWindow] = []
        self.open: dict[date, int] = {}  # jobs that were counted, but not loaded

    def load(self, dlt: DagsterDltResource) -> Iterator[Event]:
        """Load portion by portion; the results of all of it, and the check of what was loaded.

        Where a sensor has asked, too few rows are a check alone, and then Incomplete.
        """
        try:
            events = list(self._load(dlt))
        except Incomplete as error:
            yield from self._selected(error.check)
            raise
        yield from events

    def _load(self, dlt: DagsterDltResource) -> Iterator[Event]:
        results: dict[dg.AssetKey, dg.MaterializeResult[Any]] = {}
        rows: Counter[dg.AssetKey] = Counter()
        before: LoadWindow | None = None
        for portion in self._windows():
            if before:
                self._materialized(before)
            window = {"start": portion.start, "end": portion.end}
            arguments = {**window, "finished_only": self.finished_only}
            for result, count in run_tables(self.context, dlt, self.group, **arguments):
                assert result.asset_key
                results[result.asset_key] = result
                rows[result.asset_key] += count
            self._note(portion)
            before = portion
        for table in self.tables:
            key = self._key(table)
            by_day = self._facts(table, self.days)
            check = self._check(table, by_day, self.loaded)
            self._report_days(key, by_day)
            result = results.get(key) or dg.MaterializeResult(asset_key=key)
            # all days of a run share its number: beside a day's own count it would mislead
            metadata = {**(result.metadata or {}), "rows_loaded_by_run": rows[key]}
            yield result._replace(metadata=metadata)
            yield from self._selected(check)

    def _windows(self) -> Iterator[LoadWindow]:
        """What is left to load: all of it, unless this run goes on with an interrupted one.

        Days that one has loaded are kept, unless the API counts more in them now.
        """
        done = continued.materialized_days(self.context)
        for is_done, days in _ranges(self.days, done):
            kept = counted(self.group.provider, *days) if is_done else None
            if kept and self._is_complete(kept):
                self.context.log.info(
                    f"{days[0]} to {days[1] - DAY} were loaded before the interruption."
                )
                self._note(kept)
            else:
                yield from load_windows(self.group.provider, *days)

    def _note(self, portion: LoadWindow) -> None:
        self.loaded.append(portion)
        if self.finished_only:
            self.open.update(open_jobs(self.group.provider, portion))

    def _materialized(self, portion: LoadWindow) -> None:
        """Tell Dagster of the days of a portion now: what comes after it may be interrupted."""
        for table in self.tables:
            by_day = self._facts(table, (portion.start, portion.end))
            self._check(table, by_day, [portion])
            for day, fact in by_day.items():
                self.context.log_event(
                    dg.AssetMaterialization(
                        self._key(table), partition=day.isoformat(), metadata=fact.metadata()
                    )
                )

    def _report_days(self, key: dg.AssetKey, by_day: Mapping[date, load_metadata.DayFacts]) -> None:
        """Give each day's partition its own row counts and pictures."""
        for day, fact in by_day.items():
            self.context.add_asset_metadata(
                fact.metadata(), asset_key=key, partition_key=day.isoformat()
            )

    def _key(self, table: Table) -> dg.AssetKey:
        return asset_key(self.group.provider, table.name)

    def _facts(self, table: Table, days: Days) -> dict[date, load_metadata.DayFacts]:
        """What is known of each of the days, in their order."""
        found = load_metadata.of_days(self.group.provider, table, self.settings, days)
        by_day = {day: found.get(day, load_metadata.DayFacts()) for day in _days(*days)}
        if self.finished_only and countable(self.group.provider, table):
            return {
                day: replace(fact, unread=self.open.get(day, 0)) for day, fact in by_day.items()
            }
        return by_day

    def _check(
        self,
        table: Table,
        by_day: Mapping[date, load_metadata.DayFacts],
        loaded: Sequence[LoadWindow],
    ) -> dg.AssetCheckResult | None:
        """The rows of the days against what the API counted; None where it cannot count.

        Incomplete when a sensor must not settle them.
        """
        if not countable(self.group.provider, table):
            return None
        check = window_check(
            self._key(table), by_day, _sum(loaded), finished_only=self.finished_only
        )
        if self.finished_only and not check.passed:
            raise Incomplete(check)
        return check

    def _is_complete(self, portion: LoadWindow) -> bool:
        """Whether the rows of days that were loaded earlier are as many as the API counts."""
        days = (portion.start, portion.end)
        try:
            checks = [
                self._check(table, self._facts(table, days), [portion]) for table in self.tables
            ]
        except Incomplete:
            return False
        return all(check.passed for check in checks if check)

    def _selected(self, check: dg.AssetCheckResult | None) -> Iterator[dg.AssetCheckResult]:
        """The check, if it belongs to this run."""
        selected = {(key.asset_key, key.name) for key in self.context.selected_asset_check_keys}
        if check and (check.asset_key, check.check_name) in selected:
            yield check


def _days(first: date, end: date) -> Iterator[date]:
    return (first + DAY * number for number in range((end - first).days))


def _ranges(days: Days, done: set[date]) -> Iterator[tuple[bool, Days]]:
    """The unbroken ranges of days that are done, and of those that are not."""
    for is_done, group in itertools.groupby(_days(*days), key=done.__contains__):
        together = list(group)
        yield is_done, (together[0], together[-1] + DAY)


def _sum(load_windows: Sequence[LoadWindow]) -> Counts:
    counts = [portion.counts for portion in load_windows if portion.counts]
    return Counts(sum(each.unfinished for each in counts), sum(each.finished for each in counts))
