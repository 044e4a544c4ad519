"""Credits that are spent, and the reason why a start is refused, for the tests of this folder."""

from datetime import datetime

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import LimitExceeded, Limits
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, NOW


def spent(ledger: Ledger, credits: int, at: datetime = NOW, **changes: object) -> str:
    """A request of that price that was submitted at that time; its key."""
    key = f"spent{len(ledger.requests())}"
    ledgers.approved(ledger, key, price_estimate=credits, **changes)
    ledger.start(key, LOCAL, at)
    ledger.mark_submitted(key, f"job of {key}", credits, at)
    return key


def refused(ledger: Ledger, limits: Limits, at: datetime = NOW, key: str = "a") -> str:
    """Why the request may not start, having checked that it is still approved."""
    before = ledger.request(key)
    with pytest.raises(LimitExceeded) as caught:
        ledger.start(key, limits, at)
    assert ledger.request(key) == before
    return str(caught.value)
