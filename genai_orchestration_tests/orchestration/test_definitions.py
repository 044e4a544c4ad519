"""What the code location shows before anything has run, with nothing configured."""

from collections.abc import Mapping
from datetime import datetime, timezone

import dagster as dg
import pytest

from genai_orchestration.definitions import defs
from genai_orchestration.loading.generations import GENERATIONS, OWN
from genai_orchestration.loading.request_rows import request_table
from genai_orchestration.orchestration.assets import days as day_assets
from genai_orchestration.orchestration.assets import tables as assets
from genai_orchestration.orchestration.assets.groups import TableSet, groups_of
from genai_orchestration.orchestration.checks.files import file_checks
from genai_orchestration.orchestration.checks.tables import table_checks
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.sandbox import Sandbox

SPENDING = {
    "abyssale/generation_requests",
    "imagine_api/images_create",
    "magic_hour/ai_image_generator",
    "magic_hour/ai_image_upscaler",
}
ASSETS = {
    "abyssale/asset_file",
    "genai/generations",
    "abyssale/credits",
    "abyssale/design_detail",
    "abyssale/designs",
    "abyssale/file",
    "abyssale/fonts",
    "abyssale/projects",
    "imagine_api/asset_file",
    "imagine_api/images",
    "imagine_api/status",
    "magic_hour/asset_file",
    "magic_hour/credits",
    "magic_hour/image_projects",
    "magic_hour/models",
    "magic_hour/status",
}
AT = datetime(2026, 3, 10, 1, tzinfo=timezone.utc)


@pytest.fixture
def definitions() -> dg.Definitions:
    return defs()


