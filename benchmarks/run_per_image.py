"""A code location that loads each finished image in a run of its own, as a first draft would.

    sensor ─► a RunRequest for each finished image ─► dlt's REST source, one id ─► DuckDB

In its favour it has this project's Dagster settings, steps in the run's own process, and a lock of
its own around DuckDB, which refuses a second process: four runs start at once and wait there.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import dlt
import requests
from dlt.sources.rest_api import rest_api_source
from filelock import FileLock

SENSOR = "finished_images"
KEY = dg.AssetKey("image")
FEW = 8  # runs that are asked for
FINISHED = '{"_or": [{"status": {"_in": ["completed", "failed"]}}]}'


class ImageConfig(dg.Config):
    """The image that a run loads."""

    id: str


@dg.asset(key=KEY)
def image(config: ImageConfig) -> None:
    """One image, merged into `images`."""
    source = rest_api_source(
        {
            "client": {"base_url": _url()},
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": [
                {
                    "name": "images",
                    # these are null in a finished image, of which dlt would warn in every run
                    "columns": {
                        "error": {"data_type": "text"},
                        "progress": {"data_type": "bigint"},
                    },
                    "endpoint": {
                        "path": f"items/images/{config.id}",
                        "data_selector": "data",
                        "paginator": "single_page",
                    },
                }
            ],
        },
        name="imagine_api",
    )
    home = Path(os.environ["GENAI_HOME"])
    with tempfile.TemporaryDirectory(dir=home) as folder, FileLock(home / "duckdb.lock"):
        pipeline = dlt.pipeline(
            "run_per_image",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(str(home / "warehouse.duckdb")),
            dataset_name="imagine_api_data",
        )
        pipeline.run(source)


job = dg.define_asset_job("image_job", selection=[KEY])


@dg.sensor(
    name=SENSOR,
    job=job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def finished_images() -> Iterator[dg.RunRequest]:
    """A run for each of a few finished images, once."""
    params = {"filter": FINISHED, "limit": str(FEW)}
    found: dict[str, Any] = requests.get(f"{_url()}/items/images", params=params, timeout=30).json()
    for record in found["data"]:
        config = {"ops": {"image": {"config": {"id": record["id"]}}}}
        yield dg.RunRequest(run_key=record["id"], run_config=config)


def _url() -> str:
    return os.environ["SOURCES__IMAGINE_API_SOURCE__BASE_URL"]


defs = dg.Definitions(
    assets=[image],
    jobs=[job],
    sensors=[finished_images],
    executor=dg.in_process_executor,
)
