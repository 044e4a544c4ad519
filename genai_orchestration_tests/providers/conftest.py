"""The read client of a sandbox, with the waits that it asks for."""

from typing import Any

import pytest

from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.read_client import PATH, QUERY, Ask, Waits


@pytest.fixture
def waits() -> Waits:
    """The seconds that the client wanted to sleep; it never really does."""
    return []


@pytest.fixture
def ask(sandbox: Sandbox, waits: Waits) -> Ask:
    def get(base_url: str = "", key: str = KEY, **more: Any) -> Any:
        client = ReadClient(
            title="Magic Hour",
            section="magic_hour_source",
            base_url=base_url or sandbox.base_url("magic_hour"),
            auth=KeyAuth("Authorization", f"Bearer {key}"),
            sleep=waits.append,
            **more,
        )
        return client.get_object(PATH, QUERY)

    return get