def spec_of(definitions: dg.Definitions) -> Mapping[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_location_loads_with_nothing_configured(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_assets_are_exactly_these(definitions: dg.Definitions) -> None:
    assert set(spec_of(definitions)) == ASSETS | SPENDING


def test_jobs_schedules_and_sensors_are_exactly_these(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {name for name in repository.job_names if not name.startswith("__")} == {
        "abyssale_load",
        "abyssale_requests",
        "genai_generations",
        "imagine_api_load",
        "imagine_api_requests",
        "magic_hour_load",
        "magic_hour_requests",
    }
    assert {schedule.name for schedule in repository.schedule_defs} == {
        "abyssale_daily",
        "imagine_api_daily",
        "imagine_api_status_every_5_minutes",
        "magic_hour_hourly",
    }
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "abyssale_designs_sensor",
        "abyssale_files_sensor",
        "abyssale_generations_sensor",
        "genai_generations_sensor",
        "generation_requests_sensor",
        "imagine_api_files_sensor",
        "imagine_api_images_sensor",
        "magic_hour_files_sensor",
        "magic_hour_projects_sensor",
    }
    statuses = {schedule.default_status.value for schedule in repository.schedule_defs}
    assert statuses | {s.default_status.value for s in repository.sensor_defs} == {"RUNNING"}


def load_of(group: TableSet) -> dg.AssetsDefinition:
    return (day_assets.day_assets if group.by_day else assets.load_assets)(group)


def test_the_checks_are_exactly_these() -> None:
    found = {
        f"{key.asset_key.to_user_string()} {key.name}"
        for provider in all_providers()
        for group in groups_of(provider)
        for checks in [*table_checks(group), *file_checks(provider), load_of(group)]
        for key in checks.check_keys
    }
    keyed = {"abyssale/designs", "abyssale/design_detail", "abyssale/projects", "abyssale/fonts"}
    assert found == {
        *(f"{table} ids_present_and_unique" for table in keyed | {"abyssale/file"}),
        "magic_hour/image_projects ids_present_and_unique",
        "imagine_api/images ids_present_and_unique",
        "imagine_api/images status_words_known",
        "imagine_api/images no_stuck_jobs",
        "imagine_api/images every_job_is_in_a_day",
        "imagine_api/images window_complete",
        "abyssale/asset_file files_expiring_soon",
        "magic_hour/asset_file files_expiring_soon",
        *(
            f"{provider.name}/asset_file {check}"
            for provider in all_providers()
            for check in ("refused_files_seen", "finished_jobs_have_files")
        ),
    }


def declared_table(provider: Provider, name: str) -> Table:
    operations = {each.name: each for each in provider.operations}
    if name in operations:
        return request_table(provider, operations[name])
    return provider.table(name)


@pytest.mark.parametrize("key", sorted(ASSETS | SPENDING))
def test_every_asset_says_what_it_is(definitions: dg.Definitions, key: str) -> None:
    spec = spec_of(definitions)[key]
    provider, table = spec.key.path
    assert len(spec.description or "") > 40
    assert spec.owners == ["team:data"]
    assert spec.kinds == {"dlt", "duckdb"}
    assert spec.tags["provider"] == provider
    assert spec.group_name == ("spends_credits" if key in SPENDING else provider)
    assert (spec.description or "").startswith("SPENDS CREDITS:") == (key in SPENDING)
    own = provider == OWN.name
    assert spec.metadata["dagster/table_name"] == f"{provider}{'' if own else '_data'}.{table}"
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    declared = GENERATIONS if own else declared_table(provider_named(provider), table)
    assert [column.name for column in schema.columns] == list(declared.columns)
    constrained = [c.name for c in schema.columns if c.constraints.other == ["primary_key"]]
    assert constrained == list(declared.primary_key)


def test_the_kind_is_the_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", "postgres")
    assert {frozenset(spec.kinds) for spec in spec_of(defs()).values()} == {
        frozenset({"dlt", "postgres"})
    }


def test_no_step_has_a_policy_that_makes_another_attempt_of_an_interrupt(
    definitions: dg.Definitions,
) -> None:
    steps = [*(definitions.assets or ()), *(definitions.asset_checks or ())]
    found = [step for step in steps if isinstance(step, dg.AssetsDefinition) and step.keys]
    assert len(found) > 10
    assert {step.op.retry_policy for step in found} == {None}
    assert sum(attempts.PAUSES_SECONDS) < 60


def evaluate(definitions: dg.Definitions, name: str) -> dg.RunRequest | str:
    """What the schedule asks for at `AT`, or its sentence."""
    schedule = definitions.resolve_schedule_def(name)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=AT)
        tick = schedule.evaluate_tick(context)
    return tick.run_requests[0] if tick.run_requests else str(tick.skip_message)


SCHEDULED = {
    "abyssale_daily": {key for key in ASSETS if key.startswith("abyssale")},
    "imagine_api_daily": {"imagine_api/images", "imagine_api/asset_file"},
    "imagine_api_status_every_5_minutes": {"imagine_api/status"},
    "magic_hour_hourly": {key for key in ASSETS if key.startswith("magic_hour")},
}


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_schedule_asks_for_one_run_of_its_tables(
    definitions: dg.Definitions, sandbox: Sandbox, name: str
) -> None:
    asked = evaluate(definitions, name)
    assert isinstance(asked, dg.RunRequest)
    assert asked.run_key == "2026-03-10T01:00:00+00:00"
    assert {key.to_user_string() for key in asked.asset_selection or ()} == SCHEDULED[name]
    days = {tag: value for tag, value in asked.tags.items() if "partition" in tag}
    assert days == (
        {
            "dagster/asset_partition_range_start": "2026-03-07",
            "dagster/asset_partition_range_end": "2026-03-10",
        }
        if name == "imagine_api_daily"
        else {}
    )
    assert asked.partition_key is None


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_schedule_without_a_key_names_the_setting(definitions: dg.Definitions, name: str) -> None:
    said = evaluate(definitions, name)
    provider = next(p for p in all_providers() if name.startswith(p.name))
    assert isinstance(said, str)
    assert said.startswith(f"{provider.title} has no API key: set api_key under")
    assert f"SOURCES__{provider.section.upper()}__API_KEY" in said
