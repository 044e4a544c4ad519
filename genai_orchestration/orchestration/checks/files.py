"""Checks of archived files: what may soon be lost, and what a person has to see.

    files_expiring_soon       no file that is not archived is about to disappear at the provider
    refused_files_seen        a person has seen each file that was refused
    finished_jobs_have_files  no job succeeded without a file, or a person has seen it

`genai archive PROVIDER --dismiss`, or a run of the asset with `dismiss: true`, says that a person
has seen them.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from genai_orchestration import clock, warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.archive.backlog import without_files
from genai_orchestration.archive.plan import ArchivePlan
from genai_orchestration.doors.markup import as_text
from genai_orchestration.errors import counted, some_of
from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.assets.files import op_name
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.providers.base import Provider
from genai_orchestration.settings import Settings

EXPIRING = "files_expiring_soon"
REFUSED = "refused_files_seen"
FILES = "finished_jobs_have_files"
NAMED = 10  # jobs that are named
SOON_HOURS = archiving.EXPIRES_SOON.total_seconds() / 3600
DESCRIPTIONS = {
    EXPIRING: f"No file that is not archived has less than {SOON_HOURS:g} hours to live.",
    REFUSED: "A person has seen each file that was refused, and dismissed it.",
    FILES: "No job has succeeded without a file, or a person has seen and dismissed it.",
}

Verdict = tuple[bool, str, dg.AssetCheckSeverity]


def file_checks(provider: Provider) -> list[dg.AssetChecksDefinition]:
    """The checks of the provider's archived files; none where it makes no files."""
    archive = provider.archive
    if archive is None:
        return []
    key = asset_key(provider, archive.table.name)
    names = [EXPIRING, REFUSED, FILES] if archive.expires else [REFUSED, FILES]

    @dg.multi_asset_check(
        name=f"{op_name(provider)}_checks",
        specs=[dg.AssetCheckSpec(n, asset=key, description=DESCRIPTIONS[n]) for n in names],
        can_subset=True,
        pool=op_name(provider),
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with translate_errors(context):
            settings = Settings.load()
        with translate_errors(context), Ledger.open(settings) as ledger:
            plan = archiving.plan_of(provider, settings, ledger)
            for chosen in sorted(context.selected_asset_check_keys):
                passed, description, severity = _CHECKS[chosen.name](plan)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=chosen.name,
                    passed=passed,
                    severity=severity,
                    description=as_text(description),
                )

    return [check]


def _files_expiring_soon(plan: ArchivePlan) -> Verdict:
    soon, waiting = archiving.expiring(plan.provider, plan.ledger, clock.now())
    named = some_of([f"{job.job_id} until {end:%Y-%m-%d %H:%M} UTC" for job, end in soon], NAMED)
    passed = f"Files of {counted(waiting, 'job')} are to be archived, and have time for it."
    failed = f"Files of {counted(len(soon), 'job')} may soon be lost: {named}."
    return not soon, failed if soon else passed, dg.AssetCheckSeverity.ERROR


def _refused(plan: ArchivePlan) -> Verdict:
    sql = f"""SELECT job_id, role, reason FROM {{{plan.archive.table.name}}}
        WHERE state = 'refused' ORDER BY tried_at DESC, job_id, role"""  # noqa: S608 own name
    found = warehouse.query(plan.provider, plan.settings, sql) or []
    named = some_of([f"{role} of {job_id} ({reason})" for job_id, role, reason in found], NAMED)
    description = f"{len(found)} refused: {named}. {_advice(plan, 'see them')}"
    return not found, description if found else "None is refused.", dg.AssetCheckSeverity.WARN


def _without_files(plan: ArchivePlan) -> Verdict:
    found = [job.job_id for job in without_files(plan)]
    description = (
        f"{counted(len(found), 'job')} succeeded without a file: {some_of(found, NAMED)}. "
    )
    description += _advice(plan, "ask the provider about them")
    return not found, description if found else "All have files.", dg.AssetCheckSeverity.WARN


def _advice(plan: ArchivePlan, first: str) -> str:
    return f"When you {first}, run genai archive {plan.provider.name} --dismiss."


_CHECKS: dict[str, Callable[[ArchivePlan], Verdict]] = {
    EXPIRING: _files_expiring_soon,
    REFUSED: _refused,
    FILES: _without_files,
}
