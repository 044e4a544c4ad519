"""What the tests of the read client ask for, the faults it meets, and how it gives up."""

from collections.abc import Callable
from typing import Any

import pytest

from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault

PATH = "v1/account"
QUERY = {"asked": "in-private"}
Waits = list[float]
Ask = Callable[..., Any]


def fail(sandbox: Sandbox, times: int = 1, **fault: Any) -> None:
    sandbox.traffic.faults.append(
        Fault(**{"kind": "status", "path": "/magic_hour", "times": times, **fault})
    )


def refusal(ask: Ask, kind: type[ProviderError], **more: Any) -> str:
    with pytest.raises(kind) as caught:
        ask(**more)
    assert type(caught.value) is kind
    return str(caught.value)
