"""A plan of requests, beside what the warehouse has of the designs that they name."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import click

from genai_orchestration.errors import counted, some_of

if TYPE_CHECKING:
    from genai_orchestration.ledger.records import RequestRecord
    from genai_orchestration.requests.plan import Known, RequestPlan
    from genai_orchestration.requests.request import NewRequest

IDS_SHOWN = 3  # ids that a note lists


def plan_of(wanted: "Iterable[NewRequest]", made_keys: "Collection[str]" = ()) -> "RequestPlan":
    """What is known of the requests, their designs included where they are loaded."""
    from genai_orchestration.cli.requests.filters import operations
    from genai_orchestration.requests.plan import plan

    asked = list(wanted)
    return plan(asked, operations(), _known(asked), made_keys)


def planned_again(records: "Iterable[RequestRecord]") -> "RequestPlan":
    """What is known now of requests that the ledger has, in their order."""
    from genai_orchestration.requests.request import NewRequest

    known = list(records)
    wanted = [
        NewRequest(
            provider=each.provider,
            operation=each.operation,
            payload=each.payload,
            request_key=each.request_key,
            campaign=each.campaign,
        )
        for each in known
    ]
    return plan_of(wanted, {each.request_key for each in known if each.retries})


def notes_of(plan: "RequestPlan") -> list[str]:
    """What could not be checked, and what to load so that it can, as sentences."""
    from genai_orchestration.cli.requests.filters import operations

    gains = {
        (owner, operation.known.noun): operation.known.gain
        for (owner, _), operation in operations().items()
        if operation.known
    }
    notes = []
    for (provider, noun), missing in plan.missing.items():
        notes.append(
            f"Not in the warehouse: {noun} {some_of([*missing], IDS_SHOWN)}, of "
            f"{counted(sum(missing.values()), 'request')}. Load {provider} first to have their "
            f"{gains[provider, noun]}: genai load {provider}."
        )
    return notes


def _known(asked: "list[NewRequest]") -> "Known":
    """The rows that the warehouse has; without an answer of it, a note and none."""
    from genai_orchestration.cli.requests.filters import operations
    from genai_orchestration.requests.loaded_rows import known_rows
    from genai_orchestration.settings import Settings
    from genai_orchestration.warehouse.destination_errors import translate_error

    settings = Settings.load()
    try:
        return known_rows(asked, operations(), settings)
    except Exception as error:
        trouble = translate_error(error, settings)
        if trouble is None:
            raise
        click.echo(f"Note: designs are not looked up. {trouble}", err=True)
        return {}
