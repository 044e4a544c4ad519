"""The assets that spend credits: each materialization submits what is approved, at most once.

    launchpad: requests? ─► planned (and approved, if the config says so)
    approved ─► jobs.submit.Line ─► the ledger ─► request rows ─► the warehouse, and what is shown

They are in a job of their own: no load, schedule or sensor of loads ever runs one.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dlt import DagsterDltResource
from pydantic import Field

from genai_orchestration import times, warehouse
from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.paid_request import PaidRequest
from genai_orchestration.jobs.passed import Passed
from genai_orchestration.jobs.plan import plan
from genai_orchestration.jobs.request_cells import WrongRow, payload_of
from genai_orchestration.jobs.request_rows import request_table, requests_source
from genai_orchestration.jobs.requests import NewRequest, made_key
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.jobs.submit import Line
from genai_orchestration.loaded_rows import known_rows
from genai_orchestration.orchestration import request_facts
from genai_orchestration.orchestration.assets import KEPT, RETRIES, in_sentences
from genai_orchestration.orchestration.groups import asset_key
from genai_orchestration.orchestration.translator import RequestTranslator, table_spec
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import Operation
from genai_orchestration.sent_before import check_not_sent
from genai_orchestration.settings import Settings


class NothingSent(PlainError):
    """Requests are approved, and none could be submitted."""


class WrongConfig(PlainError):
    """The run's configuration asks for something that cannot be planned."""


class RequestConfig(dg.Config):
    """One paid request, as the launchpad takes it."""

    prompt: str = Field("", description="Its words, where the operation has a prompt.")
    payload: str = Field("{}", description="The body of the request, as JSON.")
    key: str = Field("", description="Its own key; by default it follows from the request.")
    campaign: str = Field("", description="What it is for.")


class SubmitConfig(dg.Config):
    """What a materialization of paid requests does."""

    requests: list[RequestConfig] = Field([], description="New requests, to be planned.")
    approve: bool = Field(False, description="Also approve the requests of this configuration.")
    submit: bool = Field(True, description="Submit what is approved; false only loads the rows.")
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
    return dg.define_asset_job(
        f"{provider.name}_requests",
        selection=dg.AssetSelection.assets(*keys),
        description=f"Submits the approved requests to {provider.title}: spends credits.",
        tags={"provider": provider.name},
    )


def _submission(provider: Provider, operation: Operation) -> dg.AssetsDefinition:
    spec = table_spec(provider, request_table(provider, operation))

    @dg.multi_asset(
        name=op_name(provider, operation),
        specs=[spec.merge_attributes(tags={"spends": "credits"})],
        pool=op_name(provider, operation),
        retry_policy=RETRIES,
    )
    def submit(
        context: dg.AssetExecutionContext, config: SubmitConfig, dlt: DagsterDltResource
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with in_sentences():
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
        _plan(ledger, config, provider, operation)
        passed = _submit(context, ledger, config, provider, operation)
        with warehouse.pipeline(provider, settings) as pipeline:
            results = dlt.run(
                context=context,
                dlt_source=requests_source(provider, ledger, [operation]),
                dlt_pipeline=pipeline,
                dagster_dlt_translator=RequestTranslator(provider),
            )
            for result in results:
                assert isinstance(result, dg.MaterializeResult)
                told: dict[str, Any] = {
                    k: v for k, v in (result.metadata or {}).items() if k in KEPT
                }
                told["rows_loaded"] = warehouse.rows_of(pipeline).get(operation.name, 0)
                shown = request_facts.metadata(ledger, provider, operation, times.now())
                news = request_facts.of_pass(passed)
                yield result._replace(metadata={**told, **news, **shown})
    why = passed.stopped or passed.uncapped
    if why and not passed.sent:
        raise NothingSent(f"{passed.waiting} approved requests were not sent. {why}")


def _plan(ledger: Ledger, config: SubmitConfig, provider: Provider, operation: Operation) -> None:
    """Plan the requests of the run's configuration, all of them or none."""
    if not config.requests:
        return
    wanted = [_request(each, provider, operation) for each in config.requests]
    operations = {(provider.name, operation.name): operation}
    planned = plan(wanted, operations, known_rows(wanted, operations, Settings.load()))
    if planned.mistakes:
        told = " ".join(f"{key}: {' '.join(words)}" for key, words in planned.mistakes.items())
        raise WrongConfig(f"Nothing was planned; the configuration has mistakes. {told}")
    paid = [PaidRequest.of(each.request, operation, each.row) for each in planned.planned]
    ledger.add(paid, times.now()).check()
    if config.approve:
        records = [ledger.request(each.request_key) for each in wanted]
        new = [record for record in records if record.state is RequestState.PLANNED]
        check_not_sent(new, Settings.load())
        ledger.approve([record.request_key for record in new], times.now())


def _request(config: RequestConfig, provider: Provider, operation: Operation) -> NewRequest:
    cells = {"payload": config.payload, **({"prompt": config.prompt} if config.prompt else {})}
    try:
        payload = payload_of(cells, operation.prompt, as_text=True)
    except WrongRow as wrong:
        raise WrongConfig(f"A request of the configuration cannot be read: {wrong}") from None
    return NewRequest(
        provider=provider.name,
        operation=operation.name,
        payload=payload,
        request_key=config.key or made_key(provider.name, operation.name, payload),
        campaign=config.campaign or None,
    )


def _submit(
    context: dg.AssetExecutionContext,
    ledger: Ledger,
    config: SubmitConfig,
    provider: Provider,
    operation: Operation,
) -> Passed:
    """Submit what is approved; without any, or without a wish to, nothing is connected to."""
    approved = ledger.counts(provider=provider.name, operation=operation.name)
    waiting = approved.get(RequestState.APPROVED, 0)
    if not (config.submit and provider.submitter and _has_work(approved)):
        return Passed(waiting=waiting)
    line = Line(
        ledger=ledger,
        provider=provider,
        submitter=provider.submitter(),
        patience=timedelta(minutes=config.wait_minutes),
    )
    passed = line.submit(operation.name)
    context.log.info(
        f"{provider.title}: {len(passed.submitted)} submitted, {len(passed.rejected)} rejected, "
        f"{len(passed.unknown)} unknown, {passed.waiting} still approved."
    )
    for reason, number in passed.reasons.items():
        context.log.warning(f"{reason} ({number} requests)")
    return passed


def _has_work(counts: dict[RequestState, int]) -> bool:
    """Whether anything is to be sent, or to be found out."""
    return any(
        counts.get(state)
        for state in (RequestState.APPROVED, RequestState.SUBMITTING, RequestState.UNKNOWN)
    )


def _who(context: dg.AssetExecutionContext) -> str:
    """Who decided, for the ledger: the person that Dagster knows, else the run."""
    return context.run.tags.get("user") or f"dagster run {context.run.run_id[:8]}"
