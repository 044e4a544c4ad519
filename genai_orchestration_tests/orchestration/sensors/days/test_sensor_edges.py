"""What once made the day sensor blind: each on a real instance, over real HTTP."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import pytest

from genai_orchestration import warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.imagine_api import api, listing
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration.watching.day_cursor import UnreadableCursor
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.providers.imagine_api.odd_records import respell

IMAGINE = provider_named("imagine_api")
START_DATE = "SOURCES__IMAGINE_API_SOURCE__START_DATE"
NOW = datetime.now(timezone.utc)
OLD = NOW.replace(hour=12) - timedelta(days=9)


def stored() -> set[str]:
    return {
        r[0] for r in warehouse.query(IMAGINE, Settings.load(), "SELECT id FROM {images}") or []
    }


def image(at: datetime, **state: Any) -> Spec:
    return Spec(date_created=at.isoformat(), **{"seconds": -1.0, **state})


def test_open_images_from_before_the_first_partition_do_not_stop_the_others(
    vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(START_DATE, (NOW.date() - timedelta(days=5)).isoformat())
    vendor.add([image(OLD), image(OLD, outcome="stuck")])
    (new,) = vendor.add([image(NOW - timedelta(minutes=1))])
    daemon = Daemon("imagine_api_images_sensor")
    with daemon.instance:
        assert daemon.work() == [True]
        assert daemon.work() == []
        assert daemon.said == "No images open."
    assert stored() == {new}


def test_the_daily_load_begins_with_the_first_partition(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(START_DATE, NOW.date().isoformat())
    schedule = defs().resolve_schedule_def("imagine_api_daily")
    context = dg.build_schedule_context(scheduled_execution_time=NOW)
    (request,) = schedule.evaluate_tick(context).run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == NOW.date().isoformat()
    monkeypatch.setenv(START_DATE, (NOW.date() + timedelta(days=3)).isoformat())
    skipped = schedule.evaluate_tick(context)
    assert "is still to come" in (skipped.skip_message or "")


def test_a_run_that_got_fewer_images_than_were_counted_is_asked_for_again(
    vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.add([image(NOW - timedelta(minutes=minute)) for minute in (1, 2, 3)])
    daemon = Daemon("imagine_api_images_sensor")
    read = listing.read
    with daemon.instance, monkeypatch.context() as stale:
        # a cache in front of the server that leaves out the newest image
        stale.setattr(listing, "read", lambda *a, **k: (page[:-1] for page in read(*a, **k)))
        stale.setattr(attempts, "PAUSES_SECONDS", (0.0,))
        (request,) = daemon.tick()
        result = daemon.run(request)
        assert result
        assert not result.success
    assert len(stored()) == 2


def test_a_cursor_that_cannot_be_read_says_what_to_do(vendor: ImagineApiSandbox) -> None:
    daemon = Daemon("imagine_api_images_sensor", cursor='{"through": "2026-11-20"}')
    with daemon.instance, pytest.raises(UnreadableCursor, match="reset it on the sensor's page"):
        daemon.tick()


def test_images_whose_status_is_null_count_as_open() -> None:
    """In SQL a null is not among the words that are not in a list: it has to be asked for."""
    words, _ = api.UNFINISHED["_and"]
    assert {"status": {"_null": True}} in words["_or"]


def test_counting_from_a_day_on_needs_one_request(
    sandbox: Sandbox, vendor: ImagineApiSandbox
) -> None:
    vendor.add([image(OLD, outcome="stuck"), image(OLD)])
    assert IMAGINE.day_watch
    counter = IMAGINE.day_watch.connect(LOAD_POLICY)
    sandbox.traffic.calls.clear()
    assert counter.unfinished(date.min) == 1
    assert len(sandbox.traffic.calls) == 1


def test_a_tick_names_the_field_that_the_token_may_not_read(vendor: ImagineApiSandbox) -> None:
    vendor.add([image(NOW)])
    vendor.unreadable = {"date_created"}
    daemon = Daemon("imagine_api_images_sensor")
    with daemon.instance:
        assert daemon.tick() == []
        assert "the token may not read date_created: add it to the role" in daemon.said
        vendor.unreadable = set()
        assert len(daemon.tick()) == 1


def test_images_completed_in_another_case_are_loaded_once_by_the_smallest_pages(
    vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    respell(monkeypatch, str.capitalize)
    vendor.query_limit_max = 1
    done = vendor.add([image(NOW), image(NOW, outcome="failed")])
    daemon = Daemon("imagine_api_images_sensor")
    with daemon.instance:
        assert daemon.work() == [True]
        assert daemon.tick() == []
    assert set(stored()) == set(done)
