"""The lock beside the warehouse: one process at a time, threads of one process together."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.warehouse import locks
from genai_orchestration.warehouse.locks import WarehouseLocked, exclusive, process_lock

HOLDER = """
import sys
from pathlib import Path
from genai_orchestration.warehouse.locks import exclusive
with exclusive(Path(sys.argv[1]), "elsewhere"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not yet there" / "warehouse.lock"


@pytest.fixture
def other_process(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock until it is killed or its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_waited_for_and_then_named(
    path: Path, other_process: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(WarehouseLocked) as caught, exclusive(path, "mine"):
        pass
    assert str(caught.value) == (
        f"The warehouse is in use: another process of this project has kept {path} for 0.2 s. "
        "Close it, or wait for it to end, and run this again: loading twice changes nothing."
    )


def test_a_killed_process_frees_the_lock(
    path: Path, other_process: "subprocess.Popen[str]"
) -> None:
    threading.Timer(0.3, other_process.kill).start()
    with exclusive(path, "mine"):
        assert other_process.wait() == -9


def test_a_lock_that_was_not_given_is_not_kept(
    path: Path, other_process: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.1)
    with pytest.raises(WarehouseLocked), exclusive(path, "mine"):
        pass
    other_process.kill()
    monkeypatch.undo()
    with exclusive(path, "mine"):  # neither the name nor the file is held by the failure
        pass


def test_threads_exclude_each_other_under_one_name_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.1)
    with exclusive(path, "images"):
        with exclusive(path, "designs"):
            pass
        busy = pytest.raises(WarehouseLocked, match="another load of this process")
        with busy, exclusive(path, "images"):
            pass
    with exclusive(path, "images"):
        pass


def test_a_lock_is_held_until_its_last_holder_lets_go(path: Path) -> None:
    lock = process_lock(path)
    lock.acquire(1)
    with lock.held():
        assert lock._file.is_locked
    assert lock._file.is_locked
    lock.release()
    assert not lock._file.is_locked


def test_a_path_has_one_lock_however_it_is_written(tmp_path: Path) -> None:
    assert process_lock(tmp_path / "a" / ".." / "lock") is process_lock(tmp_path / "lock")
