"""Loaded tables as Ibis expressions, run by the warehouse itself: failures by day.

    GENAI_HOME=.genai/demo python examples/ibis_tables.py   (after `genai demo --once`)

Needs Ibis: pip install 'ibis-framework[duckdb]' (or [postgres], ...).
"""

import os

import dlt

home = os.environ.setdefault("GENAI_HOME", ".genai")
pipeline = dlt.attach("imagine_api_pipeline", pipelines_dir=f"{home}/dlt/pipelines")
warehouse = pipeline.dataset().ibis(read_only=True)

images = warehouse.table("images", database="imagine_api_data")
failures = (
    images.filter(images.state == "FAILED")
    .group_by(day=images.date_created.truncate("D"))
    .aggregate(failed=lambda table: table.count())
    .order_by("day")
)
for row in failures.to_pyarrow().to_pylist():
    print(f"{row['day']:%Y-%m-%d} {row['failed']:>5}")
warehouse.disconnect()
