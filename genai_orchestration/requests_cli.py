"""`genai requests`: paid requests from a wish to an approval; nothing here sends one.

add, import ─► planned (mistakes refused) ─► plan (what it would cost) ─► approve ─► approved
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.errors import PlainError

if TYPE_CHECKING:
    from genai_orchestration.jobs.ledger import Ledger
    from genai_orchestration.jobs.ledger_tables import RequestRecord
    from genai_orchestration.jobs.plan import Plan
    from genai_orchestration.jobs.requests import NewRequest, Operations

STATES = ("planned", "approved", "submitting", "submitted", "rejected", "unknown", "abandoned")


class Mistaken(PlainError):
    """Requests with mistakes that the provider would refuse, or silently ignore."""


@click.group()
def requests() -> None:
    """Plan and approve paid requests; the ledger keeps them. Nothing here is sent."""


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    command = click.option("--campaign", help="Only requests of this campaign.")(command)
    return click.option("--provider", help="Only requests to this provider.")(command)


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
    from genai_orchestration.jobs.request_cells import WrongRow, payload_of
    from genai_orchestration.jobs.requests import NewRequest, made_key, unknown_operation

    operations = _operations()
    if (provider, operation) not in operations:
        raise Mistaken(unknown_operation(provider, operation, operations))
    cells = {"payload": payload, **({} if prompt is None else {"prompt": prompt})}
    try:
        body = payload_of(cells, operations[provider, operation].prompt, as_text=True)
    except WrongRow as wrong:
        raise Mistaken(f"The request cannot be read: {wrong}") from None
    named = key or made_key(provider, operation, body)
    _record(
        [
            NewRequest(
                provider=provider,
                operation=operation,
                payload=body,
                request_key=named,
                campaign=campaign,
            )
        ]
    )


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
    from genai_orchestration.jobs.requests_file import Columns, read_requests

    mapping = dict(column.rpartition("=")[::2] for column in columns)
    meant = Columns(mapping=mapping, provider=provider, operation=operation, campaign=campaign)
    _record(read_requests(file, _operations(), meant))


@requests.command(name="plan")
@_filters
def show_plan(provider: str | None, campaign: str | None) -> None:
    """Show what the planned requests would cost, which ask the same, and what is wrong."""
    planned = _plan(_selected(provider, campaign, ["planned"]))
    click.echo(f"{planned.count} planned requests, {len(planned.sound)} without a mistake.")
    for cost in planned.costs:
        unpriced = f" and {cost.unpriced} without a published price" if cost.unpriced else ""
        click.echo(
            f"{cost.provider} {cost.model}: {cost.requests} requests, "
            f"from {cost.credits} credits{unpriced}"
        )
    for keys in planned.duplicates:
        click.echo(f"The same under {len(keys)} keys, and paid for each time: {', '.join(keys)}")
    for key, sentences in planned.mistakes.items():
        click.echo(f"{key}: {' '.join(sentences)}")


@requests.command()
@click.argument("keys", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All planned requests the filters pass.")
@_filters
def approve(
    keys: Sequence[str], everything: bool, provider: str | None, campaign: str | None
) -> None:
    """Allow planned requests to be submitted; one with a mistake is refused, and all with it."""
    if bool(keys) == everything:
        raise click.UsageError("Give keys, or --all.")
    wanted = _selected(provider, campaign, ["planned"])
    chosen = [each for each in wanted if everything or each.request_key in keys]
    _refuse(_plan(chosen))
    with _ledger() as ledger:
        names = [each.request_key for each in chosen] if everything else list(keys)
        click.echo(f"{ledger.approve(names, _now())} requests are approved.")


@requests.command(name="list")
@_filters
@click.option("--state", "states", type=click.Choice(STATES), multiple=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_requests(
    provider: str | None, campaign: str | None, states: Sequence[str], as_json: bool
) -> None:
    """List requests in the order in which they were planned."""
    for each in _selected(provider, campaign, states):
        if as_json:
            click.echo(_json(each))
        else:
            price = "unpriced" if each.price_estimate is None else f"{each.price_estimate} credits"
            whose = f"{each.provider} {each.operation}"
            click.echo(f"{each.request_key}  {each.state.value}  {whose}  {price}")


@requests.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(key: str, as_json: bool) -> None:
    """Show all that is known of a request."""
    with _ledger() as ledger:
        record = ledger.request(key)
    if as_json:
        click.echo(_json(record))
        return
    for name, value in dataclasses.asdict(record).items():
        if value is not None:
            click.echo(f"{name}: {json.dumps(value, default=_text)}")


@requests.command()
@click.argument("key")
def abandon(key: str) -> None:
    """Give a request up: nobody will submit it."""
    with _ledger() as ledger:
        ledger.abandon(key, _now())
    click.echo(f"{key} is abandoned.")


def _record(wanted: "list[NewRequest]") -> None:
    """Plan the requests in the ledger, unless one of them has a mistake or stands for another."""
    from genai_orchestration.jobs.paid_request import PaidRequest
    from genai_orchestration.jobs.plan import plan

    operations = _operations()
    _refuse(plan(wanted, operations))
    paid = [PaidRequest.of(each, operations[each.provider, each.operation]) for each in wanted]
    with _ledger() as ledger:
        added = ledger.add(paid, _now())
    click.echo(f"{len(added.new)} requests are planned, {len(added.known)} were there already.")
    for key in added.new[:5]:
        click.echo(f"  {key}")
    added.check()


def _refuse(planned: "Plan") -> None:
    if planned.mistakes:
        told = [f"{key}: {' '.join(words)}" for key, words in planned.mistakes.items()]
        raise Mistaken("\n".join(["Nothing was changed; these have mistakes:", *told]))


def _plan(records: "Iterable[RequestRecord]") -> "Plan":
    from genai_orchestration.jobs.plan import plan
    from genai_orchestration.jobs.requests import NewRequest

    return plan(
        (
            NewRequest(
                provider=each.provider,
                operation=each.operation,
                payload=each.payload,
                request_key=each.request_key,
                campaign=each.campaign,
            )
            for each in records
        ),
        _operations(),
    )


def _selected(
    provider: str | None, campaign: str | None, states: Sequence[str]
) -> "list[RequestRecord]":
    from genai_orchestration.jobs.states import RequestState

    chosen = [RequestState(state) for state in states] or None
    with _ledger() as ledger:
        return ledger.requests(provider=provider, campaign=campaign, states=chosen)


def _operations() -> "Operations":
    from genai_orchestration.jobs.requests import operations_of
    from genai_orchestration.providers import all_providers

    return operations_of(all_providers())


def _ledger() -> "Ledger":
    from genai_orchestration.jobs.ledger import Ledger
    from genai_orchestration.settings import Settings

    return Ledger.open(Settings.load())


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _json(record: "RequestRecord") -> str:
    return json.dumps(dataclasses.asdict(record), default=_text)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
