"""The day sensor asks for a run for each day with newly finished images: over real HTTP."""

import re
from datetime import datetime, timedelta, timezone

import dagster as dg

from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.days.recent_images import (
    image,
    long_ago,
    old_days_due_again,
    stored,
    yesterday,
)


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
