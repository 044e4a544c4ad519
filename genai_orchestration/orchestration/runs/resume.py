"""Runs that go on where an interrupted one stopped: which days that one has loaded already.

    run ─parent─► run that did not end ─parent─► … ─► days that any of them has materialized

A run goes on with its parent when Dagster retries it, or when a person re-executes it "from
failure"; or with another by the tag that `genai backfill` gives. Whoever re-executes all of it has
all of it loaded again, and so has who goes on with a run that was begun too long ago, or with a
step that came to its end.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import dagster as dg

from genai_orchestration import clock

CONTINUES = "genai/continues"  # a run's id
# of runs that Dagster has begun to finish their parent's work, and not to do it once more
RESUMES = ("dagster/retry_number", "dagster/is_resume_retry", "dagster/is_asset_resume_retry")
WITHIN = timedelta(days=1)  # what was read longer ago may have changed


def materialized_days(context: dg.AssetExecutionContext) -> set[date]:
    """The days that interrupted attempts at this step have materialized, of all of its assets."""
    keys = context.selected_asset_keys
    done: dict[dg.AssetKey, set[str]] = {key: set() for key in keys}
    for run_id in _attempts(context):
        records = context.instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        for record in records:
            event = record.event_log_entry.dagster_event
            if event and event.asset_key in done and event.partition:
                done[event.asset_key].add(event.partition)
    return {date.fromisoformat(day) for day in set.intersection(*done.values())}


def unfinished(
    instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]
) -> dg.DagsterRun | None:
    """The newest run of the job with these tags, if it was begun lately and did not succeed."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job, tags=dict(tags)), limit=1)
    for record in records:
        if _is_fresh(record) and record.dagster_run.status != dg.DagsterRunStatus.SUCCESS:
            return record.dagster_run
    return None


def _is_fresh(record: dg.RunRecord) -> bool:
    return clock.now() - record.create_timestamp < WITHIN


def _attempts(context: dg.AssetExecutionContext) -> Iterator[str]:
    """The runs that this one goes on with, itself included when the step is tried again."""
    if context.retry_number:
        yield context.run.run_id
    step = context.op_def.name  # of an asset, both have its name
    run: dg.DagsterRun | None = context.run
    while run and (before := _resumed(run)):
        record = context.instance.get_run_record_by_id(before)
        ended = context.instance.get_records_for_run(
            before, of_type=dg.DagsterEventType.STEP_SUCCESS
        ).records
        if any(each.event_log_entry.step_key == step for each in ended):
            return
        if record is None or not _is_fresh(record):
            return
        yield before
        run = record.dagster_run


def _resumed(run: dg.DagsterRun) -> str | None:
    """The run that this one is to finish."""
    resumes = any(tag in run.tags for tag in RESUMES)
    return (run.parent_run_id if resumes else None) or run.tags.get(CONTINUES)
