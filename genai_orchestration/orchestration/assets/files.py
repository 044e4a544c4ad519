"""The assets of archived files: what is missing of finished jobs is fetched.

    images / image_projects / file ─► asset_file ─► facts of the run, and of each of its days

Their sensor asks for them (see files_sensor.py), in runs and a pool of their own: loads do not wait
for downloads. Schedules and people may ask for them, too. Free of charge.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import dagster as dg

from genai_orchestration import warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.archive.plan import Days
from genai_orchestration.archive.rows import Archived
from genai_orchestration.errors import counted
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.partitions import days_of
from genai_orchestration.orchestration.assets.translator import table_spec
from genai_orchestration.orchestration.metadata import thumbnails
from genai_orchestration.orchestration.provider_settings import files_per_run
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.settings import Settings

NAMED = 10  # reasons that are named


class ArchiveConfig(dg.Config):
    """What a run asks for besides what is missing."""

    again: bool = False  # refused files, and those that failed a moment ago
    verify: bool = False  # archived ones, too: their content is compared
    dismiss: bool = False  # fetch nothing: a person has seen what was refused, or has no file
    # how many files at most; by default `files_per_run` where there are no days to choose, and
    # nobody asks again or verifies; 0: all
    files: int | None = None


def archive_keys(provider: Provider, *tables: str) -> list[dg.AssetKey]:
    """The asset of the files of jobs that are loaded into one of the tables, if there is one."""
    archive = provider.archive
    found = archive and archive.job_table in tables
    return [asset_key(provider, archive.table.name)] if archive and found else []


def archive_assets(provider: Provider) -> list[dg.AssetsDefinition]:
    """The asset of the provider's archived files; none where it makes no files."""
    archive = provider.archive
    if archive is None:
        return []
    by_day = archive.table.by_day and provider.start is not None
    spec = table_spec(provider, archive.table)

    @dg.multi_asset(
        name=op_name(provider),
        specs=[spec.merge_attributes(deps=[asset_key(provider, archive.job_table)])],
        partitions_def=days_of(provider) if by_day else None,
        backfill_policy=dg.BackfillPolicy.single_run() if by_day else None,
        pool=op_name(provider),
    )
    def keep(
        context: dg.AssetExecutionContext, config: ArchiveConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with translate_errors(context):
            days = _days(context) if by_day else None
            yield from _materialize(context, config, provider, archive, days)

    return [keep]


def op_name(provider: Provider) -> str:
    """The op's name, and that of its pool."""
    return f"{provider.name}_asset_file"


def _days(context: dg.AssetExecutionContext) -> Days:
    window = context.partition_time_window
    return window.start.date(), window.end.date()


def _materialize(
    context: dg.AssetExecutionContext,
    config: ArchiveConfig,
    provider: Provider,
    archive: Archive,
    days: Days | None,
) -> Iterator[dg.MaterializeResult[Any]]:
    settings = Settings.load()
    done = _archive(provider, settings, config, days)
    context.log.info(str(done))
    for reason, number in (done.refused + done.failed + done.changed).most_common(NAMED):
        context.log.warning(f"{reason} ({counted(number, 'file')})")
    counts = _counts(provider, settings, archive, days)
    key = asset_key(provider, archive.table.name)
    pictures = thumbnails.of_days(provider, settings, archive, days) if days else {}
    for day in context.partition_keys if days else ():
        shown = {f"state {state}": number for state, number in sorted(counts[day].items())}
        rows = {"dagster/partition_row_count": counts[day].total()}
        context.add_asset_metadata(
            {**rows, **shown, **pictures.get(day, {})},
            asset_key=key,
            partition_key=day,
        )
    yield dg.MaterializeResult(
        asset_key=key, metadata={**_facts(done), **_table(provider, settings, archive)}
    )


def _archive(
    provider: Provider, settings: Settings, config: ArchiveConfig, days: Days | None
) -> Archived:
    if config.dismiss:
        return Archived(dismissed=archiving.dismiss(provider, settings, days=days))
    bounded = days is None and not (config.again or config.verify)
    most = (files_per_run(provider) if bounded else 0) if config.files is None else config.files
    return archiving.archive(
        provider, settings, days=days, again=config.again, verify=config.verify, most=most or None
    )


def _facts(done: Archived) -> dict[str, Any]:
    """What the run has done, and why some files are not in the archive."""
    words = {"refused because": done.refused, "failed because": done.failed}
    reasons = {
        name: dg.MetadataValue.json(dict(counter.most_common(NAMED)))
        for name, counter in {**words, "changed": done.changed}.items()
        if counter
    }
    return {
        "files archived by run": done.files,
        "bytes archived by run": done.bytes,
        "files refused by run": done.refused.total(),
        "files failed by run": done.failed.total(),
        "files dismissed by run": done.dismissed,
        "files resting": done.resting,
        **reasons,
    }


def _table(provider: Provider, settings: Settings, archive: Archive) -> dict[str, Any]:
    """What the table has by now, whichever run brought it."""
    sql = f"""SELECT count(*), sum(CASE WHEN state = 'archived' THEN 1 ELSE 0 END),
        sum(bytes) FROM {{{archive.table.name}}}"""  # noqa: S608 own name
    rows, archived, size = (warehouse.query(provider, settings, sql) or [(0, 0, 0)])[0]
    return {
        "dagster/row_count": rows,
        "dagster/table_name": f"{provider.dataset}.{archive.table.name}",
        "files archived": int(archived or 0),
        "bytes archived": int(size or 0),
        "archive": settings.archive_shown,
    }


def _counts(
    provider: Provider, settings: Settings, archive: Archive, days: Days | None
) -> dict[str, Counter[str]]:
    """Files by state, of each day."""
    if days is None:
        return {}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    day = warehouse.day_sql()
    sql = f"""SELECT {day} AS day, state, count(*) FROM {{{archive.table.name}}}
        WHERE {warehouse.day_range_sql(*days)} GROUP BY 1, 2"""  # noqa: S608 own names and dates
    for on, state, number in warehouse.query(provider, settings, sql) or []:
        found[on.isoformat()][state] = number
    return found
