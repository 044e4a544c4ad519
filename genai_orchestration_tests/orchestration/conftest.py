"""What tests of assets and sensors stand on: an instance of Dagster, and an empty ImagineAPI."""

from collections.abc import Iterator

import dagster as dg
import pytest

from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def vendor(sandbox: Sandbox) -> ImagineApiSandbox:
    """ImagineAPI without any image."""
    vendor = sandbox.providers["imagine_api"]
    assert isinstance(vendor, ImagineApiSandbox)
    vendor.images.clear()
    return vendor
