"""ImagineAPI's sandbox over real HTTP: how images live, and what is there at the start."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from genai_orchestration.providers.imagine_api.sandbox import create
from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration_tests.providers.imagine_api.sandbox.client import Client


@pytest.fixture
def api() -> Iterator[Client]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield Client.of(sandbox)


def lived(api: Client, id: str, seconds: float) -> Any:
    """The record after that many more seconds."""
    api.sandbox.clock.advance(seconds)
    return api.read(id)


def files(record: dict[str, Any]) -> list[str]:
    """The file ids that the URLs of the quadrants name."""
    return [url.split("/")[-2] for url in record["upscaled_urls"]]


def test_an_image_waits_renders_and_completes(api: Client) -> None:
    id = api.post({"prompt": "a fox"}).json()["data"]["id"]
    rising = [lived(api, id, seconds) for seconds in (2, 2, 2)]
    assert {record["status"] for record in rising} == {"in-progress"}
    assert [record["progress"] for record in rising] == [0, 31, 62]
    assert len({record["results"] for record in rising}) == 3
    done = lived(api, id, 2)
    assert (done["status"], done["progress"], done["error"]) == ("completed", None, None)
    assert done["url"].endswith(f"/imagine_api/assets/{done['results']}/{done['results']}.png")


def test_the_quadrants_ids_are_not_in_the_order_of_their_urls(api: Client) -> None:
    done = api.rows("filter[status][_eq]=completed&limit=-1")
    assert all(record["upscaled"] == sorted(files(record)) for record in done)
    assert any(record["upscaled"] != files(record) for record in done)


def test_a_partial_picture_is_a_webp_that_can_be_fetched(api: Client) -> None:
    id = api.post({"prompt": "a fox"}).json()["data"]["id"]
    record = lived(api, id, 3)
    assert record["url"].endswith(".webp")
    assert (record["upscaled_urls"], record["upscaled"]) == (None, [])
    assert api.ask("GET", record["url"], token=None).status_code == 200


def test_a_banned_word_fails_before_the_start(api: Client) -> None:
    id = api.post({"prompt": "Blood on snow"}).json()["data"]["id"]
    record = lived(api, id, 2)
    assert record["status"] == "failed"
    assert record["error"].startswith("Midjourney message: The word `blood` has been banned")
    assert record["url"] is record["progress"] is record["results"] is None


def test_a_failure_in_progress_keeps_its_partial_picture(api: Client) -> None:
    [id] = api.state.add([{"outcome": "failed", "error": "Timeout while waiting for completion"}])
    record = api.read(id)
    assert (record["status"], record["progress"]) == ("failed", 93)
    assert record["url"].endswith(".webp")


def test_a_stuck_image_is_in_progress_for_ever(api: Client) -> None:
    id = api.post({"prompt": "a fox [stuck]"}).json()["data"]["id"]
    assert lived(api, id, 10)["status"] == "in-progress"
    assert lived(api, id, timedelta(days=40).total_seconds())["status"] == "in-progress"


def test_a_late_report_overtakes_the_completion(api: Client) -> None:
    [id] = api.state.add([{"outcome": "late", "seconds": 1}])
    assert lived(api, id, 1)["status"] == "completed"
    record = lived(api, id, 2)
    assert (record["status"], record["progress"]) == ("in-progress", 93)
    assert record["url"].endswith(".webp")
    assert len(record["upscaled_urls"]) == len(record["upscaled"]) == 4


def test_an_image_may_stay_pending_for_ever(api: Client) -> None:
    [id] = api.state.add([{"outcome": "pending", "date_created": "2026-01-01"}])
    assert lived(api, id, 1e6)["status"] == "pending"


def test_an_image_that_was_removed_is_gone(api: Client) -> None:
    [id] = api.state.add([{}])
    api.state.remove(id)
    assert api.rows(f"filter[id][_eq]={id}") == []


def test_the_same_month_is_there_in_every_sandbox() -> None:
    clock = FrozenClock()
    assert create(clock).images == create(clock).images


def test_the_month_has_all_that_a_loader_must_cope_with(api: Client) -> None:
    rows = api.rows("limit=-1")
    now = api.sandbox.clock.now()
    times = Counter(row["date_created"] for row in rows)
    prompts = "".join(row["prompt"] for row in rows)
    assert len(rows) == 600
    assert iso(now - timedelta(days=30)) <= min(times)
    assert max(times) <= iso(now)
    assert max(times.values()) > 1
    assert all(mark in prompts for mark in ("\n", '"', "|", "🍮", "![x](http://"))
    assert {row["ref"] is None for row in rows} == {True, False}
    assert {row["progress"] is None for row in rows if row["status"] == "failed"} == {True, False}


def test_the_open_ones_finish_soon_and_the_stuck_ones_never(api: Client) -> None:
    assert len(api.rows("filter[status][_nin]=completed,failed&limit=-1")) == 12
    api.sandbox.clock.advance(25)
    left = api.rows("filter[status][_nin]=completed,failed&sort=date_created")
    assert [row["upscaled_urls"] is not None for row in left] == [False, False, True]


def test_foreign_images_are_there_but_unseen(api: Client) -> None:
    foreign = len(api.state.images) - len(api.rows("limit=-1"))
    assert foreign == 12
