"""Two hosts with one ledger, whose clocks are minutes apart: nothing is sent twice.

Two processes, and over HTTP. The second host's clock is ahead; its process submits while the POST
of the first is on its way.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.lines import IMAGINE, Time

ON_ITS_WAY = 10.0  # seconds of the POST
# a host: minutes that its clock is ahead, and how often it submits, once it may
HOST = """
import sys, time
from datetime import timedelta
from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.submission.submit import SubmissionRun
from genai_orchestration.providers import imagine_api
from genai_orchestration.settings import Settings

ahead = timedelta(minutes=float(sys.argv[1]))
now, seconds, sleep = clock.now, time.time, time.sleep
clock.now = lambda: now() + ahead
time.time = lambda: seconds() + ahead.total_seconds()
with Ledger.open(Settings.load()) as ledger:
    submitter = imagine_api.PROVIDER.submitter()
    line = SubmissionRun(
        ledger=ledger,
        provider=imagine_api.PROVIDER,
        submitter=submitter,
        sleep=lambda seconds: sleep(min(seconds, 0.05)),
    )
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        print(*line.submit().submitted)
        sleep(0.1)
"""


class Host:
    """A process that is ready to submit."""

    def __init__(self, ahead: float, passes: int) -> None:
        command = [sys.executable, "-W", "error", "-c", HOST, str(ahead), str(passes)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def submitted(self) -> list[str]:
        """Wait for its end; the keys of what it has submitted."""
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return said.split()


@pytest.mark.parametrize("ahead", [13.0, -13.0])
def test_what_is_on_its_way_is_not_sent_again_by_a_host_whose_clock_is_wrong(
    ledger: Ledger, sandbox: Sandbox, ahead: float
) -> None:
    lines.approve(ledger, IMAGINE, Time(sandbox), "a")
    lines.fail(sandbox, IMAGINE, kind="timeout", seconds=ON_ITS_WAY)
    first, second = Host(0.0, 1), Host(ahead, 4)
    first.begin()
    while lines.posts(sandbox, IMAGINE) == 0:
        assert first.process.poll() is None
        time.sleep(0.05)
    second.begin()
    assert second.submitted() == []
    assert first.process.poll() is None, "the POST has ended too early for this test"
    assert ledger.request("a").state is RequestState.SUBMITTING
    assert first.submitted() == ["a"]
    assert lines.posts(sandbox, IMAGINE) == 1
    assert ledger.request("a").state is RequestState.SUBMITTED
