"""Schedules: when each provider's tables are loaded. All of them are free reads.

They run from the start: without an API key they skip, in a sentence that names the setting.
"""

import re
from datetime import date, timedelta

import dagster as dg

from genai_orchestration.errors import PlainError
from genai_orchestration.orchestration.archive import archive_keys
from genai_orchestration.orchestration.groups import asset_key
from genai_orchestration.orchestration.partitions import range_tags
from genai_orchestration.providers.base import Provider, Schedule
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sources import account_of, setting

REREAD_DAYS = 3  # before today; finished jobs are edited by hand or by the vendor, mostly soon
MOST_REREAD_DAYS = 366  # more is for a backfill


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
    def load(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at, tags = context.scheduled_execution_time, {}
        try:
            account_of(provider, None, None)
            if by_day and provider.start:  # one run for the closed days, and today so far
                first, last = _first_day(provider, provider.start(), at.date()), at.date()
                if first > last:
                    return dg.SkipReason(f"{provider.title}'s start_date {first} is still to come.")
                tags = range_tags(first, last)
        except PlainError as error:
            return dg.SkipReason(str(error))
        return dg.RunRequest(run_key=at.isoformat(), asset_selection=keys, tags=tags)

    return load


def _first_day(provider: Provider, start: date, today: date) -> date:
    return max(today - timedelta(days=reread_days(provider)), start)


def reread_days(provider: Provider) -> int:
    """How many days before today a daily load reads again: what was edited since is then loaded.

    From the provider's setting of that name, by default 3; WrongSetting for another value.
    """
    value = setting(provider, "reread_days")
    if value is None:
        return REREAD_DAYS
    days = int(value) if re.fullmatch(r"[0-9]{1,3}", str(value)) else 0
    if 1 <= days <= MOST_REREAD_DAYS:
        return days
    raise WrongSetting(
        f"{provider.title}'s reread_days {value!r} is not a number of days from 1 to "
        f"{MOST_REREAD_DAYS}: set it in [sources.{provider.section}]."
    )
