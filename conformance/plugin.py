"""The pytest plugin that puts a real Directus in the sandbox's place.

pytest -p conformance.plugin --directus "9.23.1 sqlite" CONTRACT_SUITE
"""

from collections.abc import Iterator

import pytest

from conformance.contract import RealServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the server be chosen."""
    parser.addoption("--directus", metavar='"VERSION DATABASE"', required=True)


@pytest.fixture(scope="session")
def directus(request: pytest.FixtureRequest) -> Iterator[RealServer]:
    """The real server, one for the whole session."""
    with RealServer.running(request.config.getoption("--directus")) as server:
        yield server
