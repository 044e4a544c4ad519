"""Ticks and runs: what a tick says, what became of a run that it asked for, and why one failed."""

import functools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Protocol, TypeVar, cast

import dagster as dg

from genai_orchestration.errors import UserError
from genai_orchestration.warehouse.destination_errors import translate_error
from genai_orchestration.watching.day_cursor import UnreadableCursor
from genai_orchestration.watching.day_watch import RunOutcome

RUN_KEY = "dagster/run_key"
SENSOR = "dagster/sensor_name"
WILL_RETRY = "dagster/will_retry"
INTERRUPTS = (KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__)
RETRY_WITHIN = timedelta(minutes=10)  # the daemon starts a promised retry long before

C = TypeVar("C", bound=dg.SensorEvaluationContext | dg.ScheduleEvaluationContext)
R = TypeVar("R")


class NotLoaded(UserError):
    """What was asked for failed, and for a sensor again and again."""


def skipping(evaluate: Callable[[C], R]) -> Callable[[C], R | dg.SkipReason]:
    """A sensor's or a schedule's function: a foreseen error is the sentence that it skips with.

    A tick fails for what a person has to see: NotLoaded, UnreadableCursor, and every bug.
    """

    @functools.wraps(evaluate)
    def tick(context: C) -> R | dg.SkipReason:
        try:
            return evaluate(context)
        except (NotLoaded, UnreadableCursor):
            raise
        except Exception as error:
            known = translate_error(error)
            if known is None:
                raise
            return dg.SkipReason(str(known))

    return tick


def first_round(context: dg.SensorEvaluationContext) -> int:
    """From which number on a sensor without a cursor counts its rounds of asking.

    It is the time, in seconds, of the last tick that came to its end. A tick that was cut short
    leaves it as it is: done again, however late, it asks under the same keys. A reset of the cursor
    leaves it, too, and it lies behind all rounds before: no sensor asks more than ten times a tick,
    and none ticks more often than twice a minute. So no key is one that Dagster has seen, and would
    not run again.
    """
    return int(context.last_tick_completion_time or 0)


def outcome_of(instance: dg.DagsterInstance, sensor: str, run_key: str) -> RunOutcome:
    """The newest run that the sensor asked for with that key: how it ended, or that it has not.

    A run about to be retried is active. Dagster's retry keeps the key, so that the newest run
    speaks for all attempts.
    """
    filters = dg.RunsFilter(tags={RUN_KEY: run_key, SENSOR: sensor})
    records = instance.get_run_records(filters, limit=1)
    return outcome_of_record(instance, records[0]) if records else RunOutcome("missing")


def outcome_of_record(instance: dg.DagsterInstance, record: dg.RunRecord) -> RunOutcome:
    """How a run ended, or that it has not."""
    run = record.dagster_run
    ended = datetime.fromtimestamp(record.end_time or 0, timezone.utc)
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return RunOutcome("succeeded", ended)
    if not run.is_finished:
        return RunOutcome("active")
    promised = run.tags.get(WILL_RETRY) == "true"
    if promised and datetime.now(timezone.utc) - ended < RETRY_WITHIN:
        return RunOutcome("active")
    return RunOutcome("failed", ended, cause_of(instance, run.run_id))


def cause_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """The failed step's own words, at most a line, and where to read the rest."""
    failures = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1, ascending=False
    ).records
    message = ""
    for record in failures:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event else None
        if data and data.user_failure_data:
            message = data.user_failure_data.description or ""
        elif data and data.error and data.error.cls_name in INTERRUPTS:
            message = "it was interrupted"
        elif data and data.error:
            message = _innermost(cast("_ErrorInfo", data.error))
    return f"{message[:300]} (run {run_id})".strip()


class _ErrorInfo(Protocol):
    """An error as Dagster keeps it; the class has no public name."""

    message: str
    cls_name: str | None
    cause: "_ErrorInfo | None"


def _innermost(error: _ErrorInfo) -> str:
    """The words of the cause of all, at which Dagster and dlt stop with words of their own.

    The name of its class is shown where its words are no sentence: `KeyError: 'id'`.
    """
    while error.cause:
        error = error.cause
    lines = error.message.strip().splitlines() or [""]
    name, separator, text = lines[0].partition(": ")
    if not (separator and name.endswith(error.cls_name or name)):
        return lines[0]
    return text if " " in text else f"{error.cls_name}: {text}"
