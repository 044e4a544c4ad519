"""Runs that go on where an interrupted one stopped: which days that one has loaded already.

    run ─parent─► run that did not end ─parent─► … ─► days that any of them has materialized

A run goes on with another by Dagster's own parent (a retry, "re-execute"), or by the tag that
`genai backfill` gives. A step that came to its end is not gone on with: it is run again as a whole.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone

import dagster as dg

CONTINUES = "genai/continues"  # a run's id
WITHIN = timedelta(days=1)  # what was read longer ago may have changed


def days_done(context: dg.AssetExecutionContext) -> set[date]:
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
        begun = record.create_timestamp
        fresh = datetime.now(timezone.utc) - begun < WITHIN
        if fresh and record.dagster_run.status != dg.DagsterRunStatus.SUCCESS:
            return record.dagster_run
    return None


def _attempts(context: dg.AssetExecutionContext) -> Iterator[str]:
    """The runs that this one goes on with, itself included when the step is tried again."""
    if context.retry_number:
        yield context.run.run_id
    step = context.op_def.name  # of an asset, both have its name
    run: dg.DagsterRun | None = context.run
    while run and (before := run.parent_run_id or run.tags.get(CONTINUES)):
        ended = context.instance.get_records_for_run(
            before, of_type=dg.DagsterEventType.STEP_SUCCESS
        ).records
        if any(record.event_log_entry.step_key == step for record in ended):
            return
        yield before
        run = context.instance.get_run_by_id(before)
