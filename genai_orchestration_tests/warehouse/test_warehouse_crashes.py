"""Loads that are killed at any moment: no half of a load stays, and a load again completes it."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from genai_orchestration import warehouse
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import pipelines
from genai_orchestration_tests.support import loads
from genai_orchestration_tests.support.loads import PROVIDER, ROWS, SNAPSHOT_ROWS

MOMENTS = ("half", "normalize", "load", "job1", "job2", "job3")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_first_load_killed_at_any_moment_is_completed_by_the_next(
    settings: Settings, moment: str
) -> None:
    loads.killed_at(moment, "merge", "writer")
    assert loads.count(settings) in (None, 0, ROWS)  # nothing, or all of it
    loads.load(settings, letters=loads.letters("writer", 0))
    assert loads.count(settings) == ROWS


def test_loads_killed_at_random_are_completed_by_a_load_again(
    settings: Settings, seed: int
) -> None:
    chance = random.Random(seed)
    loads.load(settings, stand=loads.stand(0))
    for version in range(1, 5):
        process = loads.start("snapshot", version)
        loads.go(process)
        time.sleep(chance.uniform(0, 0.6))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert [rows for _, rows in loads.versions(settings)] == [SNAPSHOT_ROWS]
    loads.load(settings, stand=loads.stand(9))
    assert loads.versions(settings) == [(9, SNAPSHOT_ROWS)]


def test_a_killed_process_keeps_no_lock(settings: Settings) -> None:
    loads.killed_at("job1", "merge", "writer")
    loads.load(settings, letters=loads.letters("other", 0))


def test_working_folders_of_killed_runs_are_swept_a_day_later(settings: Settings) -> None:
    loads.killed_at("load", "merge", "writer")
    loads.killed_at("load", "merge", "writer")
    old, young = folders(settings)
    age(old, *old.rglob("*"))
    with warehouse.pipeline(PROVIDER, settings) as pipeline:
        assert set(folders(settings)) == {young, Path(pipeline.pipelines_dir)}
    assert folders(settings) == [young]


def test_a_run_that_lasts_for_days_keeps_its_working_folder(settings: Settings) -> None:
    with warehouse.pipeline(PROVIDER, settings) as pipeline:
        age(Path(pipeline.pipelines_dir))  # made long ago, and written to just now:
        pipeline.extract(loads.source(letters=loads.letters("slow", 0)))
        loads.load(settings, letters=loads.letters("other", 0))  # sweeps
        pipeline.normalize()
        pipeline.load()
    assert loads.count(settings) == 2 * ROWS
    assert folders(settings) == []


def folders(settings: Settings) -> list[Path]:
    """The working folders, oldest first."""
    return sorted((settings.dlt_home / "runs").iterdir(), key=lambda folder: folder.stat().st_mtime)


def age(*paths: Path) -> None:
    """Make the paths look as if they were last written to before yesterday."""
    long_ago = time.time() - pipelines.STALE - 60
    for path in paths:
        os.utime(path, (long_ago, long_ago))
