"""Whatever is finished and has no file is asked for by itself, what expires first comes first."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.sensors.files.jobs_with_files import (
    FILES,
    KEY,
    NOTHING,
    archived,
    day,
    days_ago,
    put,
)
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import (
    IMAGINE,
    MAGIC,
    hero,
    loaded_images,
    rows,
    whole,
)
from genai_orchestration_tests.support.doubles import replace


def asked_days(daemon: Daemon) -> list[tuple[str, str]]:
    """Tick by tick, run by run, until nothing is left: first and last day of each run."""
    found = []
    while requests := daemon.tick():
        (request,) = requests
        first = request.tags.get("dagster/asset_partition_range_start", request.partition_key)
        last = request.tags.get("dagster/asset_partition_range_end", request.partition_key)
        assert first
        assert last
        found.append((first, last))
        done = daemon.run(request)
        assert done
        assert done.success
        assert len(found) < 10
    return found


def test_what_any_load_brought_is_archived_in_bounded_runs_new_days_and_old_ones_in_turn(
    sandbox: Sandbox,
    settings: Settings,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{KEY}FILES_PER_RUN", "10")
    account = emptied(sandbox)
    account.add(at(*days_ago(60, 40, 40, 40, 39, 20, 0)))
    account.add(at(*days_ago(30), outcome="failed"))
    loaded_images(settings)  # by genai load: Dagster knows nothing of it
    monkeypatch.setenv(f"{KEY}START_DATE", f"{day(50)}")
    asked = asked_days(daemon)
    assert asked == [
        (f"{day(first)}", f"{day(last)}") for first, last in ((0, 0), (40, 40), (40, 39), (20, 20))
    ]
    assert daemon.said == (
        "No file is to be fetched now; 1 job of days without a partition: run genai "
        "archive imagine_api."
    )
    assert set(rows(IMAGINE, "state")) == {("archived",)}
    assert len(rows(IMAGINE, "role")) == 6 * FILES
    assert {path for (path,) in rows(IMAGINE, "archived_path")} == set(
        whole(Path(settings.archive))  # images of one prompt have the same pictures here
    )
    keys = [run.tags[RUN_KEY] for run in daemon.instance.get_runs()]
    assert len(set(keys)) == len(asked)

    account.add(at(*days_ago(1)))
    monkeypatch.setattr(clock, "now", lambda: datetime.now(timezone.utc) + timedelta(minutes=11))
    loaded_images(settings)
    assert asked_days(daemon) == [(f"{day(1)}", f"{day(1)}")]
    put(settings, "UPDATE images SET upscaled_urls = NULL WHERE true")
    put(
        settings,
        "DELETE FROM asset_file WHERE role <> 'grid' OR date_created < now() - INTERVAL 30 DAY",
    )
    monkeypatch.setattr(clock, "now", lambda: datetime.now(timezone.utc) + timedelta(minutes=22))
    assert asked_days(daemon) == [(f"{day(40)}", f"{day(39)}")]  # of the others, a grid is all


def test_failed_files_of_an_old_day_are_asked_for_again_when_they_are_due(
    sandbox: Sandbox, settings: Settings, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(sandbox).add(at(*days_ago(40)))
    loaded_images(settings)
    limited = Fault(kind="status", status=404, path="/imagine_api/assets", times=10_000)
    sandbox.traffic.faults.append(limited)
    assert daemon.work() == [True]
    assert daemon.tick() == []
    assert "; 5 that failed are asked for again, the first at " in daemon.said
    looks: list[Any] = []
    query = warehouse.query
    with monkeypatch.context() as patched:

        def look(*arguments: Any) -> Any:
            looks.append(arguments)
            return query(*arguments)

        replace(patched, warehouse, "query", look)
        assert daemon.tick() == []
        assert "5 that failed" in daemon.said
        assert looks == []  # without news the warehouse is left alone
        daemon.cursor = "5"
        assert daemon.tick() == []
        assert looks
    later(monkeypatch, minutes=2)
    sandbox.traffic.faults.clear()
    assert asked_days(daemon) == [(f"{day(40)}", f"{day(40)}")]
    assert daemon.said == NOTHING
    assert set(rows(IMAGINE, "state", "attempts")) == {("archived", 2)}


def test_files_of_the_ledgers_jobs_are_fetched_before_their_table_is_loaded(
    sandbox: Sandbox, settings: Settings, magic: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert magic.tick() == []
    assert magic.said == NOTHING
    hero(sandbox, "hero-1")
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "mark_archived", lambda *arguments: None)  # a crash before it
        assert magic.work() == [True]
    assert rows(MAGIC, "role", "state") == [("output_1", "archived"), ("output_2", "archived")]
    assert not archived(settings, "magic_hour")
    assert magic.work() == [True]  # nothing to fetch, but to be noted
    assert archived(settings, "magic_hour")
    assert magic.tick() == []
    monkeypatch.delenv("SOURCES__MAGIC_HOUR_SOURCE__API_KEY")
    assert magic.tick() == []
    assert magic.said.startswith("Magic Hour has no API key: set api_key under")


def test_files_that_expire_first_are_fetched_first_and_expired_ones_last(
    sandbox: Sandbox, settings: Settings
) -> None:
    jobs = []
    for number in range(3):
        jobs.append(hero(sandbox, f"hero-{number}"))
        sandbox.clock.advance(timedelta(hours=5).total_seconds())
    with Ledger.open(settings) as ledger:
        plan = archiving.plan_of(MAGIC, settings, ledger)
        plan.now = sandbox.clock.now() + timedelta(hours=12)  # the first is over, two are not
        ends = {job.job_id: expires(job) for job in ledger.jobs(provider="magic_hour")}
        assert ends[jobs[0]] < plan.now < ends[jobs[1]] < ends[jobs[2]]
        assert [job.job_id for job in plan.of_ledger()] == [jobs[1], jobs[2], jobs[0]]
        assert {file.job_id for file in plan.wanted(None, 2)} == {jobs[1]}


def expires(job: Any) -> datetime:
    assert MAGIC.archive
    assert MAGIC.archive.expires
    end: datetime = MAGIC.archive.expires(job.finished_job)
    return end
