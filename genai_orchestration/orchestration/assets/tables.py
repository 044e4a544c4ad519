"""Assets: each group of tables is one op that runs the provider's dlt pipeline.

    finished jobs ─► source (fresh) ─► pipeline (fresh) ─► results and facts, an asset each

Source and pipeline are built in each run: dagster-dlt takes keys off a live schema, and drops a
pipeline's local state.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource
from dlt.common.runtime.collector import LogCollector

from genai_orchestration import warehouse
from genai_orchestration.orchestration.assets import following
from genai_orchestration.orchestration.assets.groups import TableSet
from genai_orchestration.orchestration.assets.translator import TableTranslator, table_spec
from genai_orchestration.orchestration.metadata import loads as load_metadata
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.settings import Settings

# What to keep of dagster-dlt's metadata; the rest is 10 KB of file names in a folder that is gone
KEPT = ("dagster/column_schema", "dagster/storage_kind")


class JobsConfig(dg.Config):
    """What a run of tables without a history loads."""

    again: bool = False  # finished jobs that are loaded already, too: for a new warehouse


def load_assets(group: TableSet) -> dg.AssetsDefinition:
    """The assets of a group of tables without a history, loaded together by one op."""

    @dg.multi_asset(
        name=group.name,
        specs=[table_spec(group.provider, table) for table in group.tables],
        can_subset=len(group.tables) > 1,
        pool=group.name,
    )
    def load(
        context: dg.AssetExecutionContext, config: JobsConfig, dlt: DagsterDltResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        loading = following.loading(context, group.provider, again=config.again)
        with translate_errors(context), loading as finished:
            arguments = {"finished": finished} if finished else {}
            for result, rows in run_tables(context, dlt, group, **arguments):
                yield result._replace(metadata={**(result.metadata or {}), "rows_loaded": rows})

    return load


def run_tables(
    context: dg.AssetExecutionContext, dlt: DagsterDltResource, group: TableSet, **arguments: Any
) -> Iterator[tuple[dg.MaterializeResult[Any], int]]:
    """Run the provider's pipeline once for the chosen assets: each one's result, and its rows.

    `arguments` are the source's own.
    """
    provider, settings = group.provider, Settings.load()
    progress = LogCollector(log_period=10, logger=context.log, dump_system_stats=False)
    with warehouse.pipeline(provider, settings, progress=progress) as pipeline:
        source = provider.source(**arguments)
        results = dlt.run(
            context=context,
            dlt_source=source.with_resources(*(table.name for table in group.tables)),
            dlt_pipeline=pipeline,
            dagster_dlt_translator=TableTranslator(provider),
        )
        for result in results:
            rows = warehouse.loaded_row_counts(
                pipeline
            )  # known once dlt has run: with the first result
            assert isinstance(result, dg.MaterializeResult)
            assert result.asset_key
            table = provider.table(result.asset_key.path[-1])
            metadata = {k: v for k, v in (result.metadata or {}).items() if k in KEPT}
            measured = load_metadata.of_table(provider, table, settings, pipeline)
            yield result._replace(metadata={**metadata, **measured}), rows.get(table.name, 0)
