"""What a user would pick instead, each run in a process of its own, with its own imports only.

    python -m benchmarks.variants NAME ARGUMENT…

All of them leave a DuckDB file `warehouse.duckdb` in the working folder where they load.
"""

import itertools
import sys
from pathlib import Path
from typing import Any

PAGE = 1000  # records in a page of those who choose it


def seed(url: str) -> None:
    """The seed's script with a paginator: as it stands it loads 100 records and reports success."""
    _seed(url)


def seed_parquet(url: str) -> None:
    """The same with the one setting that helps it most: Parquet instead of INSERT statements."""
    _seed(url, loader_file_format="parquet")


def _seed(url: str, **how: Any) -> None:
    import dlt
    from dlt.sources.rest_api import rest_api_resources
    from dlt.sources.rest_api.typing import RESTAPIConfig

    @dlt.source
    def imagine_api_source(api_key: str = "benchmark") -> Any:
        config: RESTAPIConfig = {
            "client": {
                "base_url": url,
                "auth": {"type": "bearer", "token": api_key},
                "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
            },
            "resources": [
                {"name": "images", "endpoint": {"path": "items/images", "data_selector": "data"}}
            ],
        }
        yield from rest_api_resources(config)

    pipeline = dlt.pipeline(
        pipeline_name="imagine_api_pipeline",
        pipelines_dir="pipelines",
        destination=dlt.destinations.duckdb("warehouse.duckdb"),
        dataset_name="imagine_api_data",
    )
    pipeline.run(imagine_api_source(), **how)


def read_json(url: str) -> None:
    """No dlt at all: the pages to files, one after another, and DuckDB's own `read_json`."""
    import duckdb
    import requests

    session = requests.Session()
    for number in itertools.count(1):
        answer = session.get(f"{url}/items/images", params={"limit": PAGE, "page": number})
        if len(answer.content) < 100:  # an empty page
            break
        Path(f"page-{number:05}.json").write_bytes(answer.content)
    with duckdb.connect("warehouse.duckdb") as connection:
        connection.execute("CREATE SCHEMA imagine_api_data")
        connection.execute(
            "CREATE TABLE imagine_api_data.images AS SELECT unnest(data, recursive := false) AS "
            "record FROM read_json('page-*.json', maximum_object_size = 67108864)"
        )


def imports() -> None:
    """The start of `genai load`: Python, and everything that it imports."""
    # warehouse.py imports the rest of dlt
    import genai_orchestration.loading.tables
    import genai_orchestration.providers.imagine_api  # noqa: F401


def load_alone(first: str, end: str) -> None:
    """`genai load imagine_api` without the table of all generations that the command makes, too."""
    from datetime import date

    from genai_orchestration import loading
    from genai_orchestration.providers.imagine_api import PROVIDER
    from genai_orchestration.settings import Settings

    start, before = date.fromisoformat(first), date.fromisoformat(end)
    loading.load(PROVIDER, Settings.load(), ["images"], start=start, end=before)


def load_appending(first: str, end: str) -> None:
    """The same without merging on the id: the least that dlt does with the same Arrow tables."""
    from genai_orchestration.providers.imagine_api import source

    source._disposition = lambda *_, **__: "append"
    load_alone(first, end)


def details_dependent(url: str) -> None:
    """Abyssale's designs and their details as dlt's documentation has them: a dependent resource.

    Nested values stay JSON, and files are Parquet: both help it.
    """
    import dlt
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": url,
                "auth": {"type": "api_key", "name": "x-api-key", "api_key": "benchmark"},
                "paginator": "single_page",
            },
            "resource_defaults": {"primary_key": "id", "max_table_nesting": 0},
            "resources": [
                {"name": "designs", "endpoint": {"path": "designs", "data_selector": "$"}},
                {
                    "name": "design_detail",
                    "endpoint": {"path": "designs/{resources.designs.id}", "data_selector": "$"},
                },
            ],
        }
    )
    pipeline = dlt.pipeline(
        pipeline_name="abyssale_pipeline",
        pipelines_dir="pipelines",
        destination=dlt.destinations.duckdb("warehouse.duckdb"),
        dataset_name="abyssale_data",
    )
    pipeline.run(source, loader_file_format="parquet")


def dagster_nothing() -> None:
    """A Dagster run of an asset that does nothing, on the same kind of instance."""
    import dagster as dg

    @dg.asset
    def nothing() -> None:
        return None

    dg.materialize([nothing], instance=dg.DagsterInstance.get())


def dagster_days(days: str) -> None:
    """A Dagster run over so many daily partitions of an asset that does nothing."""
    from datetime import date, timedelta

    import dagster as dg

    end = date.today()
    first = end - timedelta(days=int(days))

    @dg.asset(
        partitions_def=dg.DailyPartitionsDefinition(start_date=first.isoformat()),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def nothing() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult()

    last = end - timedelta(days=1)
    tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    dg.materialize([nothing], instance=dg.DagsterInstance.get(), tags=tags)


def posts(url: str, key: str, total: str) -> None:
    """A loop of paid POSTs that writes nothing down; prints how many it sends a second."""
    import time

    import requests

    started = time.monotonic()
    for number in range(int(total)):
        requests.post(
            url, json=hero(number), headers={"Authorization": f"Bearer {key}"}, timeout=60
        ).raise_for_status()
    print(int(total) / (time.monotonic() - started))


def hero(number: int) -> dict[str, Any]:
    """The body of one order at Magic Hour."""
    style = {"prompt": f"a matte black sneaker on wet asphalt, take {number}"}
    return {"image_count": 1, "model": "z-image-turbo", "style": style}


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
