"""The daily load: which days it reads, and what it brings that nobody else would see."""

import dataclasses
from datetime import date, datetime, timedelta, timezone

import dagster as dg
import pytest

from genai_orchestration import warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.daemon import Daemon

IMAGES = dg.AssetKey(["imagine_api", "images"])
NOW = datetime.now(timezone.utc)
REREAD = "SOURCES__IMAGINE_API_SOURCE__REREAD_DAYS"


def daily() -> dg.RunRequest | str:
    """What the daily schedule asks for now, or why it asks for nothing."""
    context = dg.build_schedule_context(scheduled_execution_time=NOW)
    asked = defs().resolve_schedule_def("imagine_api_daily").evaluate_tick(context)
    return asked.run_requests[0] if asked.run_requests else str(asked.skip_message)


def days(request: dg.RunRequest | str) -> tuple[date, date]:
    assert isinstance(request, dg.RunRequest), request
    border = "dagster/asset_partition_range_"
    first, last = (date.fromisoformat(request.tags[border + end]) for end in ("start", "end"))
    return first, last


@pytest.mark.parametrize(("value", "number"), [(None, 3), ("1", 1), ("30", 30)])
def test_a_run_reads_the_last_days_and_today(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, value: str | None, number: int
) -> None:
    if value:
        monkeypatch.setenv(REREAD, value)
    assert days(daily()) == (NOW.date() - timedelta(days=number), NOW.date())


@pytest.mark.parametrize("value", ["0", "-1", "two", "3.5", "367", "9" * 5000])
def test_a_number_of_days_that_is_none_names_the_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(REREAD, value)
    said = daily()
    assert isinstance(said, str)
    assert said.startswith("ImagineAPI's reread_days ")
    assert said.endswith("from 1 to 366: set it in [sources.imagine_api_source].")


def test_an_image_that_was_edited_after_it_was_final_is_loaded_again(sandbox: Sandbox) -> None:
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    created = (NOW - timedelta(days=3)).replace(hour=12)
    waiting = Spec(date_created=created.isoformat(), seconds=-1.0, outcome="stuck")
    (id_,) = vendor.add(
        [Spec(date_created=created.isoformat(), seconds=-1.0, outcome="failed", error="odd")]
    )
    vendor.add([waiting])  # so that the sensor counts the day
    daemon = Daemon("imagine_api_images_sensor")
    with daemon.instance:
        assert daemon.work() == [True]
        made = vendor.images[id_]
        mended = dataclasses.replace(made.plan, outcome="completed")
        vendor.images[id_] = dataclasses.replace(made, plan=mended)
        assert daemon.tick() == [], "as many are final as before"
        request = daily()
        assert isinstance(request, dg.RunRequest)
        job = defs().resolve_job_def("imagine_api_load")
        loaded = job.execute_in_process(
            instance=daemon.instance, tags=request.tags, asset_selection=[IMAGES]
        )
        assert loaded.success
    sql = f"SELECT state, url FROM {{images}} WHERE id = '{id_}'"
    ((state, url),) = warehouse.query(provider_named("imagine_api"), Settings.load(), sql) or []
    assert (state, url.endswith(".png")) == ("SUCCEEDED", True)
