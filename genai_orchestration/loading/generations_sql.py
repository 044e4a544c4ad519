"""The SELECT of a provider's jobs with their requests and files, in DuckDB's dialect.

    jobs FULL JOIN requests by id ─ LEFT JOIN requests by reference ─ LEFT JOIN files, counted

Tables and columns that the warehouse does not have yet are there as empty ones.
"""

from collections.abc import Collection, Mapping

from dlt.common.data_types import TDataType

from genai_orchestration.loading.request_rows import COLUMNS as REQUEST_COLUMNS
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.states import TERMINAL

Columns = Mapping[str, TDataType]

ASSET_FILE = "asset_file"
FILE_COLUMNS: Columns = {
    "job_id": "text",
    "role": "text",
    "sha256": "text",
    "archived_path": "text",
    "state": "text",
}
TYPES: Mapping[TDataType, str] = {
    "text": "TEXT",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "json": "JSON",
}
TAKEN = (  # of the tables of requests
    "request_key",
    "campaign",
    "prompt",
    "job_state",
    "submitted_at",
    "job_finished_at",
    "credits_charged",
    "error_class",
    "error_text",
)
JOB_COLUMNS: Columns = {
    "kind": "text",
    "job_id": "text",
    "ref": "text",
    "prompt": "text",
    "state": "text",
    "created_at": "timestamp",
    "finished_at": "timestamp",
    "credits": "bigint",
    "address": "text",
    "error_text": "text",
}


def provider_tables(provider: Provider) -> Mapping[str, Columns]:
    """The provider's tables that have jobs, and the columns that are declared for them."""
    own = provider.loaded_jobs.tables if provider.loaded_jobs else ()
    return {
        **{name: provider.table(name).columns for name in own},
        **{operation.name: REQUEST_COLUMNS for operation in provider.operations},
        ASSET_FILE: FILE_COLUMNS,
    }


def select_jobs(provider: Provider, present: Mapping[str, Collection[str]]) -> str:
    """One row per job: the columns of the table of generations, `address` and `listed` files."""
    tables = [
        f"{name} AS ({_columns_of(provider, name, columns, present.get(name, ()))})"
        for name, columns in provider_tables(provider).items()
    ]
    jobs = provider.loaded_jobs.select if provider.loaded_jobs else _empty(JOB_COLUMNS)
    return f"""WITH {", ".join(tables)},
        jobs AS ({jobs}),
        requests AS ({_requests(provider)}),
        files AS (
            SELECT job_id,
                STRING_AGG(role || '|' || sha256 || '|' || COALESCE(archived_path, ''), ' ')
                AS listed
            FROM {ASSET_FILE} WHERE state = 'archived' GROUP BY job_id
        )
        SELECT COALESCE(j.kind, r.kind) AS kind, COALESCE(j.job_id, r.job_id) AS job_id,
            COALESCE(r.request_key, n.request_key) AS request_key,
            COALESCE(r.campaign, n.campaign) AS campaign,
            COALESCE(j.prompt, r.prompt, n.prompt) AS prompt,
            CASE WHEN r.job_state IN {TERMINAL} AND j.state NOT IN {TERMINAL} THEN r.job_state
                ELSE COALESCE(j.state, r.job_state, 'QUEUED') END AS state,
            COALESCE(j.created_at, r.submitted_at) AS created_at,
            COALESCE(j.finished_at, r.job_finished_at) AS finished_at,
            COALESCE(j.credits, r.credits_charged) AS credits,
            j.address AS address, r.error_class AS error_class,
            COALESCE(j.error_text, r.error_text) AS error_text, f.listed AS listed
        FROM jobs AS j
        FULL JOIN (SELECT * FROM requests WHERE NOT job_id IS NULL) AS r
            ON j.kind = r.kind AND j.job_id = r.job_id
        LEFT JOIN requests AS n ON n.request_key = j.ref
        LEFT JOIN files AS f ON f.job_id = COALESCE(j.job_id, r.job_id)"""  # noqa: S608 own names


def _requests(provider: Provider) -> str:
    """The requests of all operations, with the kind of job that each makes."""
    taken = ", ".join(TAKEN)
    selects = [
        f"SELECT '{operation.job_kind}' AS kind, provider_job_id AS job_id, {taken} "  # noqa: S608
        f"FROM {operation.name}"
        for operation in provider.operations
    ]
    columns: Columns = {"kind": "text", "job_id": "text"}
    nothing = _empty({**columns, **{name: REQUEST_COLUMNS[name] for name in TAKEN}})
    return " UNION ALL ".join(selects) or nothing


def _columns_of(provider: Provider, table: str, columns: Columns, present: Collection[str]) -> str:
    """The table with all of the columns; those that are not there yet are null."""
    if not present:
        return _empty(columns)
    taken = [name if name in present else _null(name, columns) for name in columns]
    return f"SELECT {', '.join(taken)} FROM {provider.dataset}.{table}"  # noqa: S608 own names


def _empty(columns: Columns) -> str:
    nulls = ", ".join(_null(name, columns) for name in columns)
    return f"SELECT {nulls} FROM (SELECT 1 AS one) AS nothing WHERE 1 = 0"  # noqa: S608 own names


def _null(name: str, columns: Columns) -> str:
    return f"CAST(NULL AS {TYPES[columns[name]]}) AS {name}"
