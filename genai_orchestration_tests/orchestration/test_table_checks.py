"""Checks of tables, on a real instance over rows from the sandbox in a real DuckDB file."""

import html
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
import duckdb
import pytest

from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.past_images import (
    IMAGES,
    NOON,
    day,
    image,
    load_days,
    metadata,
)
from genai_orchestration_tests.providers.imagine_api.odd_records import hide_dates
from genai_orchestration_tests.support.doubles import replace


def checked(result: dg.ExecuteInProcessResult) -> Mapping[str, tuple[bool, str]]:
    """Whether each check passed, and its words."""
    return {
        check.check_name: (check.passed, html.unescape(check.description or ""))
        for check in result.get_asset_check_evaluations()
    }


def test_a_check_counts_images_that_no_day_holds(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *undated = vendor.add([image(), image(), image()])
    vendor.add([Spec(date_created="2019-05-01"), Spec(date_created="2099-01-01")])
    hide_dates(monkeypatch, undated)
    result = load_days(instance, 0, 0)
    assert result.success
    passed, words = checked(result)["every_job_is_in_a_day"]
    assert not passed
    assert re.match(
        r"In no day: 2 without date_created, 1 on or after 20\d\d-\d\d-\d\d, 1 before 2023-01-01. "
        r"Set their date_created .* genai load imagine_api --id\.$",
        words,
    )
    assert checked(result)["window_complete"][0]  # the day's own image is there
    for id_ in list(vendor.images)[1:]:
        vendor.remove(id_)
    vendor.add([Spec(date_created="2019-05-01")])
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__START_DATE", "2020-01-01")
    assert checked(load_days(instance, 0, 0))["every_job_is_in_a_day"] == (
        True,
        "Every one of the images is in a day.",
    )


def test_checks_name_what_is_wrong(instance: dg.DagsterInstance, vendor: ImagineApiSandbox) -> None:
    stuck = vendor.add([image(outcome="stuck") for _ in range(12)])
    vendor.add([image(), image(outcome="pending", waits_as="dreaming")])
    found = checked(load_days(instance, 0, 0))
    assert found["ids_present_and_unique"] == (True, "14 rows, 0 without id, 0 twice.")
    assert found["status_words_known"] == (False, "Taken as still open: dreaming.")
    passed, words = found["no_stuck_jobs"]
    assert not passed
    assert words.startswith("Open for over 60 minutes: ")
    assert sum(id_ in words for id_ in stuck) >= 9
    assert words.endswith(f"since {NOON:%Y-%m-%d %H:%M} and 3 more.")
    assert found["window_complete"] == (
        True,
        f"14 rows from {day(0)} to {day(0)}; the API counted 14.",
    )


@pytest.mark.parametrize("finished_only", [True, False], ids=["finished", "whole days"])
def test_open_images_are_told_of_each_day_and_named_when_stuck_with_a_row_or_without(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, finished_only: bool
) -> None:
    vendor.add([image(), image(), image(1)])
    stuck = vendor.add(
        [image(outcome="stuck"), image(outcome="pending"), image(2, outcome="stuck")]
    )
    found = checked(load_days(instance, 0, 2, finished_only=finished_only))
    assert [metadata(instance, day(n))["open"] for n in range(3)] == [2, 0, 1]
    passed, words = found["no_stuck_jobs"]
    assert not passed
    assert words.startswith("Open for over 60 minutes: ")
    assert all(id_ in words for id_ in stuck)
    assert words.count(" since ") == 3
    assert words.endswith(f"{stuck[2]} since {NOON + timedelta(days=2):%Y-%m-%d %H:%M}.")
    vendor.add([image(2, outcome="stuck") for _ in range(20)])
    _, words = checked(load_days(instance, 2, 2, finished_only=finished_only))["no_stuck_jobs"]
    assert words.endswith(" and 13 more.")
    assert words.count(" since ") == 10
    assert metadata(instance, day(2))["open"] == 21


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("API_KEY", "", "ImagineAPI has no API key: set api_key"),
        ("BASE_URL", "http://127.0.0.1:9", "ImagineAPI does not answer at http://127.0.0.1:9"),
    ],
)
def test_a_provider_that_cannot_be_asked_for_stuck_images_is_said_and_no_pass(
    instance: dg.DagsterInstance,
    vendor: ImagineApiSandbox,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(f"SOURCES__IMAGINE_API_SOURCE__{name}", value)
    check = {dg.AssetCheckKey(IMAGES, "no_stuck_jobs")}
    job = defs().resolve_job_def("imagine_api_load").get_subset(asset_check_selection=check)
    passed, said = checked(job.execute_in_process(instance=instance))["no_stuck_jobs"]
    assert not passed
    assert said.startswith(f"None is open for 60 minutes. Only rows were read: {words}")


def test_checks_of_sound_rows_pass(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__STUCK_AFTER_MINUTES", "60000")
    vendor.add([image(), image(outcome="failed"), image(outcome="stuck")])
    assert {passed for passed, _ in checked(load_days(instance, 0, 0)).values()} == {True}


def test_rows_twice_or_without_an_id_are_found(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, settings: Settings
) -> None:
    vendor.add([image(), image()])
    load_days(instance, 0, 0)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("INSERT INTO imagine_api_data.images FROM imagine_api_data.images")
        connection.execute("ALTER TABLE imagine_api_data.images ALTER id DROP NOT NULL")
        connection.execute("UPDATE imagine_api_data.images SET id = NULL WHERE rowid = 0")
    found = checked(load_days(instance, 1, 1))
    assert found["ids_present_and_unique"] == (False, "4 rows, 1 without id, 1 twice.")


def test_a_window_with_missing_rows_is_found(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, *_ = vendor.add([image(), image(), image(outcome="stuck")])
    of_days = load_metadata.of_days

    def after_a_loss(*arguments: Any) -> Any:
        with duckdb.connect(str(Settings.load().warehouse)) as connection:
            connection.execute(f"DELETE FROM imagine_api_data.images WHERE id = '{lost}'")
        return of_days(*arguments)

    sound = checked(load_days(instance, 0, 0, finished_only=True))["window_complete"]
    assert sound == (True, f"2 finished rows from {day(0)} to {day(0)}; the API counted 2.")
    replace(monkeypatch, load_metadata, "of_days", after_a_loss)
    lossy = checked(load_days(instance, 0, 0, finished_only=True))["window_complete"]
    assert lossy == (False, f"1 finished rows from {day(0)} to {day(0)}; the API counted 2.")
