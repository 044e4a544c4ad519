"""What the sensor of jobs says and does when a run, the provider or a job is in trouble."""

from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.assets import tables as assets
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration import paid
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.jobs.submitted_jobs import Hours, submitted


def test_without_an_open_job_nobody_is_asked(projects: Daemon, sandbox: Sandbox) -> None:
    sandbox.traffic.calls.clear()
    assert projects.tick() == []
    assert projects.said == "No image projects open."
    assert not sandbox.traffic.calls


def test_a_failed_run_is_asked_for_again_with_what_has_finished_since(
    projects: Daemon, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(projects, "hero-1")
    hours.pass_(seconds=10)

    def broken(*arguments: object, **more: object) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(assets, "run_tables", broken)
        assert projects.work() == [False]
    submitted(projects, "hero-2")
    assert projects.work() == []  # it rests
    assert "failed to load, soon again" in projects.said
    hours.pass_(minutes=2)
    assert projects.work() == [True]
    assert len(paid.rows("magic_hour", "image_projects", "id")) == 2


def test_an_outage_is_a_sentence_and_what_has_ended_is_loaded_all_the_same(
    projects: Daemon, hours: Hours, sandbox: Sandbox
) -> None:
    submitted(projects, "hero-1", "hero-2")
    hours.pass_(seconds=10)
    down = Fault(kind="status", status=401, path="/magic_hour/v1/image-projects", times=10_000)
    sandbox.traffic.faults.append(down)
    assert projects.work() == []
    assert projects.said.startswith("2 image projects still open. Magic Hour answered 401")
    sandbox.traffic.faults.clear()
    hours.pass_(seconds=30)
    assert projects.work() == [True]


def test_a_stuck_job_is_named_and_looked_at_rarely(
    projects: Daemon, hours: Hours, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(projects, "hero-1")
    hours.pass_(seconds=-3600 * 2)  # the vendor's clock stands still
    hours._ahead += timedelta(hours=4)
    assert projects.tick() == []
    assert projects.said.startswith("1 image project still open; 1 for over 60 minutes: cm")
    sandbox.traffic.calls.clear()
    hours._ahead += timedelta(minutes=1)
    assert projects.tick() == []
    assert not sandbox.traffic.calls


def test_a_setting_that_goes_missing_is_a_sentence_and_what_has_ended_is_loaded(
    projects: Daemon, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(projects, "hero-1", "hero-2")
    with Ledger.open(Settings.load()) as ledger:
        ended = next(job for job in ledger.jobs() if job.request_key == "hero-1")
        report = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"id": ended.job_id})
        ledger.observe(ended.key, report, hours.now())
    monkeypatch.delenv("SOURCES__MAGIC_HOUR_SOURCE__API_KEY")
    assert len(projects.tick()) == 1
    with Ledger.open(Settings.load()) as ledger:
        ledger.mark_loaded([ended.key], hours.now())
    assert projects.tick() == []
    assert "has no API key" in projects.said
