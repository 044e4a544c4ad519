"""A code location with as little of Dagster and dlt as can be: one table, by `@dlt_assets`."""

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg
import dlt as dlt_library
from dagster_dlt import DagsterDltResource, dlt_assets


@dlt_library.source
def numbers_source() -> Any:
    """One table with one row."""

    @dlt_library.resource
    def numbers() -> Iterator[dict[str, int]]:
        yield {"number": 1}

    return numbers


@dlt_assets(
    name="numbers",
    dlt_source=numbers_source(),
    dlt_pipeline=dlt_library.pipeline(
        "numbers_pipeline",
        destination="duckdb",
        dataset_name="numbers_data",
        pipelines_dir=os.environ["GENAI_HOME"],
    ),
)
def numbers_assets(context: dg.AssetExecutionContext, dlt: DagsterDltResource) -> Iterator[Any]:
    """The table."""
    yield from dlt.run(context=context)


defs = dg.Definitions(assets=[numbers_assets], resources={"dlt": DagsterDltResource()})
