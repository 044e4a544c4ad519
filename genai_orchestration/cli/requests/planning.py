"""`genai requests add | import | approve`: from a wish to what may be sent; nothing here sends it.

add, import ─► mistakes? ─yes─► refused, all of them, in sentences
                  └─no──► planned ─► approve ─► mistakes? ... ─► approved, at today's price
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genai_orchestration.cli.requests.filters import Filters, filters, open_ledger, operations
from genai_orchestration.cli.requests.groups import requests
from genai_orchestration.cli.requests.planned import notes_of, plan_of, planned_again
from genai_orchestration.errors import UserError, are, counted

if TYPE_CHECKING:
    from genai_orchestration.requests.plan import RequestPlan
    from genai_orchestration.requests.request import NewRequest

KEYS_SHOWN = 5  # keys that are listed


class Mistaken(UserError):
    """Requests with mistakes that the provider would refuse, or silently ignore."""


@requests.command()
@click.argument("provider")
@click.argument("operation")
@click.option("--prompt", help="Where the operation has a prompt, its words.")
@click.option("--payload", default="{}", help="The body of the request, as JSON.")
@click.option("--key", help="The request's own key; by default it follows from the request.")
@click.option("--campaign", help="What it is for.")
def add(
    provider: str,
    operation: str,
    prompt: str | None,
    payload: str,
    key: str | None,
    campaign: str | None,
) -> None:
    """Plan one request: `genai requests add imagine_api images_create --prompt "a red fox"`."""
    from genai_orchestration.requests.cells import WrongRow, payload_of
    from genai_orchestration.requests.request import NewRequest, made_key, unknown_operation

    known = operations()
    if (provider, operation) not in known:
        raise Mistaken(unknown_operation(provider, operation, known))
    cells = {"payload": payload, **({} if prompt is None else {"prompt": prompt})}
    try:
        body = payload_of(cells, known[provider, operation].prompt, as_text=True)
    except WrongRow as wrong:
        raise Mistaken(f"The request cannot be read: {wrong}") from None
    named = key or made_key(provider, operation, body)
    wanted = NewRequest(
        provider=provider,
        operation=operation,
        payload=body,
        request_key=named,
        campaign=campaign,
    )
    _record([wanted])


@requests.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--provider", help="For rows that name none.")
@click.option("--operation", help="For rows that name none.")
@click.option("--campaign", help="For rows that name none.")
@click.option(
    "--column", "columns", multiple=True, help='What a column means: "Prompt text=prompt".'
)
def import_file(
    file: Path,
    provider: str | None,
    operation: str | None,
    campaign: str | None,
    columns: Sequence[str],
) -> None:
    """Plan a request for each row of a CSV, JSONL, YAML or Parquet FILE; all of them or none."""
    from genai_orchestration.requests.file import Columns, read_requests

    mapping = dict(column.rpartition("=")[::2] for column in columns)
    meant = Columns(mapping=mapping, provider=provider, operation=operation, campaign=campaign)
    _record(read_requests(file, operations(), meant))


@requests.command()
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All planned requests the filters pass.")
@click.option(
    "--sent-before",
    "again",
    is_flag=True,
    help="Also what the warehouse says an earlier ledger has sent: it is paid for again.",
)
@filters
def approve(keys: Sequence[str], everything: bool, again: bool, chosen: Filters) -> None:
    """Allow planned requests to be submitted; one with a mistake is refused, and all with it.

    So is one that the warehouse knows to be sent and the ledger does not: the ledger was replaced.
    """
    if bool(keys) == everything:
        raise click.UsageError("Give keys, or --all.")
    if keys and chosen.any:
        raise click.UsageError("Filters go with --all; leave them out where you give keys.")
    number = approve_keys(None if everything else keys, chosen, again=again)
    click.echo(f"{counted(number, 'request')} {are(number)} approved.")


def approve_keys(
    keys: Sequence[str] | None, chosen: Filters | None = None, *, again: bool = False
) -> int:
    """Approve planned requests, by their keys or (None) all that the filters pass; how many.

    None at all when one has a mistake. Estimates are updated where they are known better.
    """
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.settings import Settings
    from genai_orchestration.submission.sent_before import check_not_sent

    chosen, named = chosen or Filters(), set(keys or ())
    with open_ledger() as ledger:
        records = [
            each
            for each in ledger.requests(
                provider=chosen.provider,
                operation=chosen.operation,
                campaign=chosen.campaign,
                states=[RequestState.PLANNED],
            )
            if keys is None or each.request_key in named
        ]
        plan = planned_again(records)
        _refuse(plan)
        if not again:
            check_not_sent(records, Settings.load())
        prices = {
            each.request_key: planned.credits
            for each, planned in zip(records, plan.planned, strict=True)
            if planned.credits not in (None, each.price_estimate)
        }
        names = [each.request_key for each in records] if keys is None else list(keys)
        better = {key: price for key, price in prices.items() if price is not None}
        return ledger.approve(names, ledger.now(), prices=better)


def _record(wanted: "list[NewRequest]") -> None:
    """Plan the requests in the ledger, unless one has a mistake or a key of another request."""
    from genai_orchestration.requests.paid_request import PaidRequest

    known, plan = operations(), plan_of(wanted)
    _refuse(plan)
    paid = [
        PaidRequest.of(each.request, known[each.request.provider, each.request.operation], each.row)
        for each in plan.planned
    ]
    with open_ledger() as ledger:
        added = ledger.add(paid, ledger.now())
    new, old = len(added.new), len(added.known)
    click.echo(f"{counted(new, 'request')} {are(new)} planned, {old} {are(old)} there already.")
    for key in added.new[:KEYS_SHOWN]:
        click.echo(f"  {key}")
    added.check()


def _refuse(plan: "RequestPlan") -> None:
    """Mistaken when the plan has mistakes; what could not be checked is printed in any case."""
    if plan.mistakes:
        mistakes = [f"{key}: {' '.join(words)}" for key, words in plan.mistakes.items()]
        raise Mistaken("\n".join(["Nothing was changed; these have mistakes:", *mistakes]))
    for note in notes_of(plan):
        click.echo(f"Note: {note}", err=True)
