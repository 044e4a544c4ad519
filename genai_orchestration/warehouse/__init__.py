"""The warehouse: dlt pipelines that load into it, SELECTs over it, and the locks around both.

What is loaded, and what a row means, does not belong here. Errors of a destination, of a disk or of
another process are put into words here.
"""

from genai_orchestration.warehouse.pipelines import (
    Dataset,
    WarehouseError,
    WarehousePipeline,
    destination,
    pipeline,
    rows_of,
)
from genai_orchestration.warehouse.select import (
    NAME,
    NAMES,
    Reader,
    job_client,
    query,
    quoted,
    reading,
    within,
)

__all__ = [
    "NAME",
    "NAMES",
    "Dataset",
    "Reader",
    "WarehouseError",
    "WarehousePipeline",
    "destination",
    "job_client",
    "pipeline",
    "query",
    "quoted",
    "reading",
    "rows_of",
    "within",
]
