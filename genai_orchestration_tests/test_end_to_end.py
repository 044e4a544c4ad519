"""The real thing: `dagster dev` against the sandbox, driven as the web UI drives it, and killed."""

import os
import signal
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import requests

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.dagster_client import Dagster, dagster, processes, until

IMAGES = ["imagine_api", "images"]
FINISHED = ("completed", "failed")

pytestmark = pytest.mark.long


@pytest.fixture
def environment(sandbox: Sandbox, settings: Settings) -> dict[str, str]:
    """What `dagster dev` is started with, besides what the sandbox's fixture has set."""
    first = days_ago(sandbox, 31)
    return {
        "GENAI_HOME": str(settings.home),
        "SOURCES__IMAGINE_API_SOURCE__START_DATE": first,
    }


def test_a_backfill_is_one_run_and_the_sensor_materializes_what_finishes(
    sandbox: Sandbox, settings: Settings, environment: dict[str, str]
) -> None:
    days = [days_ago(sandbox, back) for back in range(10, 20)]
    with dagster(settings, environment) as ui:
        backfill = ui.backfill(IMAGES, days)
        runs = until(
            "the backfill's run succeeds",
            180,
            lambda: [r for r in ui.runs(dagster__backfill=backfill) if r["status"] == "SUCCESS"],
        )
        assert len(ui.runs(dagster__backfill=backfill)) == len(runs) == 1
        assert stored(settings, *days) == at_the_api(sandbox, *days)

        until("the sensor has caught up", 180, lambda: "still open" in sentence(ui))
        sandbox.clock.advance(60)
        open_days = [days_ago(sandbox, 0), days_ago(sandbox, 1)]
        until(
            "what has finished is in the warehouse",
            90,
            lambda: finished(stored(settings, *open_days)) == finished_at(sandbox, *open_days),
        )
        until("nothing is left to do", 180, lambda: "2 images still open" in sentence(ui))
        keys = Counter(run["tags"].get("dagster/run_key") for run in ui.runs())
        del keys[None]
        assert set(keys.values()) == {1}
    assert rows_per_id(settings) == {1}


def test_killing_the_run_worker_and_the_daemon_changes_nothing_in_the_end(
    sandbox: Sandbox, settings: Settings, environment: dict[str, str]
) -> None:
    images = sandbox.providers["imagine_api"]
    with dagster(settings, environment) as ui:
        worker = until("a run starts", 180, lambda: processes("spawn_main", settings.home))
        os.kill(worker[0], signal.SIGKILL)
        until("its failure is noticed", 90, lambda: "FAILURE" in states(ui))
        sandbox.clock.advance(60)
        images.add([Spec(outcome="completed", seconds=-1) for _ in range(50)])
        until("a run for the news is queued", 90, lambda: fresh(ui))
        for daemon in processes("dagster._daemon", settings.home):
            os.kill(daemon, signal.SIGKILL)
    today = days_ago(sandbox, 0)
    with dagster(settings, environment) as ui:
        until(
            "every finished image is in the warehouse",
            150,
            lambda: finished(stored(settings, today)) == finished_at(sandbox, today),
        )
    assert rows_per_id(settings) == {1}


def days_ago(sandbox: Sandbox, days: int) -> str:
    """A day of the sandbox's clock, which stands still: a run across midnight sees the same one."""
    return (sandbox.clock.now().date() - timedelta(days=days)).isoformat()


def sentence(ui: Dagster) -> str:
    return ui.last_tick("imagine_api_images_sensor").get("skipReason") or ""


def states(ui: Dagster) -> set[str]:
    return {run["status"] for run in ui.runs()}


def fresh(ui: Dagster) -> bool:
    return any(run["status"] in ("QUEUED", "STARTING", "STARTED") for run in ui.runs())


def at_the_api(sandbox: Sandbox, *days: str) -> dict[str, str]:
    """id -> status of the API's images of these days, asked as any client would."""
    answer = requests.get(
        f"{sandbox.base_url('imagine_api')}/items/images",
        params={"limit": "-1", "fields": "id,status,date_created"},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
    ).json()["data"]
    return {i["id"]: i["status"] for i in answer if i["date_created"][:10] in days}


def finished_at(sandbox: Sandbox, *days: str) -> dict[str, str]:
    return finished(at_the_api(sandbox, *days))


def finished(images: dict[str, str]) -> dict[str, str]:
    return {id_: status for id_, status in images.items() if status in FINISHED}


def stored(settings: Settings, *days: str) -> dict[str, str]:
    """id -> status of the warehouse's images of these days."""
    rows = query(settings, "SELECT id, status, date_created FROM {images}")
    return {id_: status for id_, status, created in rows if created.date().isoformat() in days}


def rows_per_id(settings: Settings) -> set[int]:
    return {n for (n,) in query(settings, "SELECT count(*) FROM {images} GROUP BY id")}


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.query(provider_named("imagine_api"), settings, sql) or []
