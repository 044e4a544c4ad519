"""The assets that spend credits, on a real instance: what is approved leaves once, and is shown."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import dagster as dg
import pytest

from genai_orchestration import clock, loading
from genai_orchestration.definitions import defs
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration import paid
from genai_orchestration_tests.orchestration.paid import approved, fox, hero, materialize, posts

GENERATOR = ("magic_hour", "ai_image_generator")
BANNERS = ("abyssale", "generation_requests")
CREATE = ("imagine_api", "images_create")
BY_DAY = (["imagine_api", "images"], ["imagine_api", "asset_file"])
OPERATIONS = [(each.name, paid.name) for each in all_providers() for paid in each.operations]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def told(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    """The metadata of the run's one materialization."""
    (event,) = result.get_asset_materialization_events()
    return {
        name: value.value
        for name, value in event.step_materialization_data.materialization.metadata.items()
    }


def states() -> dict[str, RequestState]:
    with Ledger.open(Settings.load()) as ledger:
        return {each.request_key: each.state for each in ledger.requests()}


def test_what_is_approved_is_submitted_once_and_its_rows_are_in_the_warehouse(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    approved(hero("hero-1"), hero("hero-2", "a boot"))
    for _ in range(2):  # the second time there is nothing left to send
        assert materialize(instance, *GENERATOR).success
        assert posts(sandbox) == 2 * ["/magic_hour/v1/ai-image-generator"]
    columns = "request_key, state, prompt, credits_charged, job_state, approved_at IS NOT NULL"
    assert paid.rows(*GENERATOR, columns) == [
        ("hero-1", "submitted", "a sneaker", 5, "QUEUED", True),
        ("hero-2", "submitted", "a boot", 5, "QUEUED", True),
    ]
    assert sandbox.providers["magic_hour"].accepted == 2


def test_the_asset_shows_outcomes_credits_and_the_newest_requests(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    approved(hero("a-good"), hero("b-dear", model="nano-banana-pro"))
    sandbox.providers["magic_hour"].credits = 20  # of which one costs 5, the other 150
    result = materialize(instance, *GENERATOR)
    shown = told(result)
    assert result.success
    assert (shown["requests submitted"], shown["requests rejected"]) == (1, 1)
    assert (shown["credits charged"], shown["credits today"], shown["jobs in flight"]) == (5, 5, 1)
    assert "402" in str(shown["waiting because"])
    table = result.get_asset_materialization_events()[0].step_materialization_data
    newest = table.materialization.metadata["newest requests"]
    assert isinstance(newest, dg.TableMetadataValue)
    assert {record.data["key"] for record in newest.records} == {"a-good", "b-dear"}


def test_requests_of_the_launchpad_are_planned_and_sent_only_when_it_approves_them(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    new = [{"prompt": "an owl", "key": "owl-1", "campaign": "spring"}]
    assert materialize(instance, *CREATE, requests=new).success
    assert (states(), posts(sandbox)) == ({"owl-1": RequestState.PLANNED}, [])
    for _ in range(2):  # launched again it asks for nothing new
        assert materialize(instance, *CREATE, requests=new, approve=True).success
        assert states() == {"owl-1": RequestState.SUBMITTED}
        assert len(posts(sandbox)) == 1
    assert paid.rows(*CREATE, "request_key, campaign, prompt") == [("owl-1", "spring", "an owl")]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"prompt": ""}, "prompt is missing"),
        ({"prompt": "a", "key": "a b"}, "request_key 'a b' cannot be used"),
        ({"prompt": "a", "payload": "{"}, "payload is not JSON"),
        ({"prompt": "a\0b"}, "NUL"),
    ],
)
def test_a_mistake_in_the_launchpad_is_told_and_nothing_is_planned(
    instance: dg.DagsterInstance, sandbox: Sandbox, request_: dict[str, str], words: str
) -> None:
    result = materialize(instance, *CREATE, requests=[request_, {"prompt": "fine"}], approve=True)
    assert not result.success
    assert words in paid.words(result)
    assert (states(), posts(sandbox)) == ({}, [])


