"""The product's clock, moved for a test."""

from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration import clock


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Let it be that much later than now."""
    now = datetime.now(timezone.utc) + timedelta(**by)
    monkeypatch.setattr(clock, "now", lambda: now)
