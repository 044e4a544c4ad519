"""Jobs that are followed by id: the sensor sees their end, and a run brings it to the warehouse."""

from datetime import timedelta
from functools import partial

import dagster as dg
import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.sensors import jobs as job_sensor
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration_tests.orchestration import paid
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.paid import approved, banner, fox, materialize
from genai_orchestration_tests.orchestration.sensors.jobs.submitted_jobs import (
    GENERATOR,
    Hours,
    submitted,
)
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.doubles import replace

GENERATION = ("abyssale", "generation_requests")
CREATE = ("imagine_api", "images_create")


def test_a_finished_project_is_loaded_by_one_run_with_its_request(
    projects: Daemon, hours: Hours
) -> None:
    submitted(projects, "hero-1", "hero-2")
    assert (projects.work(), projects.said) == ([], "2 image projects still open.")
    hours.pass_(seconds=10)
    assert projects.work() == [True]
    assert paid.rows("magic_hour", "image_projects", "request_key, status, state") == [
        ("hero-1", "complete", "SUCCEEDED"),
        ("hero-2", "complete", "SUCCEEDED"),
    ]
    assert paid.rows(*GENERATOR, "request_key, job_state, credits_charged") == [
        ("hero-1", "SUCCEEDED", 5),
        ("hero-2", "SUCCEEDED", 5),
    ]
    assert (projects.work(), projects.said) == ([], "No image projects open.")


def test_a_tick_stays_until_a_project_that_is_about_to_end_has_ended(
    projects: Daemon, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(projects, "hero-1")
    hours.pass_(seconds=3)
    monkeypatch.setattr(job_sensor, "LINGER", timedelta(seconds=30))
    napping = partial(watch.follow, sleep=lambda seconds: hours.pass_(seconds=seconds))
    replace(monkeypatch, watch, "follow", napping)
    assert projects.work() == [True]
    assert paid.rows("magic_hour", "image_projects", "request_key") == [("hero-1",)]


def test_a_refund_and_a_job_canceled_in_the_web_app_are_seen(
    projects: Daemon, hours: Hours, sandbox: Sandbox
) -> None:
    submitted(projects, "refused", prompt="forbidden")
    submitted(projects, "stopped")
    with Ledger.open(Settings.load()) as ledger:
        stopped = ledger.request("stopped").provider_job_id
    assert stopped
    sandbox.providers["magic_hour"].cancel(stopped)
    hours.pass_(seconds=10)
    assert projects.work() == [True]
    columns = "request_key, state, error_class, credits_charged"
    assert paid.rows("magic_hour", "image_projects", columns) == [
        ("refused", "FAILED", "moderation", 0),
        ("stopped", "CANCELED", None, 5),
    ]
    assert paid.rows(*GENERATOR, "request_key, job_state, credits_charged") == [
        ("refused", "FAILED", 0),
        ("stopped", "CANCELED", 5),
    ]


def test_no_signature_reaches_the_warehouse(projects: Daemon, hours: Hours) -> None:
    submitted(projects, "hero-1")
    hours.pass_(seconds=10)
    projects.work()
    (downloads,) = paid.rows("magic_hour", "image_projects", "CAST(downloads AS VARCHAR)")
    (request,) = paid.rows(*GENERATOR, "CAST(job AS VARCHAR)")
    assert "output-0.png" in downloads[0]
    assert "?" not in downloads[0] + request[0]


def test_finished_banners_are_files_and_partial_ones_tell_what_failed(
    generations: Daemon, hours: Hours, sandbox: Sandbox
) -> None:
    designs = sandbox.providers["abyssale"].designs
    design = next(id_ for id_, each in designs.items() if each.type == "static")
    approved(banner("banner-1", design))
    assert materialize(generations.instance, *GENERATION).success
    hours.pass_(seconds=10)
    assert generations.work() == [True]
    files = paid.rows("abyssale", "file", "request_key, id")
    assert files
    assert {key for key, _ in files} == {"banner-1"}
    ((key, state, charged),) = paid.rows(*GENERATION, "request_key, job_state, credits_charged")
    assert (key, state, charged) == ("banner-1", "SUCCEEDED", len(files))


def test_a_request_that_abyssale_will_forget_is_announced_and_then_gone(
    generations: Daemon, hours: Hours, sandbox: Sandbox
) -> None:
    design = next(iter(sandbox.providers["abyssale"].designs))
    approved(banner("banner-1", design))
    assert materialize(generations.instance, *GENERATION).success
    down = Fault(kind="status", status=503, path="/abyssale/generation-request", times=10_000)
    sandbox.traffic.faults.append(down)
    hours.pass_(days=6, hours=1)
    assert generations.work() == []
    assert "1 will be forgotten by the provider within a day" in generations.said
    sandbox.traffic.faults.clear()
    hours.pass_(days=1)
    assert generations.work() == [True]
    assert paid.rows(*GENERATION, "request_key, job_state, job_status") == [
        ("banner-1", "GONE", "gone")
    ]


def test_an_imagine_api_request_is_settled_when_its_images_day_is_loaded(
    hours: Hours, sandbox: Sandbox
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        approved(fox("fox-1"), fox("fox-2", "a bowl of blood"))
        assert materialize(instance, *CREATE).success
        hours.pass_(seconds=60)
        daemon = Daemon("imagine_api_images_sensor", instance=instance)
        while not daemon.work():
            pass
        columns = "request_key, job_state, error_class"
        assert paid.rows(*CREATE, columns) == [
            ("fox-1", "SUCCEEDED", None),
            ("fox-2", "FAILED", "moderation"),
        ]
    with Ledger.open(Settings.load()) as ledger:
        assert all(job.loaded for job in ledger.jobs())


def test_other_finished_jobs_are_another_version_and_their_order_is_none(
    settings: Settings,
) -> None:
    with Ledger.open(settings) as ledger:
        for key in ("a", "b"):
            ledgers.submitted(ledger, key)
        one, two = ledger.jobs()
    assert job_sensor.version([one]) != job_sensor.version([two])
    assert job_sensor.version([one, two]) == job_sensor.version([two, one])
