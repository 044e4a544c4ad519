"""The assets that can spend credits: with `submit: true` what is approved is submitted once.

    launchpad: requests? ─► planned (and approved, where a setting lets a run do so)
    submit: true ─► approved ─► submission.submit ─► the ledger ─┐
    by default ─────────────────────────────────────────────────┴► rows ─► the warehouse

`submit: true` is the configuration of their own job, `<provider>_requests`, and of the runs of the
sensor of requests. Materialized in any other way, they load rows.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource
from pydantic import Field

from genai_orchestration import clock, warehouse
from genai_orchestration.errors import UserError, counted
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.loading.request_rows import request_table, requests_source
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.launchpad import RequestConfig, plan_new
from genai_orchestration.orchestration.assets.tables import KEPT
from genai_orchestration.orchestration.assets.translator import RequestTranslator, table_spec
from genai_orchestration.orchestration.metadata import requests as request_metadata
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import Operation
from genai_orchestration.settings import Settings
from genai_orchestration.submission.post import SubmissionResult
from genai_orchestration.submission.stopping import STOPPED, Stop, StoppableSubmitter, Stopped
from genai_orchestration.submission.submit import SubmissionRun

GROUP = "spends_credits"  # of its own, so that a provider's group holds loads alone
SUBMITTING = {"config": {"submit": True}}  # of an op, in a run's configuration


class NothingSent(UserError):
    """Requests are approved, and none could be submitted."""


class SubmitConfig(dg.Config):
    """What a materialization of paid requests does."""

    requests: list[RequestConfig] = Field([], description="New requests, to be planned.")
    approve: bool = Field(
        False,
        description=(
            "Also approve the requests of this configuration: in the sandbox, or where "
            "approve_in_runs is set in [requests] of .dlt/config.toml."
        ),
    )
    submit: bool = Field(
        False, description="SPENDS CREDITS: submit what is approved. By default rows are loaded."
    )
    wait_minutes: float = Field(
        15.0, description="How long to wait for a place in flight while no job ends."
    )


def op_name(provider: Provider, operation: Operation) -> str:
    """The op of the operation's asset: what run configuration is filed under."""
    return f"{provider.name}_{operation.name}"


def submission_assets(provider: Provider) -> list[dg.AssetsDefinition]:
    """An asset for each of the provider's paid operations."""
    return [_submission(provider, operation) for operation in provider.operations]


def requests_job(provider: Provider) -> Any:  # Dagster does not export the type
    """`<provider>_requests`: submits everything that is approved. It spends credits."""
    keys = [asset_key(provider, operation.name) for operation in provider.operations]
    submitting = {op_name(provider, each): SUBMITTING for each in provider.operations}
    return dg.define_asset_job(
        f"{provider.name}_requests",
        selection=dg.AssetSelection.assets(*keys),
        description=f"SPENDS CREDITS: submits the approved requests to {provider.title}.",
        # the daemon starts no paid run again by itself, not even one that took too long
        tags={"provider": provider.name, "dagster/max_retries": "0"},
        config={"ops": submitting},
    )


def _submission(provider: Provider, operation: Operation) -> dg.AssetsDefinition:
    table = request_table(provider, operation)
    spec = table_spec(provider, table).replace_attributes(
        group_name=GROUP,
        description=(
            f"SPENDS CREDITS: in the job `{provider.name}_requests`, and wherever a run's "
            "configuration has `submit: true`, it submits the approved requests to "
            f"{provider.title}. Materialized in any other way, it loads their rows and spends "
            f"nothing.\n\n{table.description}"
        ),
    )

    @dg.multi_asset(
        name=op_name(provider, operation),
        specs=[spec.merge_attributes(tags={"spends": "credits"})],
        pool=op_name(provider, operation),
    )
    def submit(
        context: dg.AssetExecutionContext, config: SubmitConfig, dlt: DagsterDltResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with translate_errors(context):
            yield from _materialize(context, config, dlt, provider, operation)

    return submit


def _materialize(
    context: dg.AssetExecutionContext,
    config: SubmitConfig,
    dlt: DagsterDltResource,
    provider: Provider,
    operation: Operation,
) -> Iterator[dg.MaterializeResult[Any]]:
    settings = Settings.load()
    with Ledger.open(settings, who=_who(context)) as ledger:
        plan_new(settings, ledger, config.requests, provider, operation, approve=config.approve)
        submission = _submit(context, ledger, config, provider, operation)
        with warehouse.pipeline(provider, settings) as pipeline:
            results = dlt.run(
                context=context,
                dlt_source=requests_source(provider, ledger, [operation]),
                dlt_pipeline=pipeline,
                dagster_dlt_translator=RequestTranslator(provider),
            )
            for result in results:
                assert isinstance(result, dg.MaterializeResult)
                metadata: dict[str, Any] = {
                    k: v for k, v in (result.metadata or {}).items() if k in KEPT
                }
                metadata["rows_loaded"] = warehouse.loaded_row_counts(pipeline).get(
                    operation.name, 0
                )
                shown = request_metadata.metadata(ledger, provider, operation, clock.now())
                news = request_metadata.submission_metadata(submission)
                yield result._replace(metadata={**metadata, **news, **shown})
    why = submission.stopped or submission.uncapped
    if why and not submission.sent:
        raise NothingSent(f"Not sent: {counted(submission.waiting, 'approved request')}. {why}")


def _submit(
    context: dg.AssetExecutionContext,
    ledger: Ledger,
    config: SubmitConfig,
    provider: Provider,
    operation: Operation,
) -> SubmissionResult:
    """Submit what is approved; without any, or without a wish to, nothing is connected to."""
    approved = ledger.counts(provider=provider.name, operation=operation.name)
    waiting = approved.get(RequestState.APPROVED, 0)
    if not (config.submit and provider.submitter and _has_work(approved)):
        return SubmissionResult(waiting=waiting)
    with Stop().listening() as stop:
        submitter = StoppableSubmitter(provider.submitter(), stop, ledger)
        run = SubmissionRun(
            ledger=ledger,
            provider=provider,
            submitter=submitter,
            patience=timedelta(minutes=config.wait_minutes),
            sleep=submitter.sleep,
        )
        with contextlib.suppress(Stopped):
            run.submit(operation.name)
    result = run.result
    context.log.info(
        f"{provider.title}: {len(result.submitted)} submitted, {len(result.rejected)} rejected, "
        f"{len(result.unknown)} unknown, {result.waiting} still approved."
    )
    for reason, number in result.reasons.items():
        context.log.warning(f"{reason} ({counted(number, 'request')})")
    if stop.asked:
        raise KeyboardInterrupt(STOPPED)
    return result


def _has_work(counts: dict[RequestState, int]) -> bool:
    """Whether anything is to be sent, or to be found out."""
    return any(
        counts.get(state)
        for state in (RequestState.APPROVED, RequestState.SUBMITTING, RequestState.UNKNOWN)
    )


def _who(context: dg.AssetExecutionContext) -> str:
    """Who decided, for the ledger: the person that Dagster knows, else the run."""
    return context.run.tags.get("user") or f"dagster run {context.run.run_id[:8]}"