def test_a_layer_that_the_design_does_not_have_is_a_mistake_in_the_launchpad_too(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    abyssale = sandbox.providers["abyssale"]
    for id_ in list(abyssale.designs)[3:]:
        abyssale.remove_design(id_)
    design = next(iter(abyssale.designs))
    loading.load(provider_named("abyssale"), Settings.load(), ["design_detail"])
    body = json.dumps({"design_id": design, "elements": {"titel": {"payload": "Sale"}}})
    result = materialize(instance, *BANNERS, requests=[{"payload": body}], approve=True)
    assert "elements.titel is not known" in paid.words(result)
    assert (states(), posts(sandbox)) == ({}, [])


def test_a_load_from_the_command_line_follows_jobs_too(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(hero("hero-1"))
    assert materialize(instance, *GENERATOR).success
    sandbox.clock.advance(60)
    now = datetime.now(timezone.utc) + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    loading.load(provider_named("magic_hour"), Settings.load(), ["image_projects"])
    assert paid.rows("magic_hour", "image_projects", "request_key, state") == [
        ("hero-1", "SUCCEEDED")
    ]


def test_with_submit_off_only_the_rows_are_loaded(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    approved(fox("fox-1"))
    assert materialize(instance, *CREATE, submit=False).success
    assert (states(), posts(sandbox)) == ({"fox-1": RequestState.APPROVED}, [])


def test_a_wrong_key_fails_the_run_in_a_sentence_and_nothing_is_sent(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__API_KEY", "wrong-key")
    approved(*(hero(f"hero-{n}") for n in range(5)))
    result = materialize(instance, *GENERATOR)
    assert "Not sent: 5 approved requests." in paid.words(result)
    assert "api_key in [sources.magic_hour_source]" in paid.words(result)
    assert posts(sandbox) == []
    assert [*states().values()] == 5 * [RequestState.APPROVED]


def test_a_key_that_is_refused_for_a_paid_post_stops_the_line(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    refused = Fault(kind="status", status=401, path="/magic_hour/v1/ai-", method="POST", times=9)
    sandbox.traffic.faults.append(refused)
    approved(*(hero(f"hero-{n}") for n in range(5)))
    result = materialize(instance, *GENERATOR)
    assert told(result)["requests rejected"] == 1
    assert len(posts(sandbox)) == 1
    assert sorted(states().values()) == 4 * [RequestState.APPROVED] + [RequestState.REJECTED]


def test_without_a_cap_nothing_is_sent_to_an_address_that_is_not_local(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__BASE_URL", "https://imagine.invalid")
    approved(fox("fox-1"))
    result = materialize(instance, *CREATE)
    assert "No cap is set for what imagine_api may spend" in paid.words(result)
    assert states() == {"fox-1": RequestState.APPROVED}


def test_a_lost_answer_is_looked_up_where_it_can_be_and_stays_unknown_elsewhere(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    approved(fox("fox-1"), hero("hero-1"))
    for path in ("/imagine_api/items/images", "/magic_hour/v1/ai-image"):
        lost = Fault(kind="status", status=502, after_work=True, path=path, method="POST")
        sandbox.traffic.faults.append(lost)
    assert materialize(instance, *CREATE).success
    assert materialize(instance, *GENERATOR).success
    assert states() == {"fox-1": RequestState.SUBMITTED, "hero-1": RequestState.UNKNOWN}
    assert len(posts(sandbox)) == 2
    assert paid.rows(*GENERATOR, "request_key, state, error_class") == [
        ("hero-1", "unknown", "ambiguous")
    ]


def test_materializing_everything_sends_no_post_whatever_is_approved(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    abyssale = sandbox.providers["abyssale"]
    for id_ in list(abyssale.designs)[3:]:
        abyssale.remove_design(id_)
    waiting = [fox("fox-1"), hero("hero-1"), paid.banner("banner-1", next(iter(abyssale.designs)))]
    approved(*waiting)
    found = defs()
    everything = list(found.resolve_asset_graph().get_all_asset_keys())
    by_day = [key for key in everything if list(key.path) in BY_DAY]
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    for part in (by_day, [key for key in everything if key not in by_day]):
        job = found.resolve_implicit_global_asset_job_def()  # what Materialize launches
        assert job.execute_in_process(
            instance=instance,
            asset_selection=part,
            partition_key=today if part == by_day else None,
        ).success
    assert all(instance.get_latest_materialization_event(key) for key in everything)
    assert posts(sandbox) == []
    assert set(states().values()) == {RequestState.APPROVED}
    for provider, operation in (CREATE, GENERATOR, BANNERS):
        assert paid.rows(provider, operation, "request_key") == []


def test_only_a_setting_lets_a_run_approve_requests_outside_the_sandbox(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__API_KEY", "a-real-key")
    new = [{"prompt": "an owl", "key": "owl-1"}]
    refused = materialize(instance, *CREATE, requests=new, approve=True)
    assert "a run's configuration may not approve requests to ImagineAPI" in paid.words(refused)
    assert "set approve_in_runs = true in [requests] of .dlt/config.toml" in paid.words(refused)
    assert (states(), posts(sandbox)) == ({}, [])
    monkeypatch.setenv("REQUESTS__APPROVE_IN_RUNS", "true")
    materialize(instance, *CREATE, requests=new, approve=True, submit=False)
    assert states() == {"owl-1": RequestState.APPROVED}


@pytest.mark.parametrize(("provider", "operation"), OPERATIONS)
def test_only_a_job_of_its_own_has_an_asset_that_spends(provider: str, operation: str) -> None:
    found = defs()
    for job in found.jobs or ():
        selected = found.resolve_job_def(job.name).asset_layer.selected_asset_keys
        spends = dg.AssetKey([provider, operation]) in selected
        assert spends == (job.name == f"{provider}_requests")
    for schedule in found.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        assert schedule.job_name.endswith("_load")
