"""The warehouse: dlt pipelines that load into it, SELECTs over it, and the locks around both.

What is loaded, and what a row means, does not belong here. Errors of a destination, of a disk or of
another process are put into words here.
"""

from genai_orchestration.warehouse.pipelines import (
    Dataset,
    WarehouseError,
    WarehousePipeline,
    destination,
    loaded_row_counts,
    pipeline,
)
from genai_orchestration.warehouse.select import (
    NAME,
    NAMES,
    Reader,
    day_range_sql,
    day_sql,
    in_list_sql,
    job_client,
    query,
    reading,
)

__all__ = [
    "NAME",
    "NAMES",
    "Dataset",
    "Reader",
    "WarehouseError",
    "WarehousePipeline",
    "day_range_sql",
    "day_sql",
    "destination",
    "in_list_sql",
    "job_client",
    "loaded_row_counts",
    "pipeline",
    "query",
    "reading",
]
