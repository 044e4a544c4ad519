"""Assets and checks, materialized on a real instance from the sandbox into a real DuckDB file."""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
import duckdb
import pytest

from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.orchestration.metadata.loads import thumbnails
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.odd_records import hide_dates
from genai_orchestration_tests.support.doubles import replace

IMAGES = dg.AssetKey(["imagine_api", "images"])
NOON = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0) - timedelta(days=20)
HOSTILE = (
    "](javascript:alert(1)) <img src=x onerror=alert(1)> | `a` \n\n# ![x](http://evil.invalid)"
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def vendor(sandbox: Sandbox) -> ImagineApiSandbox:
    """ImagineAPI without any image."""
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    return vendor


def image(day: int = 0, **state: Any) -> Spec:
    return Spec(date_created=(NOON + timedelta(days=day)).isoformat(), **{"seconds": -1.0, **state})


def day(number: int) -> str:
    return f"{NOON + timedelta(days=number):%Y-%m-%d}"


def run(
    instance: dg.DagsterInstance, *keys: dg.AssetKey, job: str, **arguments: Any
) -> dg.ExecuteInProcessResult:
    return (
        defs()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance, asset_selection=list(keys), raise_on_error=False, **arguments
        )
    )


def load_days(
    instance: dg.DagsterInstance, first: int, last: int, **config: Any
) -> dg.ExecuteInProcessResult:
    """One run of the images of these days, and of the table's checks."""
    return run(
        instance,
        IMAGES,
        job="imagine_api_load",
        tags={
            "dagster/asset_partition_range_start": day(first),
            "dagster/asset_partition_range_end": day(last),
        },
        run_config={"ops": {"imagine_api_images": {"config": config}}},
    )


def checked(result: dg.ExecuteInProcessResult) -> Mapping[str, tuple[bool, str]]:
    """Whether each check passed, and its words."""
    return {
        check.check_name: (check.passed, html.unescape(check.description or ""))
        for check in result.get_asset_check_evaluations()
    }


def metadata(instance: dg.DagsterInstance, partition: str) -> Mapping[str, Any]:
    """The metadata of the partition's last materialization."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=IMAGES, asset_partitions=[partition]), limit=1
    ).records
    materialization = records[0].asset_materialization
    assert materialization
    return {name: value.value for name, value in materialization.metadata.items()}


@pytest.mark.parametrize("name", [provider.name for provider in all_providers()])
def test_all_assets_of_a_provider_are_loaded_twice_in_one_process(
    instance: dg.DagsterInstance, sandbox: Sandbox, name: str
) -> None:
    abyssale = sandbox.providers["abyssale"]
    for id_ in list(abyssale.designs)[3:]:
        abyssale.remove_design(id_)
    provider = next(provider for provider in all_providers() if provider.name == name)
    keys = [dg.AssetKey([name, table.name]) for table in provider.tables]
    partition = {"partition_key": f"{datetime.now(timezone.utc) - timedelta(days=1):%Y-%m-%d}"}
    by_day = any(table.by_day for table in provider.tables)
    for _ in range(2):
        for part in [keys[:1], keys[1:]] if by_day else [keys]:
            arguments = partition if part[0] == IMAGES else {}
            result = run(instance, *part, job=f"{name}_load", **arguments)
            assert result.success
            for materialization in result.asset_materializations_for_node(op_name(result)):
                loaded = {"rows_loaded", "rows_loaded_by_run"} & materialization.metadata.keys()
                assert len(loaded) == 1
                assert "dagster/row_count" in materialization.metadata
    assert all(instance.get_latest_materialization_event(key) for key in keys)


def op_name(result: dg.ExecuteInProcessResult) -> str:
    """The op that loaded: the others are checks."""
    steps = {event.step_key for event in result.all_events if event.is_step_success}
    return next(str(step) for step in steps if not str(step).endswith("_checks"))


def test_no_rows_are_told_as_zero(instance: dg.DagsterInstance, vendor: ImagineApiSandbox) -> None:
    assert load_days(instance, 0, 0).success
    told = metadata(instance, day(0))
    assert [told[name] for name in ("rows_loaded_by_run", "dagster/row_count")] == [0, 0]
    assert told["dagster/partition_row_count"] == 0


def test_ten_days_are_one_run_that_tells_of_each_day(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    for number in range(10):
        vendor.add([image(number, prompt=HOSTILE) for _ in range(number)])
    vendor.add([image(9, outcome="failed"), image(9, outcome="stuck")])
    assert load_days(instance, 0, 9).success
    counts = [metadata(instance, day(n))["dagster/partition_row_count"] for n in range(10)]
    assert counts == [*range(9), 11]
    last = metadata(instance, day(9))
    states = {name: value for name, value in last.items() if name.startswith("state")}
    assert states == {"state failed": 1, "state running": 1, "state succeeded": 9}
    assert last["finished"] == 10
    assert last["rows_loaded_by_run"] == 47
    assert len(last["newest"]) < 1000
    picture = rf"!\[[^\[\]]*\]\({re.escape(sandbox.url)}/[\w/.-]+\?width=160\)"
    assert re.fullmatch(rf"{picture}( {picture}){{2}}", last["newest"])


def test_pictures_with_a_strange_address_are_not_shown() -> None:
    strange = ("javascript:alert(1)", "https://a.invalid/x y", "https://a.invalid/)![](x")
    assert thumbnails(tuple((address, "words") for address in strange)) == ""
    long = tuple((f"https://a.invalid/{'x' * 400}", "words") for _ in range(9))
    assert 0 < len(thumbnails(long)) < load_metadata.MARKDOWN


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


def tried(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> int:
    return 1 + sum(event.is_step_restarted for event in result.all_events)


@pytest.mark.parametrize(
    ("status", "rest", "tries", "sentence"),
    [
        (401, "5", 1, "ImagineAPI answered 401 "),
        (404, "5", 1, "ImagineAPI answered 404 "),
        (429, "0.01", 3, "ImagineAPI answered 429 "),
        (429, "1700", 1, "ImagineAPI answered 429 "),  # left alone for as long as it asks
    ],
)
def test_a_failing_provider_is_a_sentence_and_only_an_outage_is_tried_again(
    instance: dg.DagsterInstance,
    vendor: ImagineApiSandbox,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    rest: str,
    tries: int,
    sentence: str,
) -> None:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", (0.0, 0.0))  # without the wait
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__API_KEY", "a-very-secret-key")
    sandbox.traffic.faults.append(
        Fault(kind="status", status=status, retry_after=rest, path="/imagine_api", times=1000)
    )
    result = load_days(instance, 0, 0)
    assert not result.success
    assert tried(instance, result) == tries
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    data = failure.step_failure_data.user_failure_data
    assert data
    assert data.description
    assert data.description.startswith(sentence)
    assert "a-very-secret-key" not in str(failure)
    assert "\n" not in data.description
