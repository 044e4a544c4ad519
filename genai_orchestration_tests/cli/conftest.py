"""Commands that do not wait, for the tests that ask for it."""

import pytest

from genai_orchestration.providers import http
from genai_orchestration.submission import reconcile
from genai_orchestration_tests.support.doubles import replace


@pytest.fixture
def retried_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)


@pytest.fixture
def looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are looked up at once."""
    monkeypatch.setattr(reconcile, "LOOKS", (0.0,))
