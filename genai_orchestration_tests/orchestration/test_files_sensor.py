"""Whatever is finished and has no file is asked for by itself, in runs that a person can pace."""

import contextlib
import html
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.definitions import defs
from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, NotLoaded
from genai_orchestration.orchestration.sensors import files as files_sensor
from genai_orchestration.providers.imagine_api.sandbox import images as drawn
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.png import picture
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.watching import day_watch
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.providers.imagine_api.account import at, emptied
from genai_orchestration_tests.support.archived import (
    ABYSSALE,
    IMAGINE,
    MAGIC,
    banners,
    hero,
    loaded_images,
    rows,
    whole,
)
from genai_orchestration_tests.support.command import HOLDER, genai
from genai_orchestration_tests.support.doubles import replace

NOTHING = "No file is to be fetched now."
KEY = "SOURCES__IMAGINE_API_SOURCE__"
FILES = 5  # of an image


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def daemon(definitions: dg.Definitions) -> Iterator[Daemon]:
    found = Daemon("imagine_api_files_sensor", definitions=definitions)
    with found.instance:
        yield found


@pytest.fixture
def magic(definitions: dg.Definitions) -> Iterator[Daemon]:
    found = Daemon("magic_hour_files_sensor", definitions=definitions)
    with found.instance:
        yield found


def days_ago(*numbers: int) -> list[datetime]:
    noon = datetime.now(timezone.utc).replace(hour=0, minute=0, second=1)
    return [noon - timedelta(days=number) for number in numbers]


