"""The assets of archived files: what is missing of finished jobs is fetched; and the expiry radar.

    images / image_projects / file ─► asset_file ─► facts of the run, and of each of its days
                                          └─► expiry_radar: is anything about to be lost?

They run with the tables that their jobs are loaded into, and by themselves. Free of charge.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import dagster as dg

from genai_orchestration import archiving, times, warehouse
from genai_orchestration.archive_plan import Days
from genai_orchestration.archiving import Archived
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.markup import as_text
from genai_orchestration.orchestration import thumbnails
from genai_orchestration.orchestration.assets import RETRIES, in_sentences
from genai_orchestration.orchestration.groups import asset_key
from genai_orchestration.orchestration.partitions import days_since
from genai_orchestration.orchestration.translator import table_spec
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.settings import Settings

RADAR = "expiry_radar"
NAMED = 10  # reasons, or jobs, that are named


class ArchiveConfig(dg.Config):
    """What a run asks for besides what is missing."""

    again: bool = False  # refused files, and those that failed a moment ago
    verify: bool = False  # archived ones, too: their content is compared


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
        name=_op_name(provider),
        specs=[spec.merge_attributes(deps=[asset_key(provider, archive.job_table)])],
        partitions_def=days_since(provider.start()) if by_day and provider.start else None,
        backfill_policy=dg.BackfillPolicy.single_run() if by_day else None,
        pool=_op_name(provider),
        retry_policy=RETRIES,
    )
    def keep(
        context: dg.AssetExecutionContext, config: ArchiveConfig
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with in_sentences():
            days = _days(context) if by_day else None
            yield from _materialize(context, config, provider, archive, days)

    return [keep]


def archive_checks(provider: Provider) -> list[dg.AssetChecksDefinition]:
    """The expiry radar, where the provider's copies do not last."""
    archive = provider.archive
    if archive is None or archive.expires is None:
        return []
    hours = archiving.SOON.total_seconds() / 3600

    @dg.asset_check(
        asset=asset_key(provider, archive.table.name),
        name=RADAR,
        description=f"No file that is not archived has less than {hours:g} hours to live.",
        pool=_op_name(provider),
    )
    def radar() -> dg.AssetCheckResult:
        with Ledger.open(Settings.load()) as ledger:
            soon, waiting = archiving.expiring(provider, ledger, times.now())
        named = ", ".join(
            f"{job.job_id} until {end:%Y-%m-%d %H:%M} UTC" for job, end in soon[:NAMED]
        )
        more = f" and {len(soon) - NAMED} more" if len(soon) > NAMED else ""
        passed = f"{waiting} jobs have files to be archived, and time for it."
        failed = f"{len(soon)} jobs have files that may soon be lost: {named}{more}."
        return dg.AssetCheckResult(passed=not soon, description=as_text(failed if soon else passed))

    return [radar]


def _op_name(provider: Provider) -> str:
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
    done = archiving.archive(
        provider, settings, days=days, again=config.again, verify=config.verify
    )
    context.log.info(str(done))
    for reason, number in (done.refused + done.failed + done.changed).most_common(NAMED):
        context.log.warning(f"{reason} ({number} files)")
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
    day = "CAST(date_created AT TIME ZONE 'UTC' AS DATE)"
    sql = f"""SELECT {day} AS day, state, count(*) FROM {{{archive.table.name}}}
        WHERE {warehouse.within(*days)} GROUP BY 1, 2"""  # noqa: S608 own names and dates
    for on, state, number in warehouse.query(provider, settings, sql) or []:
        found[on.isoformat()][state] = number
    return found
