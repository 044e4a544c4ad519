"""An ImagineAPI account without images, and the submitter that puts some there."""

import pytest

from genai_orchestration.providers.imagine_api import PROVIDER
from genai_orchestration.providers.imagine_api.sandbox import ImagineApiSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.work import Submitter
from genai_orchestration_tests.providers.imagine_api.account import emptied


@pytest.fixture
def images(sandbox: Sandbox) -> ImagineApiSandbox:
    return emptied(sandbox)


@pytest.fixture
def submitter(sandbox: Sandbox) -> Submitter:
    assert PROVIDER.submitter
    return PROVIDER.submitter()
