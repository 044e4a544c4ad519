"""`genai backfill`: days materialized from the command line, where the web UI sees them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import dagster as dg
import pytest

from genai_orchestration import warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.loading import windows
from genai_orchestration.orchestration.assets import days as day_assets
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.runs.backfill import materialize_days
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.providers import http, provider_named
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import process
from genai_orchestration_tests.support.doubles import replace

TODAY = datetime.now(timezone.utc).date()
FIRST = TODAY - timedelta(days=12)
IMAGES = dg.AssetKey(["imagine_api", "images"])
WEEK = ("--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=7)).isoformat())


def days_loaded(settings: Settings) -> set[str]:
    sql = "SELECT DISTINCT CAST(date_created AT TIME ZONE 'UTC' AS DATE) FROM {images}"
    rows = warehouse.query(provider_named("imagine_api"), settings, sql) or []
    return {row[0].isoformat() for row in rows}


def test_a_week_is_one_run_on_the_instance_that_the_web_ui_shows(
    sandbox: Sandbox, settings: Settings
) -> None:
    said = process("backfill", "imagine_api", *WEEK)
    assert (said.code, said.err) == (0, "")
    assert said.out == "Materialized 7 days of ImagineAPI; `genai dev` shows the run.\n"
    week = {(FIRST + timedelta(days=n)).isoformat() for n in range(7)}
    assert days_loaded(settings) == week
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert len(instance.get_runs()) == 1
        assert instance.get_materialized_partitions(IMAGES) == week


def test_a_day_without_a_partition_is_refused_in_a_sentence(sandbox: Sandbox) -> None:
    tomorrow = TODAY + timedelta(days=2)
    said = process("backfill", "imagine_api", "--from", FIRST.isoformat(), "--to", str(tomorrow))
    assert said.sentence.startswith("ImagineAPI's partitions are the days from 2023-01-01 to")


def test_a_run_that_fails_is_told_with_its_cause(sandbox: Sandbox) -> None:
    sandbox.traffic.faults.append(
        Fault(kind="status", status=401, path="/imagine_api", times=1_000_000)
    )
    said = process("backfill", "imagine_api", *WEEK)
    assert said.sentence.startswith("The job imagine_api_load failed: ImagineAPI answered 401")


def test_fewer_rows_than_the_api_counted_are_told_and_no_success(
    sandbox: Sandbox, settings: Settings
) -> None:
    body = '{"meta": {"filter_count": 5000}, "data": []}'
    path = "/imagine_api/items/images"
    wrong = Fault(kind="status", status=200, path=path, body=body, times=2)  # open and finished
    sandbox.traffic.faults.append(wrong)
    said = process("backfill", "imagine_api", *WEEK).sentence
    assert said.startswith("The check window_complete of imagine_api/images failed: ")
    assert "; the API counted 10000. The run is " in said
    assert materialized(settings), "what there is was loaded"


# a backfill in small portions that is killed once the second of them is loaded
KILLED = """
import os, signal
from datetime import date
from genai_orchestration.loading import windows
from genai_orchestration.orchestration.assets import days as day_assets
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.runs.backfill import materialize_days
from genai_orchestration.providers import http, provider_named
from genai_orchestration.settings import Settings

windows.ROWS_PER_WINDOW = 30
told = []
def killed(self, portion, materialized=day_assets._Range._materialized):
    materialized(self, portion)
    told.append(portion)
    if len(told) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
day_assets._Range._materialized = killed
first, end = (date.fromisoformat(day) for day in %r)
materialize_days(defs(), provider_named("imagine_api"), first, end, Settings.load())
"""


def days_read(sandbox: Sandbox) -> set[date]:
    """The days whose images were asked for since the log of calls was cleared."""
    return {
        day
        for call in sandbox.traffic.calls
        if (window := _window(call.query)) is not None
        for day in window
    }


def _window(query: str) -> Iterator[date] | None:
    asked = parse_qs(query)
    if "limit" not in asked or int(asked["limit"][0]) < 100:
        return None  # it counts, or asks for a single image
    bounds = dict[str, str]()
    for each in _flat(json.loads(asked["filter"][0])):
        bounds.update(each)
    first, end = (date.fromisoformat(bounds[name][:10]) for name in ("_gte", "_lt"))
    return (first + timedelta(days=number) for number in range((end - first).days))


def _flat(asked: Any) -> Iterator[dict[str, str]]:
    for each in asked["_and"]:
        yield from _flat(each) if "_and" in each else [each.get("date_created", {})]


def materialized(settings: Settings) -> set[str]:
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        return instance.get_materialized_partitions(IMAGES)


def test_a_backfill_that_is_killed_goes_on_where_it_was(
    sandbox: Sandbox, settings: Settings
) -> None:
    week = {(FIRST + timedelta(days=n)).isoformat() for n in range(7)}
    bounds = (WEEK[1], WEEK[3])
    killed = subprocess.run([sys.executable, "-c", KILLED % (bounds,)], check=False)
    assert killed.returncode == -signal.SIGKILL
    done = materialized(settings)
    assert done
    assert done < week
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.STARTED  # as far as it has told
        health = instance.run_launcher.check_run_worker_health(run)  # what the daemon asks
        assert health.status.name == "FAILED"

    sandbox.traffic.calls.clear()
    said = process("backfill", "imagine_api", *WEEK)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Went on with run ")
    assert {day.isoformat() for day in days_read(sandbox)} == week - done
    assert materialized(settings) == days_loaded(settings) == week

    sandbox.traffic.calls.clear()
    assert process("backfill", "imagine_api", *WEEK).code == 0  # that one had come to its end
    assert {day.isoformat() for day in days_read(sandbox)} == week


def test_a_step_that_is_tried_again_does_not_read_the_finished_days_twice(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 30)
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", (0.0,))
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)
    down = Fault(kind="status", status=503, path="/imagine_api", times=http.LOAD_POLICY.attempts)
    seen: list[set[date]] = []

    def fail_once(self: Any, portion: windows.LoadWindow, tell: Any = _told) -> None:
        tell(self, portion)
        if not seen:
            sandbox.traffic.faults.append(down)
            seen.append(days_read(sandbox))
            sandbox.traffic.calls.clear()

    replace(monkeypatch, day_assets._Range, "_materialized", fail_once)
    end = FIRST + timedelta(days=7)
    assert materialize_days(defs(), provider_named("imagine_api"), FIRST, end, settings) == (
        7,
        None,
    )
    (first,) = seen
    assert first
    assert first.isdisjoint(days_read(sandbox))
    assert len(days_loaded(settings)) == 7


def test_a_backfill_that_failed_is_continued_by_the_next_of_the_same_days_alone(
    sandbox: Sandbox, settings: Settings
) -> None:
    imagine, end = provider_named("imagine_api"), FIRST + timedelta(days=2)
    sandbox.traffic.faults.append(Fault(kind="status", status=401, path="/imagine_api", times=99))
    with pytest.raises(NotLoaded):
        materialize_days(defs(), imagine, FIRST, end, settings)
    sandbox.traffic.faults.clear()
    assert materialize_days(defs(), imagine, FIRST, end + timedelta(days=1), settings)[1] is None
    assert materialize_days(defs(), imagine, FIRST, end, settings)[1] is not None
    assert materialize_days(defs(), imagine, FIRST, end, settings)[1] is None


_told = day_assets._Range._materialized
