"""Files are archived by one run at a time, as often and as many as a person wants."""

import re

import dagster as dg
import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.orchestration.sensors import files as files_sensor
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration.watching import day_watch
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.sensors.files.jobs_with_files import (
    FILES,
    KEY,
    NOTHING,
    days_ago,
)
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import IMAGINE, loaded_images, rows
from genai_orchestration_tests.support.command import kept_open


def test_one_run_is_under_way_and_a_failed_one_is_asked_for_again_under_another_key(
    sandbox: Sandbox, settings: Settings, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(sandbox).add(at(*days_ago(3)))
    loaded_images(settings)
    (request,) = daemon.tick(keep=False)
    (same,) = daemon.tick()  # the tick is done again after a crash
    assert (same.run_key, same.run_config) == (request.run_key, request.run_config)
    assert request.run_config == {"ops": {"imagine_api_asset_file": {"config": {"files": 1000}}}}
    assert request.tags["genai/files"] == "5 of 1 job"
    keys = []
    for failures in range(1, day_watch.RED_AFTER + 1):
        run = started(daemon, request)
        assert daemon.tick() == []
        assert daemon.said == f"Files are being fetched: run {run.run_id[:8]}."
        daemon.instance.report_run_failed(run)
        keys.append(request.run_key)
        later(monkeypatch)
        if failures == day_watch.RED_AFTER:
            with pytest.raises(NotLoaded, match="ImagineAPI's files failed to be archived 5 times"):
                daemon.tick()
        else:
            assert daemon.tick() == []
            assert daemon.said.startswith("Files failed to be archived, soon again:")
        later(monkeypatch, seconds=day_watch.delay(failures).total_seconds() + 1)
        (request,) = daemon.tick()
    assert len({*keys, request.run_key}) == day_watch.RED_AFTER + 1
    done = daemon.run(request)
    assert done
    assert done.success
    assert daemon.tick() == []
    assert daemon.said == NOTHING


def started(daemon: Daemon, request: dg.RunRequest) -> dg.DagsterRun:
    job = daemon.definitions.resolve_job_def("imagine_api_load")
    return daemon.instance.create_run_for_job(
        job, tags=daemon.tags(request), status=dg.DagsterRunStatus.STARTED
    )


def test_runs_are_as_far_apart_as_a_person_wants(
    sandbox: Sandbox, settings: Settings, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{KEY}FILES_PER_RUN", "5")
    monkeypatch.setenv(f"{KEY}FILES_EVERY_MINUTES", "30")
    emptied(sandbox).add(at(*days_ago(3, 3)))
    loaded_images(settings)
    assert daemon.work() == [True]
    assert daemon.tick() == []
    wait = re.fullmatch(
        r"The next run may begin in (\d+) minutes \(files_every_minutes\)\.", daemon.said
    )
    assert wait
    assert 20 < int(wait[1]) <= 30
    later(monkeypatch, minutes=31)
    assert daemon.work() == [True]
    assert len(rows(IMAGINE, "role")) == 2 * FILES
    for name, value in (("FILES_PER_RUN", "0"), ("FILES_EVERY_MINUTES", "often")):
        monkeypatch.setenv(KEY + name, value)
        daemon.cursor = None
        assert daemon.tick() == []
        assert f"{name.lower()} '{value}' is not a number of " in daemon.said
        monkeypatch.delenv(KEY + name)


def test_while_others_have_the_warehouse_or_archive_the_sensor_says_so_within_seconds(
    sandbox: Sandbox, settings: Settings, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(sandbox).add(at(*days_ago(3)))
    loaded_images(settings)
    monkeypatch.setattr(files_sensor, "LOCK_SECONDS", 0.2)
    with kept_open(settings.warehouse):
        assert daemon.tick() == []
    assert daemon.said.startswith("The warehouse is in use: ")
    assert "for 0.2 s" in daemon.said
    with archiving._alone(IMAGINE, settings):
        assert daemon.tick() == []
        assert daemon.said == "Another process archives ImagineAPI's files."
    assert len(daemon.tick()) == 1


def test_a_cursor_that_cannot_be_read_is_as_none() -> None:
    for text in (
        "5",
        "[]",
        "{",
        '{"until": "soon"}',
        '{"until": "2026-01-01"}',
    ):
        assert files_sensor.LastTick.loads(text) == files_sensor.LastTick()
