"""What the day sensor does when the provider is away, a run fails or is lost, or a tick recurs."""

import dataclasses
from datetime import timedelta

import dagster as dg
import pytest

from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, NotLoaded
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.watching.day_cursor import Cursor
from genai_orchestration.watching.day_watch import RED_AFTER, run_key
from genai_orchestration_tests.orchestration.daemon import Daemon, refuse
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.sensors.days.recent_images import (
    image,
    long_ago,
    old_days_due_again,
    stored,
    yesterday,
)


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
