"""Schedules: when each provider's tables are loaded. All of them are free reads.

They run from the start: without an API key they skip, in a sentence that names the setting.
"""

from datetime import date, timedelta

import dagster as dg

from genai_orchestration.orchestration.assets.files import archive_keys
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.provider_settings import reread_days
from genai_orchestration.orchestration.runs.outcomes import skipping
from genai_orchestration.providers.base import Provider, Schedule
from genai_orchestration.providers.sources import account_of
from genai_orchestration.settings import Settings


def provider_schedules(provider: Provider) -> list[dg.ScheduleDefinition]:
    """The provider's schedules, as its value lists them."""
    return [_schedule(provider, schedule) for schedule in provider.schedules]


def _schedule(provider: Provider, schedule: Schedule) -> dg.ScheduleDefinition:
    names = schedule.tables or tuple(table.name for table in provider.tables)
    keys = [asset_key(provider, name) for name in names] + archive_keys(provider, *names)
    by_day = any(provider.table(name).by_day for name in names)

    @dg.schedule(
        name=schedule.name,
        cron_schedule=schedule.cron,
        execution_timezone="UTC",
        job_name=f"{provider.name}_load",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Loads {', '.join(names)} of {provider.title}"
        f"{', today and the days before it (`reread_days`)' if by_day else ''}.",
    )
    @skipping
    def load(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at, tags = context.scheduled_execution_time, {}
        account_of(provider, None, None)
        Settings.load()
        if by_day and provider.start:  # one run for the closed days, and today so far
            first, last = _first_day(provider, provider.start(), at.date()), at.date()
            if first > last:
                return dg.SkipReason(f"{provider.title}'s start_date {first} is still to come.")
            tags = range_tags(first, last)
        return dg.RunRequest(run_key=at.isoformat(), asset_selection=keys, tags=tags)

    return load


def _first_day(provider: Provider, start: date, today: date) -> date:
    return max(today - timedelta(days=reread_days(provider)), start)
