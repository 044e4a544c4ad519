"""The sensor of a kind of jobs that are followed by id: it asks after those that are due.

open jobs in the ledger ─► polls ─► ended ─► not loaded yet? ─► a run, until one has succeeded

Without an open job nobody is asked. Looking and loading are free.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from genai_orchestration.errors import UserError, counted, some_of
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobRecord
from genai_orchestration.loading import ledger_sync
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.runs.outcomes import skipping
from genai_orchestration.orchestration.sensors.changes import changed
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.work import JobKind
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import PollResult

# Dagster's daemon checks every 5 seconds whose last tick began long enough ago: one that began 5
# seconds ago would often be a blink too young, and wait for 10.
INTERVAL_SECONDS = 4  # seconds; a tick without open jobs is one question to the ledger
LINGER = timedelta(seconds=4)  # for which a tick polls jobs that are about to end
BUDGET_SECONDS = 20.0  # of one tick; Dagster ends it after 60
NAMED = 3  # jobs that a sentence names


def job_sensor(provider: Provider, kind: JobKind, name: str) -> dg.SensorDefinition:
    """The sensor that follows the provider's jobs of that kind until they are in the warehouse."""
    keys = [asset_key(provider, table) for table in kind.tables]

    @dg.sensor(
        name=name,
        job_name=f"{provider.name}_load",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Follows the {kind.noun} of this project's own requests to {provider.title} by id "
            f"until they are over, and then materializes {', '.join(kind.tables)}."
        ),
    )
    @skipping
    def follow(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        with Ledger.open(Settings.load()) as ledger:
            found = _poll(ledger, provider, kind)
            waiting = ledger_sync.finished_jobs(ledger, provider, kind.tables)
        summary = sentence(kind, found)
        if not waiting:
            return dg.SkipReason(summary)
        answer = changed(context, name, keys, version(waiting))
        if isinstance(answer, dg.SkipReason):
            return dg.SkipReason(f"{summary} {answer.skip_message}")
        return answer

    return follow


def _poll(ledger: Ledger, provider: Provider, kind: JobKind) -> PollResult:
    try:
        return watch.follow(
            ledger, provider, kind, SENSOR_POLICY, ledger.now, seconds=BUDGET_SECONDS, linger=LINGER
        )
    except UserError as error:
        return PollResult(trouble=str(error))


def version(waiting: Sequence[JobRecord]) -> str:
    """Another text for other jobs that wait to be loaded; short, for it becomes a run key."""
    names = "\n".join(sorted(job.job_id for job in waiting))
    mark = hashlib.sha256(names.encode()).hexdigest()[:12]
    return f"{len(waiting)} finished, {mark}"


def sentence(kind: JobKind, found: PollResult) -> str:
    """What a poll found, for the list of ticks."""
    parts = [
        f"{counted(found.open, kind.noun.removesuffix('s'))} still open"
        if found.open
        else f"No {kind.noun} open"
    ]
    if found.stuck:
        limit = counted(kind.polling.deadline.total_seconds() / 60, "minute")
        parts.append(f"{len(found.stuck)} for over {limit}: {_named(found.stuck)}")
    if found.expiring:
        parts.append(
            f"{len(found.expiring)} will be forgotten by the provider within a day: "
            f"{_named(found.expiring)}"
        )
    return "; ".join(parts) + "." + (f" {found.trouble}" if found.trouble else "")


def _named(jobs: Sequence[JobRecord]) -> str:
    return some_of([job.job_id for job in jobs], NAMED)
