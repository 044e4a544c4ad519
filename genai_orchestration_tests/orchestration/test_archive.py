"""The assets of archived files: of days and of all jobs, and their checks."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from genai_orchestration import clock
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.checks.files import EXPIRING
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.archived import (
    IMAGINE,
    banners,
    hero,
    pictures,
    rows,
)


def run(
    instance: dg.DagsterInstance, provider: str, *tables: str, **more: object
) -> dg.ExecuteInProcessResult:
    """A run of the provider's load job, of these assets."""
    return (
        defs()
        .resolve_job_def(f"{provider}_load")
        .execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey([provider, table]) for table in tables],
            raise_on_error=False,
            **more,  # type: ignore[arg-type]
        )
    )


def told(result: dg.ExecuteInProcessResult, provider: str) -> dict[str, object]:
    """What the run shows of the archived files; of many days, on the last one."""
    key = dg.AssetKey([provider, "asset_file"])
    *_, event = (e for e in result.get_asset_materialization_events() if e.asset_key == key)
    found = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in found.items()}


def expiring(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (found,) = (e for e in result.get_asset_check_evaluations() if e.check_name == EXPIRING)
    return found


def test_a_backfill_of_days_is_one_run_and_tells_each_day_its_own_files(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    today = sandbox.clock.now().date()
    first, last = today - timedelta(days=3), today - timedelta(days=2)
    days = range_tags(first, last)
    assert run(instance, "imagine_api", "images", tags=days).success
    result = run(instance, "imagine_api", "asset_file", tags=days)
    assert result.success
    found = pictures(sandbox, (first, last + timedelta(days=1)))
    shown = told(result, "imagine_api")
    assert shown["files archived by run"] == shown["files archived"] == len(found)
    assert (shown["files refused by run"], shown["files failed by run"]) == (0, 0)
    assert shown["archive"] == Settings.load().archive
    events = instance.fetch_materializations(dg.AssetKey(["imagine_api", "asset_file"]), limit=9)
    assert {record.partition_key for record in events.records} == {f"{first}", f"{last}"}
    assert by_day() == {first, last}


def by_day() -> set[date]:
    return {moment.date() for (moment,) in rows(IMAGINE, "date_created AT TIME ZONE 'UTC'")}


def test_refused_and_failed_files_are_told_with_their_reasons_and_do_not_fail_the_run(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    hero(sandbox, "hero-1")
    page = Fault(kind="status", status=200, path="/magic_hour/_files", body="#!/bin/sh\nexit 1\n")
    gone = Fault(kind="status", status=404, path="/magic_hour/_files", times=100)
    sandbox.traffic.faults += [page, gone]
    result = run(instance, "magic_hour", "image_projects", "asset_file")
    assert result.success
    shown = told(result, "magic_hour")
    assert (shown["files refused by run"], shown["files failed by run"]) == (1, 1)
    assert "of no kind that is known" in str(shown["refused because"])
    assert shown["failed because"] == {"127.0.0.1 answered 404.": 1}


@pytest.mark.parametrize("provider", ["magic_hour", "abyssale"])
def test_the_check_fails_while_a_file_may_soon_be_lost(
    sandbox: Sandbox,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
) -> None:
    name, life = (
        (hero(sandbox, "hero-1"), 24)
        if provider == "magic_hour"
        else (banners(sandbox, "b-1"), 168)
    )
    path = f"/{provider}/_files"
    sandbox.traffic.faults.append(Fault(kind="status", status=404, path=path, times=1000))
    result = run(instance, provider, "asset_file")
    assert (expiring(result).passed, expiring(result).description) == (
        True,
        "Files of 1 job are to be archived, and have time for it.",
    )
    late = clock.now() + timedelta(hours=life - 5)
    monkeypatch.setattr(clock, "now", lambda: late)
    result = run(instance, provider, "asset_file")
    assert not expiring(result).passed
    assert f"Files of 1 job may soon be lost: {name} until" in str(expiring(result).description)
    sandbox.traffic.faults.clear()
    much_later = late + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: much_later)
    assert expiring(run(instance, provider, "asset_file")).passed


def test_an_archive_that_cannot_be_written_fails_the_step_in_a_sentence(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hero(sandbox, "hero-1")
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("GENAI_ARCHIVE", str(tmp_path / "taken"))
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    result = run(instance, "magic_hour", "asset_file")
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    said = event.step_failure_data.user_failure_data
    assert said
    assert "cannot be written" in str(said.description)
    assert "GENAI_ARCHIVE" in str(said.description)
