"""The UTC days by which tables with a history are partitioned."""

from datetime import date, datetime, time, timezone

import dagster as dg


def days_since(start: date) -> dg.DailyPartitionsDefinition:
    """Daily partitions from `start` up to and including today, in UTC."""
    return dg.DailyPartitionsDefinition(
        start_date=datetime.combine(start, time(), timezone.utc), timezone="UTC", end_offset=1
    )


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags of one run over the partitions from `first` to `last`, both included."""
    return {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
