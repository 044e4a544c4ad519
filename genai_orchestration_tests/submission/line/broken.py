"""A submitter that does something else before or after it submits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from genai_orchestration.providers.work import Accepted, Payload, Submitter
from genai_orchestration_tests.support.lines import MAGIC


@dataclass
class Broken:
    """A submitter that does something else before or after it submits."""

    real: Submitter
    before: Any = lambda: None
    after: Any = lambda: None
    base_url: str = "http://127.0.0.1"
    sent: list[str] = field(default_factory=list)

    def account(self) -> str | None:
        return self.real.account()

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        self.before()
        accepted = self.real.submit(operation, payload, request_key)
        self.sent.append(accepted.job_id)
        self.after()
        return accepted

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        return self.real.find(request_key, payload)

    def balance(self) -> int | None:
        return self.real.balance()


def broken(**how: Any) -> Broken:
    assert MAGIC.submitter
    return Broken(MAGIC.submitter(), **how)
