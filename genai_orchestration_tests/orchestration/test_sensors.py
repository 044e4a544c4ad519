"""The day sensor on a real instance and a real HTTP server; only the clock is moved."""

import dataclasses
import itertools
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, NotLoaded
from genai_orchestration.orchestration.sensors import days as sensors
from genai_orchestration.orchestration.sensors.days import Watched, evaluate
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.base import Counts, DayCounter
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.watching.day_cursor import Cursor
from genai_orchestration.watching.day_watch import RED_AFTER, run_key
from genai_orchestration_tests.orchestration.daemon import Daemon, refuse

IMAGINE = provider_named("imagine_api")
SENSOR = "imagine_api_images_sensor"
IMAGES = dg.AssetKey(["imagine_api", "images"])
assert IMAGINE.day_watch
WATCHED = Watched(IMAGINE.day_watch, IMAGES, date(2023, 1, 1))


def yesterday() -> datetime:
    """Near enough to be counted at each look; asked for when a test runs: midnight may pass."""
    return datetime.now(timezone.utc).replace(hour=12, minute=0) - timedelta(days=1)


def long_ago() -> datetime:
    """Old enough to be counted every ten minutes."""
    return yesterday() - timedelta(days=8)


def image(at: datetime | None = None, **state: Any) -> Spec:
    return Spec(date_created=(at or yesterday()).isoformat(), **{"seconds": -1.0, **state})


@pytest.fixture
def vendor(sandbox: Sandbox) -> ImagineApiSandbox:
    """ImagineAPI without any image."""
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    return vendor


