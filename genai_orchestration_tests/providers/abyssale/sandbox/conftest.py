"""Abyssale's sandbox without its limit of a second, and the official SDK that asks it."""

from collections.abc import Iterator

import pytest
from abyssale import Abyssale

from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        sandbox.providers["abyssale"].gateway_limit = None
        yield sandbox


@pytest.fixture
def state(server: Sandbox) -> AbyssaleSandbox:
    sandbox: AbyssaleSandbox = server.providers["abyssale"]
    return sandbox


@pytest.fixture
def client(server: Sandbox) -> Iterator[Abyssale]:
    with Abyssale(api_key="sandbox", base_url=server.base_url("abyssale"), max_retries=0) as client:
        yield client
