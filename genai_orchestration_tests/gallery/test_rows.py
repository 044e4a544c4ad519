"""What the gallery finds, on DuckDB and on PostgreSQL."""

import contextlib
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from genai_orchestration.gallery import charts, rows
from genai_orchestration.gallery.rows import Filters
from genai_orchestration.settings import Settings
from genai_orchestration_tests.gallery.collection import fill
from genai_orchestration_tests.support import postgres

FOX_DAY = date(2026, 3, 10)


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def collection(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, str | None]]:
    """Settings of a filled warehouse, and the address of its database."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("GENAI_HOME", str(tmp_path_factory.mktemp("home")))
        address = None
        if request.param == "postgres":
            address = stack.enter_context(postgres.running()).database(timezone="America/New_York")
            postgres.use(patch, address)
        fill(Settings.load())
        yield Settings.load(), address


@pytest.fixture
def filled(collection: tuple[Settings, str | None], monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings, address = collection
    if address:  # each test begins in a clean environment
        postgres.use(monkeypatch, address)
    return settings


def found(settings: Settings, **filters: object) -> set[str]:
    return {row["job_id"] for row in rows.page(settings, Filters(**filters)).rows}  # type: ignore[arg-type]


def drawn(chart: Any) -> Any:
    """What a chart has as its data."""
    (values,) = chart.to_dict()["datasets"].values()
    return values


def test_a_search_finds_prompts_that_have_all_of_the_words(filled: Settings) -> None:
    assert found(filled, text="fox RED") == {"fox-1", "fox-2"}
    assert found(filled, text="fox snow") == {"fox-1"}
    assert found(filled, text="100%") == {"fox-2"}  # a percent sign is no wildcard
    assert found(filled, text="_") == set()


@pytest.mark.parametrize("words", ["' OR 1=1 --", "\\'", "$evil", "'); DROP TABLE x", "\0", "%s{}"])
def test_what_is_typed_is_never_sql(filled: Settings, words: str) -> None:
    assert found(filled, text=f"nothing {words}") == set()


def test_filters_narrow_down(filled: Settings) -> None:
    assert found(filled, state="FAILED") == {"failed"}
    assert found(filled, campaign="spring") == {"fox-1"}
    assert found(filled, provider="magic_hour") == set()
    assert found(filled, text="fox", first=FOX_DAY) == {"fox-1"}
    assert found(filled, text="fox", last=date(2026, 3, 9)) == {"fox-2"}


def test_pages_hold_each_image_once(filled: Settings) -> None:
    pages = [rows.page(filled, Filters(text="crab"), number) for number in (1, 2)]
    assert [(page.total, page.pages) for page in pages] == [(60, 2), (60, 2)]
    ids = [row["job_id"] for page in pages for row in page.rows]
    assert ids == [f"crab-{n:02}" for n in range(60)]


def test_choices_and_span_are_those_of_the_rows(filled: Settings) -> None:
    assert rows.choices(filled) == {
        "provider": ["imagine_api"],
        "state": ["FAILED", "SUCCEEDED"],
        "campaign": ["spring"],
    }
    assert rows.span(filled) == (date(2026, 2, 27), FOX_DAY)


def test_files_of_a_job(filled: Settings) -> None:
    (fox,) = rows.page(filled, Filters(text="fox snow")).rows
    assert [file["role"] for file in rows.files(filled, fox)] == ["grid", "quadrant_1"]


def test_charts_are_drawn_from_rows_of_days(filled: Settings) -> None:
    days = rows.days(filled, Filters(text="fox"))
    assert {(row["day"], row["images"], row["credits"]) for row in days} == {
        (FOX_DAY, 1, 7),
        (date(2026, 3, 9), 1, 0),
    }
    (speed,) = rows.speeds(filled, Filters())
    assert (speed["day"], speed["p50"], speed["p95"]) == (FOX_DAY, 42, 42)
    balances = rows.balances(filled)
    assert [(row["provider"], row["balance"]) for row in balances] == [("magic_hour", 900)]
    cost = charts.cost_per_kept_image(days)
    assert drawn(cost) == [{"provider": "imagine_api", "credits": 3.5}]
    rate = charts.success_rate(rows.days(filled, Filters(first=FOX_DAY)))
    assert drawn(rate) == [{"day": "2026-03-10", "provider": "imagine_api", "rate": 0.75}]
    for chart in (
        charts.images_per_day(days),
        charts.credits_per_day(days, balances),
        charts.seconds_to_finish([speed]),
    ):
        chart.to_dict()


def test_an_empty_warehouse_has_nothing_to_show(settings: Settings) -> None:
    assert rows.page(settings, Filters()) == rows.Page([], 0)
    assert rows.span(settings) is None
    assert rows.choices(settings) == {"provider": [], "state": [], "campaign": []}
