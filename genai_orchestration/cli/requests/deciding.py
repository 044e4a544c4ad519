"""`genai requests resolve | abandon | retry`: what only a person can decide."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from genai_orchestration.cli.requests.filters import open_ledger
from genai_orchestration.cli.requests.groups import requests
from genai_orchestration.cli.requests.planning import approve_keys
from genai_orchestration.errors import UserError, are, counted

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.ledger.records import RequestRecord


@requests.command()
@click.argument("key")
@click.option("--job", "job_id", metavar="ID", help="It arrived, and is this job there.")
@click.option("--never-arrived", is_flag=True, help="It did not arrive: it costs nothing.")
def resolve(key: str, job_id: str | None, never_arrived: bool) -> None:
    """Say what became of an unknown request, once you have checked at the provider.

    With --job it is submitted, and its job is followed like any other. With --never-arrived it is
    abandoned and costs nothing; `retry` makes a new attempt. `show` prints what is known.
    """
    if (job_id is not None) == never_arrived:
        raise click.UsageError("Give either --job ID or --never-arrived.")
    if job_id is not None and (not job_id or not job_id.isprintable() or " " in job_id):
        raise click.UsageError(f"--job {job_id!r} is no id: copy it as the provider shows it.")
    with open_ledger() as ledger:
        ledger.resolve(key, job_id, ledger.now())
        record = ledger.request(key)
    if job_id is None:
        click.echo(f"{key} never arrived, and is abandoned; genai requests retry {key} plans it.")
    else:
        click.echo(f"{key} is {record.provider}'s {record.job_kind} {job_id}, which is followed.")


@requests.command()
@click.argument("keys", nargs=-1, required=True)
def abandon(keys: Sequence[str]) -> None:
    """Give requests up: nobody will submit them, or look an unknown one up again.

    What an unknown one may have cost stays counted. The others go on when one of the KEYS cannot
    be abandoned; the exit code is 1 then.
    """

    def give_up(ledger: "Ledger", key: str) -> None:
        before = ledger.request(key)
        ledger.abandon(key, ledger.now())
        kept = before.reserved or 0
        more = f"; {counted(kept, 'credit')} {are(kept)} still counted" if kept else ""
        click.echo(f"{key} is abandoned{more}.")

    _each(keys, give_up)


@requests.command()
@click.argument("keys", nargs=-1, required=True)
@click.option("--approve", is_flag=True, help="Approve the new attempts as well.")
def retry(keys: Sequence[str], approve: bool) -> None:
    """Plan another attempt of what was rejected, failed, got stuck or was abandoned.

    Prints the key of each new attempt, the same one when it is asked for again. What failed by
    its own words or payload is refused: the same would fail again. The others go on when one of
    the KEYS cannot be retried; the exit code is 1 then.
    """
    made: list[str] = []

    def again(ledger: "Ledger", key: str) -> None:
        record = ledger.request(key)
        _check_recipient(record)
        new = ledger.plan_retry(key, ledger.now(), stuck_after=_stuck_after(record))
        made.append(new)
        click.echo(new)

    try:
        _each(keys, again)
    finally:
        if approve and made:
            number = approve_keys(made)
            click.echo(f"{counted(number, 'request')} {are(number)} approved.", err=True)


def _each(keys: Sequence[str], decide: "Callable[[Ledger, str], None]") -> None:
    """Decide each of the keys; those that cannot be are printed last, and the exit code is 1."""
    refused: list[str] = []
    with open_ledger() as ledger:
        for key in dict.fromkeys(keys):
            try:
                decide(ledger, key)
            except UserError as error:
                refused.append(str(error))
    if refused:
        raise click.ClickException("\n".join(refused))


def _check_recipient(record: "RequestRecord") -> None:
    """OtherAccount for what may have arrived at another account than a retry would be sent to."""
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.providers import provider_named
    from genai_orchestration.providers.recipient import Configured

    submitter = provider_named(record.provider).submitter
    if record.recipient and submitter and record.state is not RequestState.REJECTED:
        Configured(submitter()).check(f"The request {record.request_key}", record.recipient)


def _stuck_after(record: "RequestRecord") -> timedelta:
    """How long a job of the request may be open; as long as `genai jobs list` says it is stuck."""
    from genai_orchestration.cli.requests.stuck import deadlines
    from genai_orchestration.ledger.ledger import STUCK_AFTER

    return deadlines().get((record.provider, record.job_kind), STUCK_AFTER)
