"""Long ranges are loaded in windows: each day once, and no package larger than it may be."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from genai_orchestration import loading, warehouse
from genai_orchestration.loading import windows
from genai_orchestration.loading.windows import LoadWindow
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings

FIRST = date(2026, 11, 1)
IMAGINE = provider_named("imagine_api")


class Counter:
    """Days with a number of jobs each; it knows what it was asked."""

    def __init__(self, by_day: Mapping[int, int]) -> None:
        self.by_day, self.asked = by_day, 0

    def counts(self, start: date, end: date) -> Counts:
        self.asked += 1
        span = range((start - FIRST).days, (end - FIRST).days)
        return Counts(1, sum(self.by_day.get(day, 0) for day in span) - 1)


def cut(by_day: Mapping[int, int], days: int, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The windows of so many days, as (first day, days, jobs); a package holds 100."""
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 100)
    found = list(windows._parts(Counter(by_day), FIRST, FIRST + timedelta(days=days)))  # type: ignore[arg-type]  # no more of it is asked for
    return [_as_numbers(portion) for portion in found]


def _as_numbers(portion: LoadWindow) -> tuple[int, int, int]:
    assert portion.counts
    jobs = portion.counts.finished + portion.counts.unfinished
    return (portion.start - FIRST).days, (portion.end - portion.start).days, jobs


def test_what_fits_into_a_package_is_one_portion(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cut({0: 60, 364: 40}, 365, monkeypatch) == [(0, 365, 100)]


def test_what_does_not_fit_is_cut_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cut({0: 60, 1: 60, 2: 30, 3: 10}, 4, monkeypatch)
    assert found == [(0, 1, 60), (1, 1, 60), (2, 2, 40)]


def test_a_day_is_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cut({1: 1000}, 3, monkeypatch) == [(0, 1, 0), (1, 1, 1000), (2, 1, 0)]


def test_an_even_history_is_counted_once_and_each_portion_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 100)
    counter = Counter(dict.fromkeys(range(64), 45))
    found = list(windows._parts(counter, FIRST, FIRST + timedelta(days=64)))  # type: ignore[arg-type]
    assert [portion.counts for portion in found] == [Counts(1, 89)] * 32
    assert counter.asked == len(found) + 1


def test_a_load_in_portions_brings_every_image_once_and_the_status_once(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 100)
    start = date.today() - timedelta(days=40)
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__START_DATE", start.isoformat())
    summaries, rows = loading.load(IMAGINE, settings, ["images", "status"])
    assert len(summaries) > 5
    assert rows == {"images": 600, "status": 1}
    sql = "SELECT count(*), count(DISTINCT id) FROM {images}"
    assert warehouse.query(IMAGINE, settings, sql) == [(600, 600)]
