"""State is for its owner alone, whoever makes it, and whatever an earlier version left open."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.archive.store import open_store
from genai_orchestration.doors.private import close, private_folder
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import process


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """As on most systems: what is made may be read by all."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_load_by_the_command_leaves_nothing_to_others(
    sandbox: Sandbox, settings: Settings
) -> None:
    assert process("load", "magic_hour").code == 0
    assert settings.warehouse.exists()
    made = [settings.home, *settings.home.rglob("*")]
    assert [path for path in made if mode(path) & 0o077] == []


def test_the_ledger_is_private_without_the_command_and_with_what_stands_beside_it(
    settings: Settings,
) -> None:
    with Ledger.open(settings) as ledger:
        assert ledger.counts() == {}
        files = [settings.ledger.with_name(f"ledger.db{end}") for end in ("", "-wal", "-shm")]
        assert [mode(path) for path in files] == [0o600] * 3
    assert mode(settings.home) == 0o700


def test_what_an_earlier_version_left_open_is_closed(settings: Settings) -> None:
    with Ledger.open(settings):
        pass
    settings.home.chmod(0o755)
    settings.ledger.chmod(0o644)
    with Ledger.open(settings):
        pass
    assert (mode(settings.home), mode(settings.ledger)) == (0o700, 0o600)


def test_an_archive_of_its_own_is_private_and_one_that_was_there_stays_as_it_is(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o775)
    shared.chmod(0o775)
    for folder, expected in ((tmp_path / "new", 0o700), (shared, 0o775)):
        store = open_store(Settings(home=tmp_path / "home", archive_address=str(folder)))
        with store.incoming():
            pass
        assert mode(folder) == expected


def test_a_folder_for_everybody_stays_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    private_folder(tmp_path)
    assert mode(tmp_path) == 0o1777
    close(tmp_path / "none")  # nothing happens