@pytest.fixture
def daemon(vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon whose runs do not ride out an outage of a minute."""
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    daemon = Daemon(SENSOR)
    with daemon.instance:
        yield daemon


def stored() -> dict[str, tuple[str, int]]:
    """State and number of rows by id."""
    sql = "SELECT id, min(state), count(*) FROM {images} GROUP BY id"
    return {r[0]: (r[1], r[2]) for r in warehouse.query(IMAGINE, Settings.load(), sql) or []}


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let the sensor look that much later than now."""
    now = datetime.now(timezone.utc) + timedelta(**by)
    monkeypatch.setattr(clock, "now", lambda: now)


def test_all_finished_images_of_a_day_share_a_run_and_open_ones_stay_out(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    done = vendor.add([image(outcome="failed"), *[image() for _ in range(30)]])
    vendor.add([image(seconds=60), image(outcome="stuck"), image(foreign=True)])
    requests = daemon.tick()
    assert [request.partition_key for request in requests] == [f"{yesterday():%Y-%m-%d}"]
    assert requests[0].asset_selection == [dg.AssetKey(["imagine_api", "images"])]
    assert daemon.run(requests[0])
    assert set(stored()) == set(done)
    assert daemon.tick() == []
    assert re.fullmatch(r"2 images still open, oldest (\d\d hours|1 day)\.", daemon.said)


def test_images_of_two_days_that_finish_at_once_are_a_run_for_each_day(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    days = [datetime.now(timezone.utc), yesterday()]  # newest first
    vendor.add([image(day) for day in days for _ in range(500)])
    assert [request.partition_key for request in daemon.tick()] == [f"{d:%Y-%m-%d}" for d in days]


def test_nothing_to_do_is_a_sentence(daemon: Daemon) -> None:
    assert daemon.tick() == []
    assert daemon.said == "No images open."


def test_images_that_finish_later_and_appear_late_are_all_loaded_exactly_once(
    daemon: Daemon, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    vendor.add([image(seconds=n * 40.0) for n in range(8)])
    vendor.add([image(long_ago(), seconds=200), image(long_ago(), outcome="failed", seconds=10)])
    for _ in range(5):
        assert all(daemon.work())
        sandbox.clock.advance(100)
        vendor.add([image(yesterday() - timedelta(minutes=20))])  # behind others already loaded
        daemon.cursor = old_days_due_again(daemon.cursor)
    assert all(daemon.work())
    assert daemon.tick() == []
    expected = {
        id: ("SUCCEEDED" if made.plan.outcome == "completed" else "FAILED", 1)
        for id, made in vendor.images.items()
    }
    assert stored() == expected
    assert daemon.cursor
    assert len(daemon.cursor) < 1000


def old_days_due_again(cursor: str | None, resume_at: date | None = None) -> str:
    """The cursor as it is ten minutes later, after a look that ran out of time at `resume_at`."""
    return dataclasses.replace(Cursor.loads(cursor), old_looked=None, resume_at=resume_at).dumps()


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


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("API_KEY", "", "ImagineAPI has no API key: set api_key under"),
        ("BASE_URL", "http://127.0.0.1:9", "ImagineAPI does not answer at http://127.0.0.1:9"),
    ],
)
def test_a_missing_key_or_a_vendor_that_is_away_is_a_sentence(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    daemon.tick()
    kept = daemon.cursor
    monkeypatch.setenv(f"SOURCES__IMAGINE_API_SOURCE__{name}", value)
    assert daemon.tick() == []
    assert daemon.said.startswith(sentence)
    assert daemon.cursor == kept


def test_an_outage_is_a_sentence_and_costs_nothing(
    daemon: Daemon, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    old = vendor.add([image(long_ago(), seconds=5)])
    daemon.tick()
    daemon.cursor = old_days_due_again(daemon.cursor, resume_at=long_ago().date())
    sandbox.clock.advance(10)
    sandbox.traffic.faults.append(Fault(kind="status", path="/imagine_api", times=2))
    assert daemon.tick() == []
    assert daemon.said.startswith("ImagineAPI answered 500")
    assert "out of time" not in daemon.said
    assert Cursor.loads(daemon.cursor).resume_at == long_ago().date()
    assert daemon.work() == [True]
    assert set(stored()) == set(old)


def test_a_failed_run_is_asked_for_again_and_the_tick_is_red_after_five(
    daemon: Daemon, vendor: ImagineApiSandbox, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.add([image()])
    for attempt in range(1, RED_AFTER + 1):
        requests = daemon.tick()
        assert len(requests) == 1
        day, finished, _, tries = (requests[0].run_key or "").split("|")
        assert (day, finished, tries) == (f"{yesterday():%Y-%m-%d}", "n1", f"a{attempt}")
        refuse(sandbox)
        failed = daemon.run(requests[0])
        sandbox.traffic.faults.clear()
        assert failed
        assert not failed.success
        later(monkeypatch, seconds=5)
        if attempt < RED_AFTER:
            assert daemon.tick() == []
        later(monkeypatch, minutes=5)
    kept = daemon.cursor
    with pytest.raises(NotLoaded, match=r"failed to load 5 times.*answered 429.*Fix that"):
        daemon.tick()
    assert daemon.cursor == kept
    later(monkeypatch, minutes=61)
    assert daemon.work() == [True]
    assert [count for _, count in stored().values()] == [1]


def test_a_run_on_its_way_is_waited_for(daemon: Daemon, vendor: ImagineApiSandbox) -> None:
    vendor.add([image()])
    (request,) = daemon.tick()
    job = daemon.definitions.resolve_job_def("imagine_api_load")
    run = daemon.instance.create_run_for_job(
        job, tags=daemon.tags(request), status=dg.DagsterRunStatus.STARTED
    )
    assert daemon.tick() == []
    assert daemon.said == "No images open; 1 day loading."
    daemon.instance.report_run_failed(run)
    assert daemon.tick() == []  # asked for again, but not at once


def test_a_tick_that_is_done_again_starts_no_second_run(
    daemon: Daemon, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.add([image()])
    (lost,) = daemon.tick(keep=False)
    assert daemon.run(lost)
    later(monkeypatch, minutes=3)
    (again,) = daemon.tick()
    assert again.run_key == lost.run_key
    assert daemon.run(again) is None
    assert daemon.tick() == []
    assert len(stored()) == 1


def test_after_a_reset_of_the_cursor_a_day_is_loaded_again(
    daemon: Daemon, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.add([image()])
    for reset in range(3):
        assert daemon.work() == [True], f"after {reset} resets"
        later(monkeypatch, seconds=30 * (reset + 1))
        daemon.cursor = None


def test_a_day_that_fails_again_and_again_does_not_keep_another_from_being_loaded(
    daemon: Daemon, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.add([image()])
    (request,) = daemon.tick()
    asked = Cursor.loads(daemon.cursor)
    bad = yesterday().date()
    often = dataclasses.replace(asked.asked[bad], attempt=RED_AFTER)
    daemon.cursor = dataclasses.replace(asked, asked={bad: often}).dumps()
    job = daemon.definitions.resolve_job_def("imagine_api_load")
    key = run_key(bad, often)
    failed = daemon.instance.create_run_for_job(job, tags={**daemon.tags(request), RUN_KEY: key})
    daemon.instance.report_run_failed(failed)
    new = vendor.add([image(yesterday() + timedelta(days=1))])
    assert daemon.work() == [True]
    assert set(stored()) == set(new)
    with pytest.raises(NotLoaded, match=f"The images of {bad} failed to load 5 times"):
        daemon.tick()


def test_a_run_that_was_never_started_is_asked_for_again(
    daemon: Daemon, vendor: ImagineApiSandbox
) -> None:
    vendor.add([image()])
    (lost,) = daemon.tick()
    assert [request.run_key for request in daemon.tick()] == [lost.run_key]


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
