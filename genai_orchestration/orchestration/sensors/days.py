"""Sensors: thin shells around the watches that a provider brings along.

day watch      cursor ─► open days ─► count them, some at a time ─► advance ─► runs, or a sentence
change watch   one cheap request ─► another version than the one loaded? ─► a run
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.errors import UserError, counted
from genai_orchestration.orchestration.assets.groups import TableSet, asset_key, groups_of
from genai_orchestration.orchestration.runs.outcomes import (
    NotLoaded,
    first_round,
    outcome_of,
    skipping,
)
from genai_orchestration.orchestration.sensors.changes import change_sensor
from genai_orchestration.orchestration.sensors.files import files_sensor
from genai_orchestration.orchestration.sensors.jobs import job_sensor
from genai_orchestration.providers.base import Counts, DayCounter, DayWatch, Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.watching import day_watch
from genai_orchestration.watching.day_cursor import DAY, Cursor
from genai_orchestration.watching.day_watch import Tick

INTERVAL_SECONDS = 30  # between two ticks
BUDGET_SECONDS = 20.0  # of one tick; Dagster ends it after 60
THREADS = 4  # days that are counted at a time


def provider_sensors(provider: Provider) -> list[dg.SensorDefinition]:
    """The provider's sensors, as its value lists them."""
    sensors = []
    if provider.day_watch:
        sensors.append(_day_sensor(provider, provider.day_watch))
    if provider.change_watch:
        sensors.append(change_sensor(provider, provider.change_watch))
    sensors += [
        job_sensor(provider, kind, kind.sensor) for kind in provider.job_kinds if kind.sensor
    ]
    if provider.archive:
        sensors.append(files_sensor(provider, provider.archive))
    return sensors


def _day_sensor(provider: Provider, watch: DayWatch) -> dg.SensorDefinition:
    group = next(g for g in groups_of(provider) if provider.table(watch.table) in g.tables)

    @dg.sensor(
        name=watch.sensor,
        job_name=f"{provider.name}_load",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Follows every open image of {provider.title} by counting, whoever made it, and "
            "materializes its day once it is completed or failed."
        ),
    )
    @skipping
    def watch_days(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        start = provider.start() if provider.start else date.min
        watched = Watched(watch, asset_key(provider, watch.table), start)
        tick, sentence = evaluate(context, watch.connect(SENSOR_POLICY), watched, now=clock.now())
        if tick.failed:
            raise NotLoaded(tick.failure)
        requests = [_day_request(group, watch.table, request) for request in tick.requests]
        return dg.SensorResult(
            run_requests=requests or None,
            skip_reason=None if requests else dg.SkipReason(sentence),
            cursor=tick.cursor.dumps(),
        )

    return watch_days


@dataclass(frozen=True)
class Watched:
    """The jobs that a sensor follows: its watch, their asset, the first day with a partition."""

    watch: DayWatch
    key: dg.AssetKey
    start: date


def evaluate(
    context: dg.SensorEvaluationContext,
    counter: DayCounter,
    watched: Watched,
    *,
    now: datetime,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Tick, str]:
    """One evaluation: what to do, and a sentence about the state of things."""
    cursor = Cursor.loads(context.cursor, first_round(context))
    cursor = _without_filled_gap(cursor, context.instance, watched.key)
    outcomes = {
        day: outcome_of(context.instance, watched.watch.sensor, day_watch.run_key(day, ask))
        for day, ask in cursor.asked.items()
    }
    cursor = day_watch.open_days(cursor, now, (), watched.start)  # an outage must not cost a day
    counts: dict[date, Counts] = {}
    deadline = clock() + BUDGET_SECONDS
    try:
        half = deadline - BUDGET_SECONDS / 2
        earliest = day_watch.reach(now, watched.start)
        unfinished, resume_at = _unfinished(counter, cursor, now, earliest, lambda: clock() > half)
        cursor = day_watch.open_days(cursor, now, unfinished, watched.start)
        due = day_watch.due(cursor, now)
        resume_at = _count(counter, due, counts, lambda: clock() > deadline) or resume_at
        late = clock() > deadline
        state = "" if late else _state_of_things(counter, watched.watch.noun, now, earliest)
    except UserError as error:  # an outage: what was counted so far still counts
        tick = day_watch.advance(cursor, now, counts, outcomes, resume_at=cursor.resume_at)
        return tick, _sentence(f"{error} The next tick is in {INTERVAL_SECONDS} s", tick, None)
    tick = day_watch.advance(cursor, now, counts, outcomes, resume_at=resume_at)
    return tick, _sentence(state, tick, resume_at)


def _without_filled_gap(cursor: Cursor, instance: dg.DagsterInstance, key: dg.AssetKey) -> Cursor:
    """Forget the days of a long stop once the backfill that was asked for has loaded them."""
    if cursor.gap is None:
        return cursor
    first, last = cursor.gap
    days = {(first + n * DAY).isoformat() for n in range((last - first).days + 1)}
    filled = days <= instance.get_materialized_partitions(key)
    return dataclasses.replace(cursor, gap=None) if filled else cursor


def _unfinished(
    counter: DayCounter, cursor: Cursor, now: datetime, earliest: date, late: Callable[[], bool]
) -> tuple[list[date], date | None]:
    """Older days with open images, searched now and then; and where time ran out, if it did."""
    if not day_watch.old_days_due(cursor, now):
        return [], None
    recent = now.date() - (day_watch.RECENT - 1) * DAY
    if cursor.resume_at and cursor.resume_at < recent:
        earliest = max(earliest, cursor.resume_at)
    days: list[date] = []
    for day in counter.unfinished_days(earliest, recent):
        days.append(day)
        if late():
            return days, day
    return days, None


def _count(
    counter: DayCounter, days: Sequence[date], counts: dict[date, Counts], late: Callable[[], bool]
) -> date | None:
    """Count the days, in their order, into `counts`; the first that there was no time for."""

    def count(day: date) -> Counts | None:
        return None if late() else counter.counts(day, day + DAY)

    with ThreadPoolExecutor(THREADS) as executor:
        for day, found in zip(days, executor.map(count, days), strict=True):
            if found is None:
                return day
            counts[day] = found
    return None


def _state_of_things(counter: DayCounter, noun: str, now: datetime, since: date) -> str:
    oldest = counter.oldest_unfinished(since)
    if oldest is None:
        return f"No {noun} open"
    unfinished = counter.unfinished(since)
    return f"{counted(unfinished, noun.removesuffix('s'))} still open, oldest {_age(now - oldest)}"


def _sentence(state: str, tick: Tick, resume_at: date | None) -> str:
    parts = [state.rstrip(".")] if state else []
    if tick.loading:
        parts.append(f"{counted(tick.loading, 'day')} loading")
    if resume_at:
        parts.append(f"out of time, going on with {resume_at} at the next tick")
    if tick.cursor.gap:
        first, last = tick.cursor.gap
        parts.append(
            f"the sensor was off for over {day_watch.REACH} days: launch a backfill from "
            f"{first} to {last}"
        )
    return "; ".join(parts) + "."


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return counted(minutes // size, name)
    return "less than a minute"


def _day_request(group: TableSet, table: str, request: day_watch.Request) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=request.run_key,
        partition_key=request.day.isoformat(),
        asset_selection=[asset_key(group.provider, table)],
        # only finished images: a late progress report can then never reach a finished row
        run_config={"ops": {group.name: {"config": {"finished_only": True}}}},
    )
