"""The watched folder, and the daemon that evaluates the sensor of new requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.sensors.requests.sheets import SENSOR, WHERE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The watched folder, empty."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("REQUESTS__FOLDER", str(folder))
    return folder


@pytest.fixture
def daemon(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    daemon = Daemon(SENSOR)
    with daemon.instance:
        yield daemon


@pytest.fixture
def real(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of real accounts at addresses that are never reached."""
    for name in ("IMAGINE_API", "MAGIC_HOUR", "ABYSSALE"):
        monkeypatch.setenv(WHERE.format(name, "API_KEY"), "a-real-key")
        monkeypatch.setenv(WHERE.format(name, "BASE_URL"), "https://vendor.invalid")
