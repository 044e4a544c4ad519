"""What is DuckDB's SQL in the code, on a real PostgreSQL whose sessions do not live in UTC."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from genai_orchestration import warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.archive.backlog import backlog, without_files
from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import postgres

IMAGINE = provider_named("imagine_api")
DAY = date(2026, 3, 10)
ID = "5f0b4a1e-6a50-4a7c-9a53-0d6ab5b1a001"


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


@pytest.fixture
def vendor(sandbox: Sandbox) -> ImagineApiSandbox:
    """ImagineAPI without any image."""
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    return vendor


def load(settings: Settings, **arguments: object) -> None:
    with warehouse.pipeline(IMAGINE, settings) as pipeline:
        source = IMAGINE.source(start=DAY, end=DAY + timedelta(days=3), **arguments)
        pipeline.run(source.with_resources("images"))


def rows(settings: Settings) -> list[tuple[str, str]]:
    """The status and state of each image."""
    found = warehouse.query(IMAGINE, settings, "SELECT status, state FROM {images} ORDER BY id")
    return [(row[0], row[1]) for row in found or []]


def test_the_days_of_a_table_are_utc_days_whatever_the_servers_time_zone(
    destination: Settings, vendor: ImagineApiSandbox
) -> None:
    times = ("10T00:00:00.000Z", "10T23:59:59.999Z", "11T00:00:00.000Z", "11T03:00:00.000Z")
    vendor.add([Spec(date_created=f"2026-03-{at}", prompt=at, seconds=-1) for at in times])
    vendor.add([Spec(date_created="2026-03-11T12:00:00Z", outcome="failed", seconds=-1)])
    load(destination)
    by_day = load_metadata.of_days(
        IMAGINE, IMAGINE.table("images"), destination, (DAY, DAY + timedelta(days=2))
    )
    assert {day: fact.states for day, fact in by_day.items()} == {
        DAY: {"SUCCEEDED": 2},
        DAY + timedelta(days=1): {"SUCCEEDED": 2, "FAILED": 1},
    }
    assert [caption for _, caption in by_day[DAY].pictures] == [times[1], times[0]]
    first_only = load_metadata.of_days(
        IMAGINE, IMAGINE.table("images"), destination, (DAY, DAY + timedelta(days=1))
    )
    assert list(first_only) == [DAY]


def test_an_open_image_never_overwrites_a_finished_one(
    destination: Settings, vendor: ImagineApiSandbox
) -> None:
    def image(**state: object) -> None:
        vendor.add([{"id": ID, "date_created": "2026-03-10T12:00:00Z", **state}])

    image(outcome="pending")
    load(destination)
    assert rows(destination) == [("pending", "QUEUED")]
    image(outcome="completed", seconds=-1)
    load(destination, finished_only=True)
    assert rows(destination) == [("completed", "SUCCEEDED")]
    image(outcome="stuck", seconds=-1)  # a report that was overtaken on its way
    load(destination)
    assert rows(destination) == [("completed", "SUCCEEDED")]
    image(outcome="failed", seconds=-1)  # but a decision replaces a decision
    load(destination)
    assert rows(destination) == [("failed", "FAILED")]


def test_a_query_is_translated_for_the_destination(
    destination: Settings, vendor: ImagineApiSandbox
) -> None:
    vendor.add([Spec(date_created="2026-03-10T12:00:00Z", prompt='100% "odd" it\'s', seconds=-1)])
    load(destination)
    sql = """SELECT prompt, CAST(date_created AT TIME ZONE 'UTC' AS DATE), count(*)
        FROM {images} WHERE date_created < TIMESTAMPTZ '2026-03-11 00:00:00+00' GROUP BY 1, 2"""
    assert warehouse.query(IMAGINE, destination, sql) == [('100% "odd" it\'s', DAY, 1)]


def test_files_of_utc_days_are_archived_once_whatever_the_servers_time_zone(
    destination: Settings, vendor: ImagineApiSandbox
) -> None:
    times = ("10T00:00:00.000Z", "10T23:59:59.999Z", "11T03:00:00.000Z")
    vendor.add([Spec(date_created=f"2026-03-{time}", seconds=-60) for time in times])
    load(destination)
    assert waiting(destination) == (15, (DAY, DAY + timedelta(days=2)), 3)
    done = [
        archiving.archive(IMAGINE, destination, days=(day, day + timedelta(days=1))).files
        for day in (DAY, DAY + timedelta(days=1), DAY)
    ]
    assert done == [10, 5, 0]
    sql = "SELECT count(*), count(DISTINCT job_id), sum(bytes) FROM {asset_file}"
    ((files, jobs, size),) = warehouse.query(IMAGINE, destination, sql) or []
    assert (files, jobs) == (15, 3)
    kept = list(Path(destination.archive).rglob("*.png"))
    assert int(size) >= sum(path.stat().st_size for path in kept) > 0
    assert waiting(destination) == (0, None, 0)
    with warehouse.pipeline(IMAGINE, destination) as pipeline, pipeline.sql_client() as client:
        client.execute_sql("UPDATE asset_file SET state = 'failed' WHERE role = 'quadrant_3'")
    assert waiting(destination, minutes=0) == (0, None, 0)
    assert waiting(destination, minutes=2) == (3, (DAY, DAY + timedelta(days=2)), 3)


def waiting(destination: Settings, *, minutes: int = 0) -> tuple[object, ...]:
    """How many files are to be archived so much later, of which days, and of how many jobs."""
    with Ledger.open(destination) as ledger:
        plan = archiving.plan_of(IMAGINE, destination, ledger)
        plan.now += timedelta(minutes=minutes)
        found = backlog(plan, 100)
        assert list(without_files(plan)) == []
    return found.files, found.days, found.waiting
