"""Why a run failed: the cause of all, and not what Dagster or a library says around it."""

import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genai_orchestration.orchestration.runs.in_process import run_in_process
from genai_orchestration.orchestration.runs.outcomes import cause_of
from genai_orchestration_tests.support.doubles import replace

SENTENCE = "Magic Hour does not answer: try again later."


class Wrapped(Exception):
    """What a library says of an error of ours."""


def fail(kind: str) -> None:
    """Fail as steps do: by a retry policy, by a retry that the code asks for, or by a bug."""
    try:
        try:
            raise ConnectionError(SENTENCE)
        except ConnectionError as error:
            raise Wrapped("Max retries exceeded with url: /v1") from error
    except Wrapped as error:
        match kind:
            case "policy":
                raise dg.Failure(SENTENCE) from None
            case "requested":
                raise dg.RetryRequested(max_retries=0) from error
            case "failure":
                raise dg.Failure(SENTENCE, allow_retries=False) from None
            case "bug":
                raise KeyError("id") from None
        raise


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("policy", SENTENCE),
        ("requested", SENTENCE),
        ("failure", SENTENCE),
        ("wrapped", SENTENCE),
        ("bug", "KeyError: 'id'"),
    ],
)
def test_the_innermost_cause_is_told(kind: str, words: str) -> None:
    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def step() -> None:
        fail(kind)

    @dg.job
    def load() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        run = load.execute_in_process(instance=instance, raise_on_error=False)
        assert cause_of(instance, run.run_id) == f"{words} (run {run.run_id})"


def test_a_line_of_the_log_that_the_database_does_not_take_is_no_news(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @dg.op
    def talks(context: dg.OpExecutionContext) -> None:
        context.log.info("something")

    @dg.job
    def talking() -> None:
        talks()

    handle = dg.DagsterInstance.handle_new_event

    def full(self: dg.DagsterInstance, event: dg.EventLogEntry, **more: Any) -> None:
        if event.dagster_event is None:
            raise sqlite3.OperationalError("database or disk is full")
        handle(self, event, **more)

    replace(monkeypatch, dg.DagsterInstance, "handle_new_event", full)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        assert run_in_process(dg.Definitions(jobs=[talking]), instance, "talking").success
    assert "Exception while" not in capfd.readouterr().err
