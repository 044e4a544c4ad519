"""The sandbox of all providers: what the demo and the tests talk to over HTTP."""

import importlib
from pathlib import Path

from genai_orchestration.providers import all_providers
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.server import ProviderSandbox, SandboxServer


class Sandbox(SandboxServer):
    """Each provider's API below `/<provider>`, on one local port."""

    def __init__(self, *, clock: Clock | None = None, kept: Path | None = None) -> None:
        super().__init__(_created, clock=clock, kept=kept)


def _created(clock: Clock) -> dict[str, ProviderSandbox]:
    return {
        provider.name: importlib.import_module(f"{provider.package}.sandbox").create(clock)
        for provider in all_providers()
    }
