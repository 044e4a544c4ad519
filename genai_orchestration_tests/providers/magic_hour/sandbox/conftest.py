"""Magic Hour's sandbox with a clock that stands still, and the official SDK that asks it."""

from collections.abc import Iterator

import httpx
import magic_hour
import pytest

from genai_orchestration.providers.magic_hour.sandbox import MagicHourSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield sandbox


@pytest.fixture
def state(server: Sandbox) -> MagicHourSandbox:
    sandbox: MagicHourSandbox = server.providers["magic_hour"]
    return sandbox


@pytest.fixture
def client(server: Sandbox) -> Iterator[magic_hour.Client]:
    with httpx.Client(timeout=10) as transport:
        yield magic_hour.Client(
            token="sandbox", base_url=server.base_url("magic_hour"), httpx_client=transport
        )
