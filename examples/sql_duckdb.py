"""Plain SQL over the DuckDB file: what each provider's kept images cost.

    GENAI_HOME=.genai/demo python examples/sql_duckdb.py    (after `genai demo --once`)

DuckDB lets one process in at a time: open the file read-only, and close it soon.
"""

import os

import duckdb

home = os.environ.get("GENAI_HOME", ".genai")

with duckdb.connect(f"{home}/warehouse.duckdb", read_only=True) as connection:
    print(connection.sql("SELECT id, status, prompt FROM imagine_api_data.images LIMIT 10"))
    print(
        connection.sql("""
            SELECT provider,
                   count(*) AS jobs,
                   count(*) FILTER (state = 'SUCCEEDED') AS kept,
                   sum(credits) AS credits,
                   round(sum(credits) / count(*) FILTER (state = 'SUCCEEDED'), 2) AS per_kept
            FROM genai.generations GROUP BY provider ORDER BY provider
        """)
    )
