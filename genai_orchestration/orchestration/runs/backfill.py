"""A backfill from the command line: days materialized here, on the instance that the UI shows."""

from datetime import date, datetime, timedelta, timezone

import dagster as dg

from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.checks.tables import WINDOW_COMPLETE
from genai_orchestration.orchestration.instance import home_of
from genai_orchestration.orchestration.runs import resume as continued
from genai_orchestration.orchestration.runs.in_process import run_in_process
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.providers.base import Provider
from genai_orchestration.settings import Settings


def materialize_days(
    definitions: dg.Definitions, provider: Provider, start: date, end: date, settings: Settings
) -> tuple[int, str | None]:
    """Load the provider's tables by day from `start` to before `end` in one run.

    How many days, and the id of the run that this one went on with: a backfill of the same days
    that was interrupted within the last day is continued, and what it has loaded is not read again.
    NotLoaded when the run fails, when a day is outside the partitions, or when the days have fewer
    rows now than the API counted.
    """
    first = provider.start() if provider.start else start
    today = datetime.now(timezone.utc).date()
    if start < first or end - timedelta(days=1) > today:
        raise NotLoaded(
            f"{provider.title}'s partitions are the days from {first} to {today}: choose of them, "
            f"or set an earlier start_date in [sources.{provider.section}]."
        )
    keys = [asset_key(provider, table.name) for table in provider.tables if table.by_day]
    with dg.DagsterInstance.from_config(str(home_of(settings))) as instance:
        job, tags = f"{provider.name}_load", range_tags(start, end - timedelta(days=1))
        before = continued.unfinished(instance, job, tags)
        if before:
            tags = {**tags, continued.CONTINUES: before.run_id}
        run = run_in_process(definitions, instance, job, tags=tags, asset_selection=keys)
    for check in run.get_asset_check_evaluations():
        if check.check_name == WINDOW_COMPLETE and not check.passed:
            raise NotLoaded(
                f"The check {WINDOW_COMPLETE} of {check.asset_key.to_user_string()} failed: "
                f"{check.description} The run is {run.run_id}. Run the same command again; if "
                "rows were deleted meanwhile, it passes then."
            )
    return (end - start).days, before.run_id if before else None
