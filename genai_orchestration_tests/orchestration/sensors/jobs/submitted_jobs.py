"""Jobs that were submitted, and the hours that pass until they end."""

from datetime import datetime, timedelta, timezone

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.paid import approved, hero, materialize

GENERATOR = ("magic_hour", "ai_image_generator")


class Hours:
    """The time of the sensor and of the sandbox, moved together."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self._ahead = sandbox, timedelta()

    def pass_(self, **by: float) -> None:
        moved = timedelta(**by)
        self._ahead += moved
        self._sandbox.clock.advance(moved.total_seconds())

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + self._ahead


def submitted(daemon: Daemon, *keys: str, prompt: str = "a sneaker") -> None:
    approved(*(hero(key, prompt) for key in keys))
    assert materialize(daemon.instance, *GENERATOR).success
