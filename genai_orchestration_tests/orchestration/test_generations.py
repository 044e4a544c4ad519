"""When Dagster rebuilds `genai/generations`: after news of the tables behind it, once."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from genai_orchestration.definitions import defs
from genai_orchestration.loading import generations
from genai_orchestration.orchestration.assets.generations import JOB, KEY, OP
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.warehouse_rows import put

# one day of hundreds: the others are missing, and need not be there
IMAGES = dg.AssetKey(["imagine_api", "images"])
DAY = dg.AssetMaterialization(IMAGES, partition="2026-03-10")


def test_it_follows_the_providers_tables() -> None:
    spec = {spec.key: spec for spec in defs().resolve_all_asset_specs()}[KEY]
    assert {dep.asset_key.to_user_string() for dep in spec.deps} >= {
        "abyssale/asset_file",
        "abyssale/file",
        "abyssale/generation_requests",
        "imagine_api/asset_file",
        "imagine_api/images",
        "imagine_api/images_create",
        "magic_hour/ai_image_generator",
        "magic_hour/ai_image_upscaler",
        "magic_hour/image_projects",
    }


@pytest.fixture
def asked(instance: dg.DagsterInstance) -> Callable[..., int]:
    """How many builds a look of the sensor asks for, now or at another time."""
    definitions = defs()
    cursor = None

    def look(at: datetime | None = None) -> int:
        nonlocal cursor
        result = dg.evaluate_automation_conditions(
            definitions,
            instance,
            asset_selection=dg.AssetSelection.assets(KEY),
            cursor=cursor,
            evaluation_time=at,
        )
        cursor = result.cursor
        return result.total_requested

    return look


def test_it_is_made_after_each_news_and_not_again(
    instance: dg.DagsterInstance, asked: Callable[[], int]
) -> None:
    assert asked() == 0  # nothing was ever loaded
    instance.report_runless_asset_event(DAY)
    assert asked() == 1
    assert asked() == 0  # asked for, and not handled yet
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    instance.report_runless_asset_event(dg.AssetMaterialization(["imagine_api", "status"]))
    assert asked() == 0


@pytest.mark.parametrize("built_first", [True, False])
def test_news_of_the_moment_in_which_it_is_made_are_not_lost(
    instance: dg.DagsterInstance, asked: Callable[[], int], built_first: bool
) -> None:
    """A build may have read the table before the load that ended first has written it."""
    assert asked() == 0
    instance.report_runless_asset_event(DAY)
    assert asked() == 1
    built = dg.AssetMaterialization(KEY)
    for event in (built, DAY) if built_first else (DAY, built):
        instance.report_runless_asset_event(event)
    assert [asked(), asked()] == [1, 0]
    instance.report_runless_asset_event(built)
    assert [asked(), asked()] == [0, 0]


@pytest.mark.parametrize("second", [1, 15, 29])  # of the minute, at which the looks begin
def test_loads_that_follow_each_other_without_a_gap_are_not_waited_for(
    instance: dg.DagsterInstance, asked: Callable[..., int], second: int
) -> None:
    load = defs().resolve_job_def("imagine_api_load").get_subset(asset_selection={IMAGES})
    instance.create_run_for_job(
        load,
        tags={"dagster/partition": "2026-03-11"},
        asset_selection=frozenset({IMAGES}),
        status=dg.DagsterRunStatus.STARTED,
    )
    now = datetime.now(timezone.utc).replace(second=second, microsecond=0)
    builds = []
    for _ in range(13):  # six minutes of looks, before each of them a load has ended
        instance.report_runless_asset_event(DAY)
        if asked(now):
            builds.append(now)
            instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
        now += timedelta(seconds=30)
    assert 5 <= len(builds) <= 6, "not at each look, either"
    assert {later - build for build, later in itertools.pairwise(builds)} == {timedelta(minutes=1)}


def test_a_load_that_ends_while_the_table_is_made_is_followed_by_another_build(
    instance: dg.DagsterInstance,
    asked: Callable[..., int],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(settings: Settings) -> int:
        """A build that has read all rows, when a load ends and the sensor looks."""
        assert asked() == 0, "it is asked for, and on its way"
        instance.report_runless_asset_event(DAY)
        assert asked() == 0, "one at a time"
        return 1

    assert asked() == 0
    instance.report_runless_asset_event(DAY)
    assert asked() == 1
    with monkeypatch.context() as patched:
        patched.setattr(generations, "build", build)
        assert defs().resolve_job_def(JOB).execute_in_process(instance=instance).success
    assert [asked(), asked()] == [1, 0]


def test_its_job_makes_the_table(instance: dg.DagsterInstance, settings: Settings) -> None:
    put(settings, "imagine_api", "images", {"id": "one", "state": "SUCCEEDED"})
    done = defs().resolve_job_def(JOB).execute_in_process(instance=instance)
    (event,) = done.asset_materializations_for_node(OP)
    assert event.metadata["dagster/row_count"].value == 1
