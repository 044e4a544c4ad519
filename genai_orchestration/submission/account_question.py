"""Whose key it is, asked once in a pass of submissions, before its first POST.

    no ceiling ─► asked ─► the account
    a ceiling ──► the request's place is taken ─► asked ─► a second passes ─► the place is free

What is sent is known to that account alone. Under a ceiling of requests a second, which processes
share by the ledger, the question counts as the POST that leaves a second later.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.reservations import SECOND
from genai_orchestration.providers.recipient import Configured


@dataclass
class AccountQuestion:
    """The question of one pass."""

    ledger: Ledger
    configured: Configured
    sleep: Callable[[float], None]
    asked: bool = False

    def answer(self, record: RequestRecord, limits: Limits, now: datetime) -> str | None:
        """The account; Refused where there is no place for the question, ProviderError for none."""
        if self.asked or limits.posts_per_second is None:
            return self.configured.recipient.account
        with self._place(record, limits, now):
            account = self.configured.recipient.account
        self.asked = True
        return account

    @contextlib.contextmanager
    def _place(self, record: RequestRecord, limits: Limits, now: datetime) -> Iterator[None]:
        """The place of the request's POST, until the question is a second old."""
        started = self.ledger.start(record.request_key, limits, now)
        try:
            yield
            self.sleep(SECOND.total_seconds())
        finally:  # nothing of it was sent
            self.ledger.release(record.request_key, started=started.submitting_at)
