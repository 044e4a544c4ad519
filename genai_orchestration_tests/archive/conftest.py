"""What this folder's tests stand on: the provider's own host, and the archive's time."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration import clock
from genai_orchestration.archive import fetch as archive_fetch
from genai_orchestration_tests.support.doubles import replace
from genai_orchestration_tests.support.file_server import FileServer, file_server


@pytest.fixture
def provider() -> Iterator[FileServer]:
    """The provider's own host."""
    with file_server() as running:
        yield running


@pytest.fixture
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    replace(monkeypatch, archive_fetch, "wait_seconds", lambda state: 0.0)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far the archive's time is ahead: its last item."""
    ahead = [timedelta()]
    monkeypatch.setattr(clock, "now", lambda: datetime.now(timezone.utc) + ahead[-1])
    return ahead
