"""What a look of the day sensor costs, and what it leaves to the next look or to a backfill."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest

from genai_orchestration.orchestration.sensors import days as sensors
from genai_orchestration.orchestration.sensors.days import Watched, evaluate
from genai_orchestration.providers.base import Counts, DayCounter
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.watching.day_cursor import Cursor
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.days.recent_images import (
    IMAGINE,
    image,
    yesterday,
)

IMAGES = dg.AssetKey(["imagine_api", "images"])
assert IMAGINE.day_watch
WATCHED = Watched(IMAGINE.day_watch, IMAGES, date(2023, 1, 1))


def test_requests_to_the_vendor_do_not_depend_on_the_number_of_open_images(
    daemon: Daemon, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    def calls() -> int:
        sandbox.traffic.calls.clear()
        assert daemon.tick() == []
        return len(sandbox.traffic.calls)

    vendor.add([image(seconds=9999)])
    calls()
    with_one = calls()
    vendor.add([image(seconds=9999) for _ in range(3000)])
    assert calls() == with_one <= 8
    assert daemon.cursor
    assert len(daemon.cursor) < 150


def test_a_look_that_runs_out_of_time_says_so_and_goes_on_there(
    daemon: Daemon, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "THREADS", 1)  # one after the other: the clock is one for all
    vendor.add([image(yesterday() - timedelta(days=n), seconds=999) for n in range(6)])
    assert IMAGINE.day_watch
    slow = Slow(IMAGINE.day_watch.connect(SENSOR_POLICY))
    counted: list[str] = []
    while len(counted) < 4:
        slow.seconds = 0
        context = dg.build_sensor_context(instance=daemon.instance, cursor=daemon.cursor)
        now = datetime.now(timezone.utc)
        tick, sentence = evaluate(context, slow, WATCHED, now=now, clock=lambda: slow.seconds)
        assert sentence.endswith(f"going on with {tick.cursor.resume_at} at the next tick.")
        daemon.cursor = tick.cursor.dumps()
        counted.append(str(Cursor.loads(daemon.cursor).resume_at))
    assert len(set(counted)) == 4


def test_days_are_counted_some_at_a_time_and_each_once(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    vendor.add([image(yesterday() - timedelta(days=n), seconds=999) for n in range(7)])
    assert IMAGINE.day_watch
    counter = Together(IMAGINE.day_watch.connect(SENSOR_POLICY))
    context = dg.build_sensor_context(instance=daemon.instance)
    tick, sentence = evaluate(context, counter, WATCHED, now=datetime.now(timezone.utc))
    assert sorted(counter.days) == sorted(tick.cursor.loaded)
    assert len(counter.days) == 8  # today, too
    assert sentence.startswith("7 images still open")


@dataclass
class Slow:
    """A counter whose every count takes seven seconds of a clock that nobody waits for."""

    counter: DayCounter
    seconds: float = 0

    def counts(self, start: date, end: date | None) -> Counts:
        self.seconds += 7
        return self.counter.counts(start, end)

    def unfinished_days(self, start: date, end: date) -> Iterator[date]:
        return self.counter.unfinished_days(start, end)

    def unfinished(self, start: date, before: datetime | None = None) -> int:
        return self.counter.unfinished(start, before)

    def oldest_unfinished(self, start: date) -> datetime | None:
        return self.counter.oldest_unfinished(start)

    def oldest_open(self, start: date, before: datetime, most: int) -> list[tuple[str, datetime]]:
        return self.counter.oldest_open(start, before, most)


@dataclass
class Together(Slow):
    """A counter that counts no day before as many are asked for as may be at a time."""

    days: list[date] = field(default_factory=list)
    all_here: threading.Barrier = field(
        default_factory=lambda: threading.Barrier(sensors.THREADS, timeout=30)
    )

    def counts(self, start: date, end: date | None) -> Counts:
        self.days.append(start)
        self.all_here.wait()
        return super().counts(start, end)


def test_older_days_with_open_images_are_found_over_several_looks_of_a_slow_provider(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    days = [(yesterday() - timedelta(days=n)).date() for n in range(2, 12)]
    vendor.add([image(yesterday() - timedelta(days=n), seconds=999) for n in range(2, 12)])
    assert IMAGINE.day_watch
    counter = IMAGINE.day_watch.connect(SENSOR_POLICY)
    found: set[date] = set()
    for _ in range(12):
        clock = itertools.count(0.0, 3.0).__next__  # each question takes three seconds
        context = dg.build_sensor_context(instance=daemon.instance, cursor=daemon.cursor)
        now = datetime.now(timezone.utc)
        tick, _ = evaluate(context, counter, WATCHED, now=now, clock=clock)
        daemon.cursor = tick.cursor.dumps()
        found |= set(tick.cursor.loaded)
    assert set(days) <= found


def test_the_hint_at_a_backfill_goes_once_the_days_are_loaded(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    today = datetime.now(timezone.utc).date()
    gap = (today - timedelta(days=70), today - timedelta(days=69))
    daemon.cursor = Cursor(last_day=today, loaded={}, gap=gap).dumps()
    daemon.work()
    for day in gap:
        assert f"launch a backfill from {gap[0]} to {gap[1]}" in daemon.said
        event = dg.AssetMaterialization(IMAGES, partition=day.isoformat())
        daemon.instance.report_runless_asset_event(event)
        daemon.tick()
    assert "backfill" not in daemon.said
