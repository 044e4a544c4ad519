"""What every test stands on: a clean environment, and the sandbox over real HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.providers import http
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.settings import Settings

FOREIGN = ("API_KEY", "GENAI_", "DAGSTER_", "SOURCES__", "DESTINATION__", "REQUESTS__")

# of a minute and more each: begun first, so that the suite does not wait for them at its end
LONG = (
    "test_soak",
    "test_end_to_end",
    "test_dev_processes",
    "test_terminate",
    "test_demo_ui",
    "test_archiving_killed",
    "test_kills",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests before the others, in the same order on every worker."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONG))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, home or destination of the developer reaches a test; state goes to a new folder."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.endswith("API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GENAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nobody_has_answered_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server has answered to an earlier test, on the same port, does not count."""
    monkeypatch.setattr(http, "_answering", set())


@pytest.fixture
def settings() -> Settings:
    """The settings that the product itself would read in this test."""
    return Settings.load()


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A running sandbox with a clock that stands still; every provider is configured for it."""
    with Sandbox(clock=FrozenClock()).running() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running
