"""`genai jobs list | show`: what runs, or ran, at the providers for paid requests."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.cli.requests.filters import Filters, as_json, limit, open_ledger
from genai_orchestration.cli.requests.groups import jobs
from genai_orchestration.cli.requests.output import ago, plain, print_json, print_table
from genai_orchestration.cli.requests.stuck import deadlines, is_stuck
from genai_orchestration.clock import now
from genai_orchestration.errors import UserError

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.ledger.records import JobRecord

STATES = ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "GONE")
OPEN = ("QUEUED", "RUNNING")
LONGEST_REASON = 60  # characters of a reason in a list


class WhichJob(UserError):
    """No job has the id, or more than one."""


@jobs.command(name="list")
@click.option("--provider", help="Only jobs of this provider.")
@click.option(
    "--state",
    "states",
    type=click.Choice(STATES, case_sensitive=False),
    multiple=True,
    help="Repeatable.",
)
@click.option("--open", "only_open", is_flag=True, help="Only jobs that have not ended.")
@click.option("--stuck", "only_stuck", is_flag=True, help="Only those open beyond their deadline.")
@click.option("--unloaded", is_flag=True, help="Only ended ones that are not in the warehouse.")
@limit
@as_json
def list_jobs(
    provider: str | None,
    states: Sequence[str],
    only_open: bool,
    only_stuck: bool,
    unloaded: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """List jobs, those that are asked after next first. One that is stuck says so."""
    from genai_orchestration.providers.states import JobState

    chosen = {JobState(state) for state in states or STATES}
    if only_open or only_stuck:
        chosen &= {JobState(state) for state in OPEN}
    if unloaded:
        chosen -= {JobState(state) for state in OPEN}
    with open_ledger() as ledger:
        found = ledger.jobs(
            provider=Filters(provider=provider).check().provider,
            states=chosen,
            loaded=False if unloaded else None,
            limit=None if only_stuck else limit,
        )
    moment, after = now(), deadlines()
    listed = [(job, is_stuck(job, after, moment)) for job in found]
    listed = [(job, stuck) for job, stuck in listed if stuck or not only_stuck][:limit]
    if as_json:
        for job, stuck in listed:
            print_json(_as_json(job, stuck))
        return
    headers = ("job", "state", "request", "provider", "age", "loaded", "why")
    print_table(headers, [_row(job, stuck, now() - job.first_seen) for job, stuck in listed])


def _row(job: "JobRecord", stuck: bool, age: Any) -> Sequence[object]:
    state = f"{job.state.value} (stuck)" if stuck else job.state.value
    loaded = "yes" if job.loaded else "no" if job.state.terminal else ""
    why = plain(job.error_class and f"{job.error_class}: {job.error_text or ''}")[:LONGEST_REASON]
    return job.job_id, state, job.request_key, job.provider, ago(age), loaded, why


@jobs.command()
@click.argument("job_id")
@click.option("--provider", help="Whose job, where two have one of that id.")
@as_json
def show(job_id: str, provider: str | None, as_json: bool) -> None:
    """Show all that is known of a job, and the request that it was made of."""
    with open_ledger() as ledger:
        job = _the_job(ledger, job_id, Filters(provider=provider).check().provider)
        request = ledger.request(job.request_key) if job.request_key else None
    stuck = is_stuck(job, deadlines(), now())
    if as_json:
        print_json({**_as_json(job, stuck), "request": request and dataclasses.asdict(request)})
        return
    values = {name: value for name, value in dataclasses.asdict(job).items() if value is not None}
    print_table(("", ""), list(values.items()))
    if stuck:
        click.echo(
            f"\nIt is stuck: open for {ago(now() - job.first_seen)}. It is still asked after, "
            "more rarely, and may yet be paid for; genai requests retry makes a new attempt."
        )
    if request:
        click.echo(f"\nThe request {request.request_key} (genai requests show):")
        print_table(("", ""), [("campaign", request.campaign), ("payload", request.payload)])


def _as_json(job: "JobRecord", stuck: bool) -> dict[str, Any]:
    return {**dataclasses.asdict(job), "stuck": stuck}


def _the_job(ledger: "Ledger", job_id: str, provider: str | None) -> "JobRecord":
    """The one job of that id."""
    found = ledger.jobs(job_id=job_id, provider=provider)
    if len(found) == 1:
        return found[0]
    if not found:
        raise WhichJob(
            f"The ledger has no job {plain(job_id)!r}: it follows the jobs of its own requests "
            "only; genai jobs list shows them."
        )
    owners = ", ".join(f"{job.provider} ({job.kind})" for job in found)
    raise WhichJob(f"The job {plain(job_id)} is one of {owners}: choose with --provider.")
