"""The daemons that evaluate the sensors of jobs, at hours that a test lets pass."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from genai_orchestration import clock
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.sensors import jobs as job_sensor
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.jobs.submitted_jobs import Hours


@pytest.fixture
def hours(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Hours:
    hours = Hours(sandbox)
    monkeypatch.setattr(clock, "now", hours.now)
    monkeypatch.setattr(job_sensor, "LINGER", timedelta())  # these hours pass between two ticks
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    return hours


@pytest.fixture
def projects(hours: Hours) -> Iterator[Daemon]:
    daemon = Daemon("magic_hour_projects_sensor")
    with daemon.instance:
        yield daemon


@pytest.fixture
def generations(hours: Hours) -> Iterator[Daemon]:
    daemon = Daemon("abyssale_generations_sensor")
    with daemon.instance:
        yield daemon
