"""A server of files for all tests of a module, which takes these fixtures over by name."""

from collections.abc import Iterator

import pytest

from genai_orchestration_tests.support.file_server import FileServer, file_server


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def provider(running: FileServer) -> FileServer:
    for log in (running.answers, running.asked, running.headers):
        log.clear()
    return running
