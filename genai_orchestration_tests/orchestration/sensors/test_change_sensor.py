"""The sensor that asks for a version: a run for each change, and none without."""

from collections.abc import Iterator

import dagster as dg
import pytest

from genai_orchestration import warehouse
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.watching.day_watch import RED_AFTER
from genai_orchestration_tests.orchestration.daemon import Daemon, refuse
from genai_orchestration_tests.orchestration.moved_clock import later

ABYSSALE = provider_named("abyssale")
DESIGNS = 3  # each costs a request, and Abyssale takes ten a second


@pytest.fixture
def vendor(sandbox: Sandbox) -> AbyssaleSandbox:
    """Abyssale with a few designs."""
    vendor = sandbox.providers["abyssale"]
    assert isinstance(vendor, AbyssaleSandbox)
    for id_ in list(vendor.designs)[DESIGNS:]:
        vendor.remove_design(id_)
    return vendor


@pytest.fixture
def daemon(vendor: AbyssaleSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon whose runs do not ride out an outage of a minute."""
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    daemon = Daemon("abyssale_designs_sensor")
    with daemon.instance:
        yield daemon


def rename(vendor: AbyssaleSandbox, sandbox: Sandbox, name: str) -> str:
    """Change a design as a person does, a second after the last change; its id."""
    sandbox.clock.advance(1)
    id_ = next(iter(vendor.designs))
    vendor.touch(id_, name=name)
    return id_


def names(table: str) -> dict[str, str]:
    rows = warehouse.query(ABYSSALE, Settings.load(), f"SELECT id, name FROM {{{table}}}")
    return {row[0]: row[1] for row in rows or []}


def test_a_change_is_loaded_by_one_run_and_no_change_is_a_sentence(
    daemon: Daemon, vendor: AbyssaleSandbox, sandbox: Sandbox
) -> None:
    (first,) = daemon.tick()
    assert {key.path[-1] for key in first.asset_selection or ()} == {
        "designs",
        "design_detail",
        "projects",
    }
    assert daemon.run(first)
    assert set(names("designs")) == set(names("design_detail")) == set(vendor.designs)
    assert daemon.tick() == []
    assert daemon.said.startswith(f"Nothing has changed: {DESIGNS} designs, newest change")
    renamed = rename(vendor, sandbox, "Spring sale")
    assert daemon.work() == [True]
    assert names("designs")[renamed] == names("design_detail")[renamed] == "Spring sale"
    assert daemon.tick() == []


def test_a_version_that_comes_back_is_loaded_again(daemon: Daemon, vendor: AbyssaleSandbox) -> None:
    assert daemon.work() == [True]
    id_ = next(iter(vendor.designs))
    design = vendor.designs[id_]
    vendor.remove_design(id_)
    assert daemon.work() == [True]
    assert id_ not in names("design_detail")
    vendor.designs[id_] = design
    assert daemon.work() == [True]
    assert id_ in names("design_detail")


def test_a_failed_load_is_asked_for_again_and_the_tick_is_red_after_five(
    daemon: Daemon, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(RED_AFTER):
        (request,) = daemon.tick()
        refuse(sandbox)
        failed = daemon.run(request)
        assert failed
        assert not failed.success
        sandbox.traffic.faults.clear()
        later(monkeypatch, minutes=5)
    with pytest.raises(NotLoaded, match=r"A change failed 5 times: .*429"):
        daemon.tick()
    later(monkeypatch, minutes=61)
    assert daemon.work() == [True]
    assert daemon.tick() == []


def test_after_a_reset_of_the_cursor_the_same_version_is_loaded_again(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lost,) = daemon.tick(keep=False)
    later(monkeypatch, minutes=2)
    (again,) = daemon.tick()
    assert again.run_key == lost.run_key, "a tick that is done again"
    assert daemon.run(again)
    daemon.cursor = None
    assert daemon.work() == [True]


def test_a_failed_load_rests_before_it_is_asked_for_again(daemon: Daemon, sandbox: Sandbox) -> None:
    (request,) = daemon.tick()
    sandbox.traffic.faults.append(Fault(kind="status", path="/abyssale", status=401, times=1000))
    daemon.run(request)
    sandbox.traffic.faults.clear()
    assert daemon.tick() == []
    assert daemon.said.startswith("A change failed to load, soon again: Abyssale answered 401")


def test_a_load_on_its_way_is_waited_for(daemon: Daemon) -> None:
    (request,) = daemon.tick()
    job = daemon.definitions.resolve_job_def("abyssale_load")
    daemon.instance.create_run_for_job(
        job, tags=daemon.tags(request), status=dg.DagsterRunStatus.STARTED
    )
    assert daemon.tick() == []
    assert daemon.said.startswith("A change is being loaded: ")


def test_a_run_that_was_never_started_is_asked_for_again(daemon: Daemon) -> None:
    (lost,) = daemon.tick()
    assert [request.run_key for request in daemon.tick()] == [lost.run_key]


def test_a_missing_key_is_a_sentence(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__ABYSSALE_SOURCE__API_KEY")
    assert daemon.tick() == []
    assert daemon.said.startswith("Abyssale has no API key: set api_key under")
