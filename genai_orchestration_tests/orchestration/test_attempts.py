"""How a step ends that cannot go on: an interrupt ends the run, whatever a library makes of it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import dlt
import pytest
from dlt.load.load import Load
from dlt.normalize.normalize import Normalize

from genai_orchestration import warehouse
from genai_orchestration.loading.generations import OWN
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.orchestration.runs.outcomes import cause_of
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.doubles import replace

ENDS = {"STEP_FAILURE", "STEP_UP_FOR_RETRY", "STEP_SUCCESS"}


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", (0.0, 0.0))
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def interrupt() -> None:
    """What Terminate does to a run's process."""
    os.kill(os.getpid(), signal.SIGINT)


def run(instance: dg.DagsterInstance, work: Callable[[], object]) -> tuple[str, list[str]]:
    """A run with a step that works, and one behind it; how its steps ended, and why."""

    @dg.asset
    def first(context: dg.AssetExecutionContext) -> None:
        with translate_errors(context):
            work()

    @dg.asset(deps=[first])
    def second() -> None:
        pass

    job = dg.Definitions([first, second], executor=dg.in_process_executor)
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, raise_on_error=False
    )
    ends = [each.event_type_value for each in result.all_events if each.event_type_value in ENDS]
    return cause_of(instance, result.run_id).partition(" (run")[0], ends


def hidden_by_a_library() -> None:
    try:
        interrupt()
    except BaseException as error:
        raise RuntimeError("the step load has failed") from error


def met_by_an_outage() -> None:
    try:
        interrupt()
    finally:
        raise Unavailable("the vendor does not answer.")


@pytest.mark.parametrize("work", [interrupt, hidden_by_a_library, met_by_an_outage])
def test_an_interrupt_ends_the_run_without_another_attempt(
    instance: dg.DagsterInstance, work: Callable[[], None]
) -> None:
    assert run(instance, work) == ("it was interrupted", ["STEP_FAILURE"])


def test_an_interrupt_ends_the_pause_before_another_attempt(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause(seconds: float) -> None:
        assert seconds == 10.0
        interrupt()

    monkeypatch.setattr(attempts, "PAUSES_SECONDS", (10.0,))
    monkeypatch.setattr(time, "sleep", pause)

    def fail() -> None:
        raise Unavailable("the vendor does not answer.")

    assert run(instance, fail) == ("it was interrupted", ["STEP_FAILURE"])


def test_what_passes_is_tried_again_and_the_last_attempt_ends_in_its_sentence(
    instance: dg.DagsterInstance,
) -> None:
    def fail() -> None:
        raise Unavailable("the vendor does not answer.")

    again = "STEP_UP_FOR_RETRY"
    ends = [again, again, "STEP_FAILURE"]
    assert run(instance, fail) == ("the vendor does not answer.", ends)


def test_a_bug_is_not_tried_again(instance: dg.DagsterInstance) -> None:
    _, ends = run(instance, lambda: 1 / 0)
    assert ends == ["STEP_FAILURE"]


@pytest.mark.parametrize("step", [Normalize, Load])
def test_what_dlt_has_begun_is_finished_and_then_the_interrupt_counts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: type[Any]
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    inner = step.run

    def interrupted(self: Any, *args: Any, **kwargs: Any) -> Any:
        done = inner(self, *args, **kwargs)
        interrupt()  # in its last job: dlt itself would forget it
        return done

    replace(monkeypatch, step, "run", interrupted)
    with pytest.raises(KeyboardInterrupt), warehouse.pipeline(OWN, settings) as pipeline:
        pipeline.run(dlt.resource([{"id": 1}], name="rows"))
    assert {number: signal.getsignal(number) for number in before} == before
    stored = warehouse.query(OWN, settings, f"SELECT id FROM {OWN.dataset}.rows")
    assert stored == ([(1,)] if step is Load else None)
