"""Loads that do not wait, a check that nothing was written, and a port where nobody answers."""

import socket
from collections.abc import Iterator

import pytest

from genai_orchestration.providers import http
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import (
    tables,
)
from genai_orchestration_tests.support.doubles import replace


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)


@pytest.fixture(autouse=True)
def nothing_written(settings: Settings) -> Iterator[None]:
    """No test of this folder leaves a table or a working folder; what it loads, it removes."""
    yield
    runs = settings.dlt_home / "runs"
    assert not runs.is_dir() or list(runs.iterdir()) == []
    assert tables(settings) == {}


@pytest.fixture
def closed_port() -> int:
    """A port of this host at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
