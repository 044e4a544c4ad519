"""The UTC days by which tables with a history are partitioned.

The location loads whatever is configured: where a provider's first day cannot be read, its days
begin where its history does. Its sensor, its schedule and `genai doctor` say what is wrong.
"""

from datetime import date, datetime, time, timezone

import dagster as dg

from genai_orchestration.errors import UserError
from genai_orchestration.providers.base import Provider


def days_of(provider: Provider) -> dg.DailyPartitionsDefinition | None:
    """Daily partitions in UTC, from the provider's first day up to and including today.

    None for a provider whose tables have no history.
    """
    if provider.start is None:
        return None
    try:
        start = provider.start()
    except UserError:
        start = provider.beginning
    return dg.DailyPartitionsDefinition(
        start_date=datetime.combine(start, time(), timezone.utc), timezone="UTC", end_offset=1
    )


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of one run over the partitions from `first` to `last`, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
