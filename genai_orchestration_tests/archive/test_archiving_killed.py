"""The archiver is killed often: no torn file, no second row, and nothing is begun again."""

import multiprocessing
import os
import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from genai_orchestration.archive import archiving
from genai_orchestration.archive.archiver import AHEAD
from genai_orchestration.archive.folder import STALE
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import calls
from genai_orchestration_tests.support.archived import (
    IMAGINE,
    archive_in_child,
    loaded_images,
    pictures,
    rows,
    whole,
)

PRELOADED = [  # else each child would spend its life importing
    "genai_orchestration_tests.support.archived",
    "dlt.destinations.impl.duckdb.duck",
    "pyarrow.parquet",
    "dlt.common.libs.pyarrow",
    "sqlglot.dialects.duckdb",
]


@pytest.mark.parametrize(("kills", "days"), [(9, 4), pytest.param(50, 18, marks=pytest.mark.long)])
def test_killed_at_any_moment_it_leaves_nothing_torn_and_nothing_twice(
    sandbox: Sandbox, settings: Settings, kills: int, days: int
) -> None:
    chance = random.Random(4711)
    loaded_images(settings)
    today = sandbox.clock.now().date()
    window = (today - timedelta(days=days), today)
    expected = pictures(sandbox, window)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(PRELOADED)
    folder = Path(settings.archive)
    killed, seen = 0, 0
    while killed < kills:
        child = processes.Process(target=archive_in_child, args=(dict(os.environ), *window))
        asked = len(sandbox.traffic.calls)
        child.start()
        # two in three while files are fetched, one at any moment before; the quickest child has to
        # leave something to the last of them
        enough = asked + chance.randint(1, 30)
        until = time.monotonic() + (60 if killed % 3 else chance.uniform(0.05, 2.0))
        while child.is_alive() and len(sandbox.traffic.calls) < enough and time.monotonic() < until:
            time.sleep(0.001)
        assert child.is_alive(), f"it was done after {killed} kills: give it more days"
        child.kill()
        child.join()
        child.close()
        killed += 1
        kept = len(whole(folder))
        assert kept >= seen
        seen = kept
    archiving.archive(IMAGINE, settings, days=window)
    found = rows(IMAGINE, "job_id", "role", "state", "archived_path")
    assert [row[2] for row in found] == ["archived"] * len(expected)
    assert sorted((job, role) for job, role, *_ in found) == sorted(expected)
    assert {path for *_, path in found} == set(whole(folder))
    assert len(calls(sandbox, "/imagine_api/assets")) <= len(expected) + kills * AHEAD
    for path in (folder / ".incoming").iterdir():
        os.utime(path, (time.time() - STALE - 60,) * 2)
    archiving.archive(IMAGINE, settings, days=window)
    assert list((folder / ".incoming").iterdir()) == []
