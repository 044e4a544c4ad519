"""A ledger in a SQLite file, and an empty folder to watch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.settings import Settings


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(Settings.load()) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"
