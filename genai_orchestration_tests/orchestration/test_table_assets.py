"""Assets of tables, materialized on a real instance from the sandbox into a real DuckDB file."""

import re
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.orchestration.metadata.loads import thumbnails
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.orchestration.past_images import (
    IMAGES,
    day,
    image,
    load_days,
    metadata,
    run,
)

HOSTILE = (
    "](javascript:alert(1)) <img src=x onerror=alert(1)> | `a` \n\n# ![x](http://evil.invalid)"
)


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
