"""`genai backfill`: days materialized from the command line, where the web UI sees them."""

from datetime import datetime, timedelta, timezone

import dagster as dg

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.sandbox.server import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.command import process

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
