"""A provider's line at the sandbox, in a time that only moves while somebody sleeps."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import abyssale, imagine_api, magic_hour
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.submission.submit import SubmissionRun

ABYSSALE, IMAGINE, MAGIC = abyssale.PROVIDER, imagine_api.PROVIDER, magic_hour.PROVIDER
CREATES = {
    "abyssale": "/abyssale/async",
    "imagine_api": "/imagine_api/items/images",
    "magic_hour": "/magic_hour/v1/ai-",
}


@dataclass
class Time:
    """The sandbox's clock, which goes on while somebody sleeps."""

    sandbox: Sandbox
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.sandbox.clock.advance(seconds)


def line(ledger: Ledger, provider: Provider, time: Time, **more: Any) -> SubmissionRun:
    assert provider.submitter
    submitter = more.pop("submitter", None) or provider.submitter()
    return SubmissionRun(
        ledger=ledger,
        provider=provider,
        submitter=submitter,
        clock=time.now,
        sleep=time.sleep,
        **more,
    )


def approve(
    ledger: Ledger,
    provider: Provider,
    time: Time,
    *keys: str,
    campaign: str | None = None,
    **changes: Any,
) -> None:
    """Requests of the provider's first operation, each of its own key."""
    operation = provider.operations[0]
    for key in keys:
        new = NewRequest(
            provider=provider.name,
            operation=operation.name,
            payload={**_payload(time.sandbox, provider, key), **changes},
            request_key=key,
            campaign=campaign,
        )
        ledger.add([PaidRequest.of(new, operation)], time.now())
    ledger.approve(keys, time.now())


def fail(sandbox: Sandbox, provider: Provider, times: int = 1, **fault: Any) -> None:
    """Let its next paid POSTs fail."""
    told = {"kind": "status", "path": CREATES[provider.name], "method": "POST", "times": times}
    sandbox.traffic.faults.append(Fault(**{**told, **fault}))


def posts(sandbox: Sandbox, provider: Provider) -> int:
    """How many paid POSTs have come."""
    begin = CREATES[provider.name]
    calls = list(sandbox.traffic.calls)
    return sum(call.method == "POST" and call.path.startswith(begin) for call in calls)


def _payload(sandbox: Sandbox, provider: Provider, key: str) -> dict[str, Any]:
    if provider is IMAGINE:
        return {"prompt": f"a fox {key}"}
    if provider is MAGIC:
        style = {"prompt": f"a fox {key}"}
        return {"model": "z-image-turbo", "image_count": 1, "style": style}
    designs = sandbox.providers["abyssale"].designs.values()
    design = next(each for each in designs if each.type == "static")
    return {"design_id": design.id, "template_format_names": [design.formats[0].name]}
