"""A provider that can be asked what became of requests whose answer was lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from genai_orchestration.providers.work import Accepted, Payload
from genai_orchestration_tests.support.ledgers import LOCAL, NOW

Finds = Callable[[str, int], Sequence[str] | None]


@dataclass
class Asked:
    """A submitter that can only be asked, in a time that moves while somebody sleeps."""

    finds: Finds  # by the key, and how many looks there were before
    base_url: str = LOCAL.base_url
    key_of: str | None = None
    looks: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now = NOW

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        raise AssertionError("nothing is sent by looking")

    def account(self) -> str | None:
        return self.key_of

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        self.looks.append(request_key)
        return self.finds(request_key, self.looks.count(request_key) - 1)

    def balance(self) -> None:
        raise AssertionError("nobody asks for the balance")

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
