"""The real `genai dev`: its processes end with one another, and nothing is left behind."""

import os
import re
import signal
from pathlib import Path

from genai_orchestration_tests.dev.typed import UP_WITHIN, dev, is_up
from genai_orchestration_tests.support.command import left_behind
from genai_orchestration_tests.support.dagster_client import (
    processes,
    until,
)


def test_processes_end_with_their_parent_and_it_ends_with_one_of_them(tmp_path: Path) -> None:
    with dev(tmp_path, {}) as killed:
        until("it is up", UP_WITHIN, lambda: is_up(killed))
        assert len(left_behind(killed.mark)) > 4
        killed.process.kill()
        killed.process.wait()  # else its id would stay taken
        # at once, as systemd would: it waits until the other's processes are gone
        with dev(tmp_path, {}) as restarted:
            until("it is up again", UP_WITHIN, lambda: is_up(restarted))
            assert left_behind(killed.mark) == []
            [daemon] = processes("dagster._daemon", tmp_path / "state")
            os.kill(daemon, signal.SIGKILL)
            assert restarted.process.wait(60) == 1
            assert re.search(r"Error: Dagster's daemon has ended .*\.\n$", restarted.said)
            assert "Traceback" not in restarted.said
            assert left_behind(restarted.mark) == []


def test_a_code_server_whose_code_has_died_ends_it(tmp_path: Path) -> None:
    with dev(tmp_path, {}) as running:
        until("it is up", UP_WITHIN, lambda: is_up(running))
        [code] = processes("dagster api grpc", tmp_path / "state")
        os.kill(code, signal.SIGKILL)  # not the process that `genai dev` has started: its child
        assert running.process.wait(120) == 1
        assert "Error: Dagster's code server has ended while it ran" in running.said
        assert left_behind(running.mark) == []


def test_nothing_is_left_behind_by_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with dev(tmp_path, {}) as running:
        home = tmp_path / "state"
        until("the code server starts", 60, lambda: processes("code-server start", home))
        [supervisor] = processes("genai_orchestration.dev.supervisor", home)
        os.kill(supervisor, signal.SIGKILL)
        assert running.process.wait(60) == 1
        assert "Error: Dagster's supervisor has ended while starting" in running.said
        assert left_behind(running.mark) == []