def day(number: int) -> date:
    return days_ago(number)[0].date()


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let it be that much later than now."""
    now = datetime.now(timezone.utc) + timedelta(**by)
    monkeypatch.setattr(clock, "now", lambda: now)


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


def put(settings: Settings, sql: str) -> None:
    """Change rows in the warehouse, as nobody should."""
    with warehouse.pipeline(IMAGINE, settings) as pipeline, pipeline.sql_client() as client:
        client.execute_sql(sql)


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
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.warehouse)], stdin=-1, stdout=-1, text=True
    ) as stranger:
        assert stranger.stdout
        assert stranger.stdout.readline() == "open\n"
        assert daemon.tick() == []
        stranger.communicate("close\n")
    assert daemon.said.startswith("The warehouse is in use: ")
    assert "for 0.2 s" in daemon.said
    with archiving._alone(IMAGINE, settings):
        assert daemon.tick() == []
        assert daemon.said == "Another process archives ImagineAPI's files."
    assert len(daemon.tick()) == 1


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


def archived(settings: Settings, provider: str) -> bool:
    with Ledger.open(settings) as ledger:
        return all(job.archived for job in ledger.jobs(provider=provider))


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


def test_refused_files_stay_in_a_check_until_a_person_dismisses_them(
    sandbox: Sandbox, settings: Settings, magic: Daemon
) -> None:
    job = hero(sandbox, "hero-1")
    page = Fault(
        kind="status",
        status=200,
        path="/magic_hour/_files",
        times=10_000,
        body="<html>",
        content_type="image/png",
    )
    sandbox.traffic.faults.append(page)
    done = archiving.archive(MAGIC, settings)
    while done.failed:  # a page in a picture's place may be passing: it is asked for some times
        done = archiving.archive(MAGIC, settings, again=True)
    for _ in range(2):
        passed, words = checked(magic, "refused_files_seen")
        assert not passed
        assert words.startswith("2 refused: ")
        assert f"output_1 of {job} (" in words
        assert words.endswith("run genai archive magic_hour --dismiss.")
    assert checked(magic, "finished_jobs_have_files") == (True, "All have files.")
    assert genai("archive", "magic_hour", "--dismiss").out == (
        "2 refused or missing files dismissed.\n"
    )
    assert genai("archive", "--dismiss").out.splitlines()[-1] == (
        "Magic Hour: 0 refused or missing files dismissed."
    )
    assert checked(magic, "refused_files_seen") == (True, "None is refused.")
    assert set(rows(MAGIC, "state")) == {("dismissed",)}
    assert "leave out" in genai("archive", "magic_hour", "--dismiss", "--again").usage
    assert magic.tick() == []
    sandbox.traffic.faults.clear()
    said = genai("archive", "--again", "--verify")
    assert "Magic Hour: 2 files archived (" in said.out
    assert set(rows(MAGIC, "state")) == {("archived",)}


def checked(daemon: Daemon, name: str) -> tuple[bool, str]:
    """A run of the asset and of its checks: what that check says."""
    provider = daemon.sensor.removesuffix("_files_sensor")
    result = daemon.definitions.resolve_job_def(f"{provider}_load").execute_in_process(
        instance=daemon.instance,
        asset_selection=[dg.AssetKey([provider, "asset_file"])],
        partition_key=f"{day(3)}" if provider == "imagine_api" else None,
    )
    (found,) = (e for e in result.get_asset_check_evaluations() if e.check_name == name)
    return found.passed, html.unescape(found.description or "")


def test_a_job_that_succeeded_without_a_file_is_named_and_never_archived_by_itself(
    sandbox: Sandbox, settings: Settings, daemon: Daemon
) -> None:
    image, *_ = emptied(sandbox).add(at(*days_ago(3, 3)))
    loaded_images(settings)
    put(settings, f"UPDATE images SET url = NULL, upscaled_urls = NULL WHERE id = '{image}'")
    passed, words = checked(daemon, "finished_jobs_have_files")
    assert not passed
    assert words.startswith(f"1 job succeeded without a file: {image}.")
    assert (daemon.tick(), daemon.said) == ([], NOTHING)
    days = ("--from", f"{day(3)}", "--to", f"{day(2)}")
    assert genai("archive", "imagine_api", *days, "--dismiss").out.startswith("1 refused or miss")
    assert checked(daemon, "finished_jobs_have_files") == (True, "All have files.")
    assert rows(IMAGINE, "job_id", "role", where="state = 'dismissed'") == [(image, "none")]


def test_a_generation_without_banners_is_not_archived_until_it_is_dismissed(
    sandbox: Sandbox, settings: Settings, definitions: dg.Definitions
) -> None:
    job = banners(sandbox, "banner-1")
    record = "json_set(record, '$.banners', json('[]'))"
    with contextlib.closing(sqlite3.connect(settings.ledger)) as connection, connection:
        connection.execute(f"UPDATE jobs SET record = {record}")
    daemon = Daemon("abyssale_files_sensor", definitions=definitions)
    with daemon.instance:
        passed, words = checked(daemon, "finished_jobs_have_files")
        assert (passed, job in words) == (False, True)
        assert not archived(settings, "abyssale")
        assert (daemon.tick(), daemon.said) == ([], NOTHING)
        result = definitions.resolve_job_def("abyssale_load").execute_in_process(
            instance=daemon.instance,
            asset_selection=[dg.AssetKey(["abyssale", "asset_file"])],
            run_config={"ops": {"abyssale_asset_file": {"config": {"dismiss": True}}}},
        )
    (event,) = result.get_asset_materialization_events()
    told = event.step_materialization_data.materialization.metadata
    assert told["files dismissed by run"].value == 1
    assert rows(ABYSSALE, "job_id", "role", "state") == [(job, "none", "dismissed")]
    assert archived(settings, "abyssale")


def test_verify_knows_the_content_that_an_earlier_process_archived(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied(sandbox).add(at(*days_ago(3)))
    loaded_images(settings)
    archiving.archive(IMAGINE, settings)
    before = rows(IMAGINE, "role", "sha256", "archived_path")
    replace(monkeypatch, drawn, "picture", lambda words, *sides: picture(f"other {words}", *sides))
    said = genai("archive", "imagine_api", "--verify")
    assert "5 archived before, and not the same any more" in said.out
    done = archiving.archive(IMAGINE, settings, verify=True)
    assert done.changed.total() == FILES
    assert rows(IMAGINE, "role", "sha256", "archived_path") == before


def test_a_cursor_that_cannot_be_read_is_as_none() -> None:
    for text in (
        "5",
        "[]",
        "{",
        '{"until": "soon"}',
        '{"until": "2026-01-01"}',
    ):
        assert files_sensor.LastTick.loads(text) == files_sensor.LastTick()
