"""What became of a run that a sensor asked for, found by its run key."""

from datetime import datetime, timedelta, timezone

import dagster as dg

from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.day_watch import Outcome

RUN_KEY = "dagster/run_key"
WILL_RETRY = "dagster/will_retry"
RETRY_WITHIN = timedelta(minutes=10)  # the daemon starts a promised retry long before


class NotLoaded(PlainError):
    """What a sensor asked for failed again and again."""


def outcome_of(instance: dg.DagsterInstance, run_key: str) -> Outcome:
    """The newest run with that key: missing, active (also: about to be retried), or how it ended.

    A retry by Dagster keeps the key, so that the newest run speaks for all attempts.
    """
    filters = dg.RunsFilter(tags={RUN_KEY: run_key})
    records = instance.get_run_records(filters, limit=1)
    if not records:
        return Outcome("missing")
    run = records[0].dagster_run
    if run.status == dg.DagsterRunStatus.SUCCESS:
        return Outcome("succeeded")
    if not run.is_finished:
        return Outcome("active")
    ended = datetime.fromtimestamp(records[0].end_time or 0, timezone.utc)
    promised = run.tags.get(WILL_RETRY) == "true"
    if promised and datetime.now(timezone.utc) - ended < RETRY_WITHIN:
        return Outcome("active")
    return Outcome("failed", ended, _cause(instance, run.run_id))


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    """The failed step's own words, at most a line, and where to read the rest."""
    failures = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1, ascending=False
    ).records
    words = ""
    for record in failures:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event else None
        if data and data.user_failure_data:
            words = data.user_failure_data.description or ""
        elif data and data.error:
            words = data.error.message.strip().splitlines()[0]
    return f"{words[:300]} (run {run_id})".strip()
