"""The demo's paid requests: a few for each provider, planned and approved; the sandbox is free."""

from collections.abc import Iterator, Sequence
from typing import Any

from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest, operations_of
from genai_orchestration.settings import Settings

CAMPAIGN = "demo"
PROMPTS = ("a red fox in fresh snow", "a lighthouse at dawn", "a bowl of blood oranges")


def approve(sandbox: Sandbox, settings: Settings) -> Sequence[Provider]:
    """Plan and approve the demo's requests in its own ledger; whom they ask."""
    operations = operations_of(all_providers())
    wanted = [
        PaidRequest.of(request, operations[request.provider, request.operation])
        for request in _requests(sandbox)
    ]
    with Ledger.open(settings) as ledger:
        ledger.add(wanted, clock.now())
        ledger.approve([request.request_key for request in wanted], clock.now())
    return [each for each in all_providers() if each.name in {one.provider for one in wanted}]


def _requests(sandbox: Sandbox) -> Iterator[NewRequest]:
    for number, prompt in enumerate(PROMPTS, start=1):  # the last holds a word that is banned
        yield _request("imagine_api", "images_create", f"demo-fox-{number}", prompt=prompt)
    for number, prompt in enumerate((*PROMPTS[:2], "something forbidden"), start=1):
        body = {"image_count": 1, "model": "z-image-turbo", "style": {"prompt": prompt}}
        yield _request("magic_hour", "ai_image_generator", f"demo-hero-{number}", **body)
    design = next(
        id_ for id_, each in sandbox.providers["abyssale"].designs.items() if each.type == "static"
    )
    yield _request("abyssale", "generation_requests", "demo-banner-1", design_id=design)


def _request(provider: str, operation: str, key: str, **payload: Any) -> NewRequest:
    return NewRequest(
        provider=provider,
        operation=operation,
        payload=payload,
        request_key=key,
        campaign=CAMPAIGN,
    )
