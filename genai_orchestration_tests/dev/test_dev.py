"""What Dagster is started with."""

import inspect
import os
import tempfile
import threading
from pathlib import Path

import pytest
from dagster._core import op_concurrency_limits_counter

from genai_orchestration.dev import start as dev
from genai_orchestration.settings import Settings


def test_dagsters_queue_still_knows_the_variable_that_it_is_started_with() -> None:
    source = inspect.getsource(op_concurrency_limits_counter)
    assert [name for name in dev.QUEUE if name not in source] == []


def test_another_folder_changes_nothing_for_a_process_that_is_started_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = {
        "GENAI_HOME": "state",
        "GENAI_LEDGER": "sqlite:///paid/ledger.db",
        "GENAI_ARCHIVE": "pictures",
        "GENAI_ARCHIVE_LIMIT": "0.5",
        "GENAI_DESTINATION": "postgres",
    }
    settings = Settings.load(typed)
    assert settings.ledger_address == f"sqlite:///{tmp_path}/paid/ledger.db"
    assert settings.archive == f"{tmp_path}/pictures"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Settings.load(settings.environment()) == settings
    assert Settings.load(Settings(home=tmp_path).environment()) == Settings(home=tmp_path)


@pytest.mark.parametrize(
    "address",
    ["sqlite:////abs/l.db", "sqlite:///:memory:", "sqlite://", "postgresql://u:p@h/d", "nonsense"],
)
def test_an_address_of_a_database_that_is_no_relative_path_stays_as_it_is(address: str) -> None:
    assert Settings.load({"GENAI_LEDGER": address}).ledger_address == address


def test_the_places_are_told_without_a_password(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        destination="snowflake",
        ledger_address="postgresql://user:hunter2@db.example.com/ledger",
        archive_address="s3://key:hunter2@bucket/pictures",
    )
    assert settings.places == (
        f"State is kept in {tmp_path}: the ledger is postgresql://db.example.com/ledger, the "
        "warehouse the destination snowflake, the archive s3://bucket/pictures."
    )


def test_one_home_is_held_by_one_process_and_waits_for_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "PREDECESSOR_WITHIN", 1.0)
    monkeypatch.setattr(dev, "CHECK_SECONDS", 0.01)
    with dev._alone(tmp_path) as lock:
        assert (tmp_path / dev.LOCK).read_text() == f"{os.getpid()}\n"
        with (
            pytest.raises(dev.DagsterFailed, match=rf"already \(process {os.getpid()}\)"),
            dev._alone(tmp_path),
        ):
            pass
        # the process is gone, but what it has started holds the lock for a moment
        os.truncate(lock, 0)
        os.pwrite(lock, b"4194304\n", 0)  # no process has this id
        threading.Timer(0.2, os.close, [os.dup(lock)]).start()
    with dev._alone(tmp_path):
        pass


def test_a_folder_for_temporary_files_that_no_socket_can_be_in_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    with (
        pytest.raises(dev.DagsterFailed, match="is too long for a socket: set TMPDIR to one of"),
        dev.serving(dev.DEFINITIONS, 0, {}),
    ):
        pass
