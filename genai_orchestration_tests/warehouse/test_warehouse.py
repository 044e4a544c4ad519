"""The warehouse under many loads at once, on DuckDB and on a real PostgreSQL, and what it says."""

import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from genai_orchestration import warehouse
from genai_orchestration.errors import plain
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import WarehouseError, locks, pipelines
from genai_orchestration.warehouse.locked_duckdb import LockedDuckDb
from genai_orchestration.warehouse.locks import WarehouseLocked
from genai_orchestration_tests.support import loads, postgres
from genai_orchestration_tests.support.loads import PROVIDER, ROWS

WRITERS = 8
LOADS = 3  # of each writer
HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(params=["duckdb", "postgres"])
def destination(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty warehouse of each kind."""
    if request.param == "postgres":
        server = request.getfixturevalue("server")
        postgres.use(monkeypatch, server.database())
    return Settings.load()


@pytest.fixture
def stranger(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """Another program that has the DuckDB file open until it is written to."""
    settings.home.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        yield process
        leave(process)


def leave(stranger: "subprocess.Popen[str]") -> None:
    """Make the stranger close the file and end."""
    assert stranger.stdin
    stranger.stdin.close()


def test_eight_processes_merge_into_one_table_from_its_first_load_on_and_no_row_is_lost(
    destination: Settings,
) -> None:
    writers = [loads.start("merge", f"writer{n}", LOADS) for n in range(WRITERS)]
    for writer in writers:
        loads.go(writer)
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        seen.append(loads.count(destination) or 0)  # a reader that never fails
        time.sleep(0.05)
    failures = [writer.communicate()[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * WRITERS, failures
    assert loads.count(destination) == WRITERS * LOADS * ROWS
    assert seen == sorted(seen)
    assert {count % ROWS for count in seen} == {0}, "a reader saw a part of a load"


def test_threads_of_one_process_merge_into_one_table_and_no_row_is_lost(
    destination: Settings,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [
            pool.submit(loads.load, destination, letters=loads.letters(f"thread{n}", n))
            for n in range(8)
        ]
        while not all(future.done() for future in waiting):
            loads.count(destination)
    assert [future.result() for future in waiting] == [None] * 8
    assert loads.count(destination) == 8 * ROWS


def test_a_load_of_the_same_rows_again_changes_nothing(destination: Settings) -> None:
    for _ in range(2):
        loads.load(destination, letters=loads.letters("one", 1), stand=loads.stand(1))
    assert loads.count(destination) == ROWS
    assert loads.count(destination, "stand") == loads.SNAPSHOT_ROWS


def test_a_snapshot_killed_in_its_load_step_leaves_the_old_one_whole(
    destination: Settings,
) -> None:
    loads.load(destination, stand=loads.stand(1))
    for moment in ("load", "job1"):
        loads.killed_at(moment, "snapshot", 2)
        assert loads.versions(destination) == [(1, loads.SNAPSHOT_ROWS)], moment
    loads.load(destination, stand=loads.stand(3))
    assert loads.versions(destination) == [(3, loads.SNAPSHOT_ROWS)]


def test_a_query_of_nothing_loaded_gives_none(destination: Settings) -> None:
    assert loads.count(destination) is None
    loads.load(destination, letters=loads.letters("one", 1))
    assert loads.count(destination) == ROWS
    assert loads.count(destination, "stand") is None


def test_a_query_leaves_no_duckdb_file_behind(settings: Settings) -> None:
    assert loads.count(settings) is None
    assert not settings.warehouse.exists()


def test_a_stranger_with_the_file_open_is_named(
    settings: Settings, stranger: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.5)
    with pytest.raises(Exception, match="in use") as caught:
        loads.load(settings, letters=loads.letters("one", 1))
    said = plain(caught.value)
    assert isinstance(said, WarehouseLocked)
    assert f"(PID {stranger.pid}) has kept the DuckDB file for 0.5 s." in str(said)
    assert "\n" not in str(said)


def test_a_stranger_that_closes_the_file_in_time_is_waited_for(
    settings: Settings, stranger: "subprocess.Popen[str]"
) -> None:
    threading.Timer(1.0, leave, [stranger]).start()
    loads.load(settings, letters=loads.letters("one", 1))
    assert stranger.wait() == 0
    assert loads.count(settings) == ROWS


def test_a_file_that_is_no_database_fails_and_frees_the_lock(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    settings.warehouse.write_bytes(b"this is no DuckDB file at all" * 1000)
    with pytest.raises(Exception, match="not a valid DuckDB database file"):
        loads.load(settings, letters=loads.letters("one", 1))
    settings.warehouse.unlink()
    assert loads.run("merge", "other") == 0  # another process gets the lock
    loads.load(settings, letters=loads.letters("one", 1))
    assert loads.count(settings) == 2 * ROWS


def test_a_failing_query_frees_the_lock(settings: Settings) -> None:
    loads.load(settings, letters=loads.letters("one", 1))
    with pytest.raises(Exception, match="no_such_column"):
        warehouse.query(PROVIDER, settings, "SELECT no_such_column FROM {letters}")
    with duckdb.connect(str(settings.warehouse)) as direct:  # our own process has let it go
        direct.execute("SELECT 1")
    assert loads.run("merge", "other") == 0


def test_an_unknown_destination_lists_the_known_ones(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", "excel")
    with pytest.raises(WarehouseError) as caught:
        loads.load(Settings.load(), letters=loads.letters("one", 1))
    assert str(caught.value).startswith("dlt has no destination 'excel': set GENAI_DESTINATION to")


@pytest.mark.parametrize("name", ["snowflake", "bigquery", "databricks"])
def test_a_destination_that_is_not_installed_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", name)
    with pytest.raises(WarehouseError) as caught:
        loads.load(Settings.load(), letters=loads.letters("one", 1))
    assert str(caught.value) == (
        f"The destination {name} is not installed: run pip install 'dlt[{name}]', or set "
        "GENAI_DESTINATION=duckdb."
    )


def test_dlt_is_given_the_locked_duckdb(settings: Settings, tmp_path: Path) -> None:
    made = warehouse.destination(settings)
    assert isinstance(made, LockedDuckDb)
    assert made.config_params["replace_strategy"] == pipelines.REPLACE


def test_pythons_collector_is_as_before_after_a_load_that_failed(settings: Settings) -> None:
    seen: list[int] = []

    def fail() -> None:
        with warehouse.pipeline(PROVIDER, settings):
            seen.append(gc.get_threshold()[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == [pipelines.NEW_OBJECTS]
    assert gc.get_threshold() == pipelines.USUAL
