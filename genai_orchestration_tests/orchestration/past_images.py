"""Images of ImagineAPI on days that are over, runs that load these days, and what they tell."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg

from genai_orchestration.definitions import defs
from genai_orchestration.providers.imagine_api.sandbox.images import Spec

IMAGES = dg.AssetKey(["imagine_api", "images"])
NOON = datetime.now(timezone.utc).replace(hour=12, minute=0, second=0) - timedelta(days=20)


def image(day: int = 0, **state: Any) -> Spec:
    return Spec(date_created=(NOON + timedelta(days=day)).isoformat(), **{"seconds": -1.0, **state})


def day(number: int) -> str:
    return f"{NOON + timedelta(days=number):%Y-%m-%d}"


def run(
    instance: dg.DagsterInstance, *keys: dg.AssetKey, job: str, **arguments: Any
) -> dg.ExecuteInProcessResult:
    return (
        defs()
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance, asset_selection=list(keys), raise_on_error=False, **arguments
        )
    )


def load_days(
    instance: dg.DagsterInstance, first: int, last: int, **config: Any
) -> dg.ExecuteInProcessResult:
    """One run of the images of these days, and of the table's checks."""
    return run(
        instance,
        IMAGES,
        job="imagine_api_load",
        tags={
            "dagster/asset_partition_range_start": day(first),
            "dagster/asset_partition_range_end": day(last),
        },
        run_config={"ops": {"imagine_api_images": {"config": config}}},
    )


def metadata(instance: dg.DagsterInstance, partition: str) -> Mapping[str, Any]:
    """The metadata of the partition's last materialization."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=IMAGES, asset_partitions=[partition]), limit=1
    ).records
    materialization = records[0].asset_materialization
    assert materialization
    return {name: value.value for name, value in materialization.metadata.items()}
