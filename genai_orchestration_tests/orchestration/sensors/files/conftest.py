"""The daemons that evaluate the sensors of files."""

from collections.abc import Iterator

import dagster as dg
import pytest

from genai_orchestration.definitions import defs
from genai_orchestration_tests.orchestration.daemon import Daemon


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return defs()


@pytest.fixture
def daemon(definitions: dg.Definitions) -> Iterator[Daemon]:
    found = Daemon("imagine_api_files_sensor", definitions=definitions)
    with found.instance:
        yield found


@pytest.fixture
def magic(definitions: dg.Definitions) -> Iterator[Daemon]:
    found = Daemon("magic_hour_files_sensor", definitions=definitions)
    with found.instance:
        yield found
