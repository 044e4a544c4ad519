"""`genai.generations`: one row per job, whoever asked for it, on DuckDB and on PostgreSQL."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import orjson
import pytest

from genai_orchestration import warehouse
from genai_orchestration.loading import generations
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.warehouse_rows import generations as rows
from genai_orchestration_tests.support.warehouse_rows import put

AT = datetime(2026, 3, 10, 23, 30, tzinfo=timezone.utc)
SIGNED = "https://videos.magichour.ai/p1/output-0.png?X-Sig=secret"


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(params=["duckdb", "postgres"])
def destination(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if request.param == "postgres":
        server = request.getfixturevalue("server")
        postgres.use(monkeypatch, server.database(timezone="America/New_York"))
    return Settings.load()


def image(id_: str, **more: object) -> dict[str, object]:
    address = f"https://cl.imagineapi.dev/assets/{id_}/{id_}.png"
    done = {"status": "completed", "state": "SUCCEEDED", "url": address}
    return {"id": id_, "prompt": f"prompt of {id_}", "date_created": AT, **done, **more}


def request(key: str, **more: object) -> dict[str, object]:
    return {"request_key": key, "state": "submitted", "campaign": "spring", **more}


def test_nothing_loaded_is_an_empty_table(destination: Settings) -> None:
    assert generations.build(destination) == 0
    assert rows(destination) == {}


def test_images_are_rows_whoever_asked_for_them(destination: Settings) -> None:
    put(
        destination,
        "imagine_api",
        "images",
        image("foreign", ref="somebody-elses"),
        image("by-id"),
        image("by-ref", ref="key-2"),
        image("twin", ref="key-1"),
        image("failed", status="failed", state="FAILED", error="Timeout while waiting to start"),
    )
    put(
        destination,
        "imagine_api",
        "images_create",
        request("key-1", provider_job_id="by-id", submitted_at=AT, job_state="SUCCEEDED",
                job_finished_at=AT + timedelta(seconds=90), credits_charged=3),
        request("key-2", state="unknown", prompt="of the request"),
        request("key-3", provider_job_id="not-loaded-yet", submitted_at=AT, prompt="p",
                job_state="RUNNING"),
        request("key-4", state="rejected", error_class="invalid"),
    )  # fmt: skip
    assert generations.build(destination) == 6
    found = rows(destination)
    assert {id_: row["request_key"] for id_, row in found.items()} == {
        "foreign": None,
        "by-id": "key-1",
        "by-ref": "key-2",
        "twin": "key-1",  # made for the same request; what it cost is told once
        "failed": None,
        "not-loaded-yet": "key-3",
    }
    assert [found[id_]["credits"] for id_ in ("by-id", "twin")] == [3, None]
    assert found["by-id"]["seconds"] == 90
    assert found["by-id"]["created_at"] == AT
    assert found["by-ref"]["campaign"] == "spring"
    assert (found["failed"]["error_class"], found["failed"]["state"]) == ("timeout", "FAILED")
    assert (found["not-loaded-yet"]["state"], found["not-loaded-yet"]["prompt"]) == ("RUNNING", "p")


def test_a_job_that_the_ledger_knows_to_be_over_is_over(destination: Settings) -> None:
    put(destination, "imagine_api", "images", image("deleted", state="RUNNING", url=None))
    gone = request("key-1", provider_job_id="deleted", submitted_at=AT, job_state="GONE")
    put(destination, "imagine_api", "images_create", gone)
    generations.build(destination)
    assert rows(destination)["deleted"]["state"] == "GONE"


def test_other_providers_jobs_and_pictures_without_what_signs_them(destination: Settings) -> None:
    done = {"state": "SUCCEEDED", "status": "complete", "credits_charged": 5}
    project = {"id": "p1", "request_key": "hero-1", "created_at": AT, **done}
    put(
        destination,
        "magic_hour",
        "image_projects",
        {**project, "downloads": [{"url": SIGNED}]},
        {**project, "id": "p2", "downloads": []},
    )
    put(
        destination,
        "abyssale",
        "file",
        {"id": "b1", "generation_request_id": "g1", "file": {"url": "https://a.test/b1.png"}},
        {"id": "b2", "generation_request_id": "g1", "file": {"url": "https://a.test/b2.png"}},
        {"id": "b3", "file": {"cdn_url": "https://a.test/b3.png?v=1"}},
    )
    asked = request("banner-1", provider_job_id="g1", job_state="SUCCEEDED", submitted_at=AT)
    put(destination, "abyssale", "generation_requests", asked)
    assert generations.build(destination) == 4
    found = rows(destination)
    assert found["p1"]["picture"] == "https://videos.magichour.ai/p1/output-0.png"
    assert (found["p1"]["credits"], found["p2"]["picture"]) == (5, None)
    assert (found["g1"]["kind"], found["g1"]["request_key"]) == ("generation_request", "banner-1")
    assert (found["b3"]["kind"], found["b3"]["picture"]) == ("banner", "https://a.test/b3.png")


def test_where_job_and_request_differ_the_providers_own_record_counts(
    destination: Settings,
) -> None:
    later = AT + timedelta(minutes=5)
    record = {
        "id": "p1",
        "state": "SUCCEEDED",
        "created_at": AT,
        "finished_at": later,
        "credits_charged": 5,
    }
    put(destination, "magic_hour", "image_projects", record)
    asked = request(
        "hero-1",
        provider_job_id="p1",
        submitted_at=AT - timedelta(seconds=3),
        job_state="SUCCEEDED",
        job_finished_at=later + timedelta(seconds=40),
        credits_charged=10,
    )
    put(destination, "magic_hour", "ai_image_generator", asked)
    generations.build(destination)
    found = rows(destination)["p1"]
    assert (found["request_key"], found["credits"], found["seconds"]) == ("hero-1", 5, 300)
    assert (found["created_at"], found["finished_at"]) == (AT, later)


def test_an_id_of_two_kinds_is_two_jobs(destination: Settings) -> None:
    banner = {"id": "one", "file": {"cdn_url": "https://a.test/one.png"}}
    put(destination, "abyssale", "file", banner)
    asked = request("banner-1", provider_job_id="one", job_state="SUCCEEDED", submitted_at=AT)
    put(destination, "abyssale", "generation_requests", asked)
    assert generations.build(destination) == 2


def test_archived_files_stand_before_addresses(destination: Settings) -> None:
    put(destination, "imagine_api", "images", image("one"), image("two"))
    file = {"job_id": "one", "kind": "image", "state": "archived"}
    put(
        destination,
        "imagine_api",
        "asset_file",
        {**file, "role": "quadrant_1", "sha256": "aa11", "archived_path": "aa/aa11.png"},
        {**file, "role": "grid", "sha256": "bb22", "archived_path": "bb/bb22.png"},
        {**file, "role": "quadrant_2", "state": "refused"},
        {"job_id": "two", "kind": "image", "role": "grid", "state": "failed"},
    )
    generations.build(destination)
    one, two = (rows(destination)[id_] for id_ in ("one", "two"))
    assert (one["picture"], one["files"]) == ("bb/bb22.png", 2)
    sums = one["sha256s"]  # a list of PostgreSQL's JSON, a text of DuckDB's
    assert (orjson.loads(sums) if isinstance(sums, str) else sums) == ["bb22", "aa11"]
    assert (two["picture"], two["files"]) == (image("two")["url"], 0)


def test_readers_see_the_old_table_or_the_new_one(destination: Settings) -> None:
    put(destination, "imagine_api", "images", *(image(str(number)) for number in range(500)))
    generations.build(destination)
    seen: set[int] = set()
    built = threading.Event()

    def read() -> None:
        while not built.is_set():
            sql = "SELECT count(*) FROM {generations}"
            seen.add((warehouse.query(generations.OWN, destination, sql) or [(0,)])[0][0])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        put(destination, "imagine_api", "images", image("500"))
        generations.build(destination)
    finally:
        built.set()
        reader.join()
    assert seen <= {500, 501}
    assert len(rows(destination)) == 501
