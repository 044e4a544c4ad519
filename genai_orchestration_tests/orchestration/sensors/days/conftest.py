"""The daemon that evaluates the day sensor."""

from collections.abc import Iterator

import pytest

from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration_tests.orchestration.daemon import Daemon

SENSOR = "imagine_api_images_sensor"


@pytest.fixture
def daemon(vendor: ImagineApiSandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon whose runs do not ride out an outage of a minute."""
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    daemon = Daemon(SENSOR)
    with daemon.instance:
        yield daemon
