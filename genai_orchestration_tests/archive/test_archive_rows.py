"""When a failed file is due: the same in Python and in SQL."""

from datetime import datetime, timedelta, timezone

import duckdb

from genai_orchestration.archive.rows import LONGEST_REST, FileRow, due_sql, rest_after

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def failed(attempts: int, ago: timedelta) -> FileRow:
    return FileRow(
        job_id="job",
        kind="image",
        role="grid",
        state="failed",
        attempts=attempts,
        tried_at=NOW - ago,
    )


def test_sql_finds_the_failed_files_that_are_due() -> None:
    blink = timedelta(microseconds=1)
    found = [
        failed(attempts, max(timedelta(), rest_after(attempts) + shift))
        for attempts in (0, 1, 2, 3, 8, 9, 10, 11, 30)
        for shift in (-blink, timedelta(), blink)
    ]
    with duckdb.connect() as connection:
        for row in found:
            sql = f"""SELECT {due_sql(NOW)} FROM (SELECT '{row.state}' AS state,
                {row.attempts} AS attempts, TIMESTAMPTZ '{row.tried_at}' AS tried_at)"""
            assert connection.execute(sql).fetchall() == [(row.due(NOW),)], row
        settled = "SELECT 'archived' AS state, 1 AS attempts, TIMESTAMPTZ '1999-01-01' AS tried_at"
        sql = f"SELECT {due_sql(NOW)} FROM ({settled})"
        assert connection.execute(sql).fetchall() == [(False,)]
    assert [row.due(NOW) for row in found] == [False, True, True] * 9


def test_the_rest_doubles_up_to_six_hours() -> None:
    minutes = [rest_after(attempts).total_seconds() / 60 for attempts in range(1, 12)]
    assert minutes == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]
    assert rest_after(10_000) == LONGEST_REST
