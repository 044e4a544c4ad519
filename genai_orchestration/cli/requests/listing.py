"""`genai requests list | show`: what was asked for, what became of it, and why."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.cli.requests.explaining import Explanation, explanation_of
from genai_orchestration.cli.requests.filters import (
    Filters,
    as_json,
    filters,
    limit,
    open_ledger,
)
from genai_orchestration.cli.requests.groups import requests
from genai_orchestration.cli.requests.output import ago, moment, plain, print_json, print_table
from genai_orchestration.clock import now

if TYPE_CHECKING:
    from genai_orchestration.ledger.records import JobRecord, RequestRecord

STATES = ("planned", "approved", "submitting", "submitted", "rejected", "unknown", "abandoned")
FAILURES = (
    *("moderation", "invalid", "out_of_credits", "plan", "key", "provider_fault"),
    *("timeout", "stuck", "ambiguous"),
)
QUIET = ("payload_hash",)  # of no use to a person
LONGEST_REASON = 60  # characters of a reason in a list


@requests.command(name="list")
@filters
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Repeatable.")
@click.option("--failure", type=click.Choice(FAILURES), help="Why it, or its job, came to nothing.")
@limit
@as_json
def list_requests(
    chosen: Filters,
    states: Sequence[str],
    failure: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List requests in the order in which they were planned."""
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.providers.states import Failure

    with open_ledger() as ledger:
        found = ledger.requests(
            provider=chosen.provider,
            operation=chosen.operation,
            campaign=chosen.campaign,
            states=[RequestState(state) for state in states] or None,
            failure=Failure(failure) if failure else None,
            limit=limit,
        )
    if as_json:
        for each in found:
            print_json(dataclasses.asdict(each))
        return
    headers = ("request", "state", "provider", "operation", "campaign", "credits", "why")
    print_table(headers, map(_row, found))


def _row(record: "RequestRecord") -> Sequence[object]:
    why = record.error_class and f"{record.error_class}: {record.error_text or ''}"
    return (
        record.request_key,
        record.state,
        record.provider,
        record.operation,
        record.campaign,
        _credits(record),
        plain(why)[:LONGEST_REASON],
    )


def _credits(record: "RequestRecord") -> str:
    """What was charged, else what is expected."""
    if record.credits_charged is not None:
        return f"{record.credits_charged} charged"
    return "unpriced" if record.price_estimate is None else f"{record.price_estimate} expected"


@requests.command()
@click.argument("key")
@as_json
def show(key: str, as_json: bool) -> None:
    """Show all that is known of a request: its attempts, its job, and what to do when unknown."""
    with open_ledger() as ledger:
        record = ledger.request(key)
        chain = ledger.attempts(key)
        job = next(iter(ledger.jobs(request_key=key)), None)
        explanation = explanation_of(record, ledger)
    if as_json:
        print_json(_as_json(record, chain, job, explanation))
        return
    values = dataclasses.asdict(record)
    shown = [(name, value) for name, value in values.items() if value is not None]
    print_table(("", ""), [each for each in shown if each[0] not in QUIET])
    for line in (*_attempts(chain, key), *_job(job)):
        click.echo(line)
    if explanation:
        _explain(explanation)


def _as_json(
    record: "RequestRecord",
    chain: "Sequence[RequestRecord]",
    job: "JobRecord | None",
    explanation: Explanation | None,
) -> dict[str, Any]:
    return {
        **dataclasses.asdict(record),
        "attempts": [{"request_key": each.request_key, "state": each.state} for each in chain],
        "job": job and dataclasses.asdict(job),
        "explanation": explanation and explanation.as_json(now()),
    }


def _attempts(chain: "Sequence[RequestRecord]", key: str) -> Iterable[str]:
    if len(chain) < 2:
        return
    yield "\nAttempts:"
    for each in chain:
        here = " <- this one" if each.request_key == key else ""
        why = f" ({each.error_class})" if each.error_class else ""
        job = f", job {plain(each.provider_job_id)}" if each.provider_job_id else ""
        yield f"  {each.attempt}. {each.request_key}: {each.state.value}{why}{job}{here}"


def _job(job: "JobRecord | None") -> Iterable[str]:
    if job is None:
        return
    ended = f", ended {moment(job.finished)}" if job.finished else ""
    why = f" ({job.error_class}: {plain(job.error_text)})" if job.error_class else ""
    age = ago(now() - job.first_seen)
    yield (
        f"\nIts job is {job.state.value}{why}, seen first {age} ago{ended}: "
        f"genai jobs show {plain(job.job_id)}"
    )


def _explain(explanation: Explanation) -> None:
    click.echo(f"\nNobody knows whether this request arrived at {explanation.title}.")
    for sentence in explanation.sentences(now()):
        click.echo(sentence)
    for command, meaning in explanation.ways_out().items():
        click.echo(f"  {command}\n      {meaning}")
