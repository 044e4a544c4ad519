"""The server that the contract suite asks: the sandbox, or a real one for `make conformance`."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from genai_orchestration_tests.providers.imagine_api.contract.client import Client
from genai_orchestration_tests.providers.imagine_api.contract.images import IMAGES
from genai_orchestration_tests.providers.imagine_api.contract.server import SandboxServer, Server


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.config.pluginmanager.hasplugin("conformance.plugin"):
        yield request.getfixturevalue("directus")
        return
    with ExitStack() as stack:
        yield SandboxServer(stack)


@pytest.fixture(scope="session")
def gallery(server: Server) -> Client:
    """A customer with all of `IMAGES`, for tests that only read."""
    return server.customer(IMAGES)
