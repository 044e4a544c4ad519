"""New paid requests in a run's configuration, as the launchpad of the web UI takes them.

requests ─► read ─► checked like those of a file ─► planned, all of them or none
approve ──► in the sandbox, or with approve_in_runs ─► approved
            └ elsewhere ─► WrongConfig: nothing is planned
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from genai_orchestration.errors import UserError
from genai_orchestration.inbox.settings import SECTION, InboxSettings
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.work import Operation
from genai_orchestration.requests.cells import WrongRow, payload_of
from genai_orchestration.requests.loaded_rows import known_rows
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.plan import plan
from genai_orchestration.requests.request import NewRequest, made_key
from genai_orchestration.settings import Settings
from genai_orchestration.submission.send_guards import in_sandbox
from genai_orchestration.submission.sent_before import check_not_sent


class WrongConfig(UserError):
    """The run's configuration asks for something that cannot be planned."""


class RequestConfig(dg.Config):
    """One paid request, as the launchpad takes it."""

    prompt: str = Field("", description="Its words, where the operation has a prompt.")
    payload: str = Field("{}", description="The body of the request, as JSON.")
    key: str = Field("", description="Its own key; by default it follows from the request.")
    campaign: str = Field("", description="What it is for.")


def plan_new(
    settings: Settings,
    ledger: Ledger,
    new: Sequence[RequestConfig],
    provider: Provider,
    operation: Operation,
    *,
    approve: bool,
) -> None:
    """Plan the requests of a run's configuration, all of them or none; if asked to, approve them.

    Raises WrongConfig in words when one has a mistake, or when no run may approve.
    """
    if not new:
        return
    if approve:
        _check_approval(provider)
    wanted = [_request(each, provider, operation) for each in new]
    operations = {(provider.name, operation.name): operation}
    planned = plan(wanted, operations, known_rows(wanted, operations, settings))
    if planned.mistakes:
        mistakes = " ".join(f"{key}: {' '.join(words)}" for key, words in planned.mistakes.items())
        raise WrongConfig(f"Nothing was planned; the configuration has mistakes. {mistakes}")
    paid = [PaidRequest.of(each.request, operation, each.row) for each in planned.planned]
    ledger.add(paid, ledger.now()).check()
    if approve:
        records = [ledger.request(each.request_key) for each in wanted]
        new_ones = [record for record in records if record.state is RequestState.PLANNED]
        check_not_sent(new_ones, settings)
        ledger.approve([record.request_key for record in new_ones], ledger.now())


def _check_approval(provider: Provider) -> None:
    """WrongConfig where no run may approve requests."""
    if not (in_sandbox(provider) or InboxSettings.load().approve_in_runs):
        raise WrongConfig(
            "Nothing was planned: a run's configuration may not approve requests to "
            f"{provider.title}. Leave approve out and run genai requests approve, or set "
            f"approve_in_runs = true in [{SECTION}] of .dlt/config.toml."
        )


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
