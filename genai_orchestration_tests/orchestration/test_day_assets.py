"""A run of days that is done again: after too few rows, after an interruption, by a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import dagster as dg
import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.loading import windows
from genai_orchestration.orchestration.assets import days as day_assets
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.doubles import replace

IMAGES = dg.AssetKey(["imagine_api", "images"])
NOON = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0) - timedelta(days=20)
ALL: Mapping[str, str] = {}
FROM_FAILURE = {"dagster/is_resume_retry": "true"}  # as Dagster marks such a run
RETRIED = {"dagster/retry_number": "1"}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield instance


@pytest.fixture
def vendor(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ImagineApiSandbox:
    """ImagineAPI without any image; a step that fails is tried again at once."""
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", (0.0,))
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    return vendor


def image(day: int = 0, **state: Any) -> Spec:
    return Spec(date_created=(NOON + timedelta(days=day)).isoformat(), **{"seconds": -1.0, **state})


def day(number: int) -> str:
    return f"{NOON + timedelta(days=number):%Y-%m-%d}"


def load_job() -> dg.JobDefinition:
    return defs().resolve_job_def("imagine_api_load")


def load(
    instance: dg.DagsterInstance,
    last: int = 0,
    again: dg.JobExecutionResult | None = None,
    tags: Mapping[str, str] = ALL,
) -> dg.JobExecutionResult:
    """A run over the first days, up to and including `last`; `again` is the run to re-execute."""
    return dg.execute_job(
        dg.reconstructable(load_job),
        instance,
        run_config={"ops": {"imagine_api_images": {"config": {"finished_only": True}}}},
        tags={
            "dagster/asset_partition_range_start": day(0),
            "dagster/asset_partition_range_end": day(last),
            **tags,
        },
        **(
            {"reexecution_options": dg.ReexecutionOptions(again.run_id)}
            if again
            else {"asset_selection": [IMAGES]}
        ),
        raise_on_error=False,
    )


def count_too_many(sandbox: Sandbox) -> None:
    """Let the next attempt's counts, of open and of finished images, say four."""
    body = '{"meta": {"filter_count": 4}, "data": []}'
    path = "/imagine_api/items/images"
    sandbox.traffic.faults.append(Fault(kind="status", status=200, path=path, times=2, body=body))


def window_checks(result: dg.JobExecutionResult) -> list[tuple[bool, str]]:
    """Each `window_complete` of the run: whether it passed, and its words."""
    events = [e for e in result.all_events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    checks = [event.asset_check_evaluation_data for event in events]
    return [(c.passed, c.description or "") for c in checks if c.check_name == "window_complete"]


def materialized(instance: dg.DagsterInstance, result: dg.JobExecutionResult) -> list[str]:
    """The partitions that the run has told of, as often as it has."""
    events = instance.get_records_for_run(
        result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    found = [record.event_log_entry.dagster_event for record in events]
    return [event.partition or "" for event in found if event]


def stored() -> int:
    found = warehouse.query(
        provider_named("imagine_api"), Settings.load(), "SELECT count(*) FROM {images}"
    )
    return int(found[0][0]) if found else 0


def test_a_retry_after_too_few_rows_reads_them_again_and_brings_its_check(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    vendor.add([image() for _ in range(3)])
    count_too_many(sandbox)
    result = load(instance)
    assert result.success, "the second attempt counted right"
    assert window_checks(result) == [
        (False, f"3 finished rows from {day(0)} to {day(0)}; the API counted 4."),
        (True, f"3 finished rows from {day(0)} to {day(0)}; the API counted 3."),
    ]
    assert materialized(instance, result) == [day(0)], "not before the rows were complete"


@pytest.mark.parametrize("tags", [ALL, FROM_FAILURE], ids=["all", "from failure"])
def test_a_run_with_too_few_rows_leaves_no_partition_and_is_read_again_when_re_executed(
    instance: dg.DagsterInstance,
    vendor: ImagineApiSandbox,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tags: dict[str, str],
) -> None:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    vendor.add([image() for _ in range(3)])
    count_too_many(sandbox)
    failed = load(instance)
    assert not failed.success
    assert [passed for passed, _ in window_checks(failed)] == [False]
    assert materialized(instance, failed) == []
    vendor.add([image()])
    again = load(instance, again=failed, tags=tags)
    assert again.success
    assert [passed for passed, _ in window_checks(again)] == [True]
    assert materialized(instance, again) == [day(0)]
    assert stored() == 4


def test_days_that_an_interrupted_run_has_loaded_are_kept_unless_all_is_asked_for_or_changed(
    instance: dg.DagsterInstance,
    vendor: ImagineApiSandbox,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vendor.add([image(number) for number in range(4) for _ in range(2)])
    vendor.add([image(1, outcome="stuck")])
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 5)
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    interrupted = load_and_break(instance, sandbox, monkeypatch)
    assert materialized(instance, interrupted) == [day(0), day(1)]

    def first_read(hours: int, tags: Mapping[str, str]) -> str:
        """The first day that a re-execution reads, so many hours later."""
        sandbox.traffic.calls.clear()
        with monkeypatch.context() as patched:
            later = datetime.now(timezone.utc) + timedelta(hours=hours)
            patched.setattr(clock, "now", lambda: later)
            again = load(instance, last=3, again=interrupted, tags=tags)
        assert again.success
        finished = sum(made.plan.outcome == "completed" for made in vendor.images.values())
        words = f"{finished} finished rows from {day(0)} to {day(3)}; the API counted {finished}."
        assert window_checks(again) == [(True, words)], "of all days, read now or before"
        asked = [unquote(call.query) for call in sandbox.traffic.calls]
        return min(query.split('"_gte":"')[1][:10] for query in asked if "fields=*" in query)

    assert first_read(1, RETRIED) == day(2), "Dagster goes on"
    assert first_read(23, FROM_FAILURE) == day(2)
    assert first_read(25, FROM_FAILURE) == day(0), "may have changed"
    assert first_read(1, ALL) == day(0), "a person wants all of it"
    vendor.add([image(1)])
    assert first_read(1, FROM_FAILURE) == day(0), "has changed"


def test_a_step_that_has_succeeded_is_loaded_again_when_its_run_is_re_executed(
    instance: dg.DagsterInstance, vendor: ImagineApiSandbox, sandbox: Sandbox
) -> None:
    vendor.add([image(number) for number in range(2)])
    ended = load(instance, last=1)
    sandbox.traffic.calls.clear()
    assert load(instance, last=1, again=ended, tags=FROM_FAILURE).success
    assert any("fields=*" in unquote(call.query) for call in sandbox.traffic.calls)


def load_and_break(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> dg.JobExecutionResult:
    """A run of four days that fails in its second portion."""
    refused = Fault(kind="status", status=401, path="/imagine_api", times=99)
    materialized = day_assets._Range._materialized

    def then_refuse(self: Any, portion: windows.LoadWindow) -> None:
        materialized(self, portion)
        sandbox.traffic.faults.append(refused)

    with monkeypatch.context() as patched:
        replace(patched, day_assets._Range, "_materialized", then_refuse)
        result = load(instance, last=3)
    sandbox.traffic.faults.clear()
    assert not result.success
    return result
