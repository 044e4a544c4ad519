"""What runs in a soak: the sandbox, which keeps its state, and `genai dev`, each as a command.

Both can be killed in part or as a whole; what is not whole any more is started again, as a service
manager would.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import requests

from genai_orchestration_tests.soak.faults import FAULTS, SHARE
from genai_orchestration_tests.soak.processes import (
    ALWAYS,
    Process,
    running,
    sessions_below,
)
from genai_orchestration_tests.support.command import GENAI
from genai_orchestration_tests.support.dagster_client import free_port

READY_SECONDS = 120.0
STOP_SECONDS = 60.0


class NotReady(Exception):
    """A command did not come up."""


def until_ready(what: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Wait until it says so; NotReady when it ends before, or takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if ready():
                return
        time.sleep(0.1)
    raise NotReady(f"{what} was not ready: its exit code is {process.poll()}; see its log.")


@dataclass
class SandboxServer:
    """`genai sandbox --keep`, on one port for as long as the soak lasts."""

    folder: Path
    environment: Mapping[str, str]
    seed: int
    port: int = field(default_factory=free_port)
    stormy: bool = False
    starts: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # calls, by what they failed by
    calls: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """Where it keeps its state."""
        return self.folder / "sandbox.state"

    def start(self) -> None:
        """Start it, with the state that it had, and with the faults if there are any now."""
        command = [GENAI, "sandbox", "--port", str(self.port), "--keep", str(self.file)]
        with open(self.folder / "sandbox.log", "ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=dict(self.environment), stdout=log, stderr=log
            )
        until_ready("The sandbox", self._process, lambda: self._ask("GET").ok)
        self.starts += 1
        if self.stormy:
            self.storm()

    def storm(self) -> None:
        """Let a share of all answers fail from now on."""
        self.stormy = True
        faults = [asdict(fault) for fault in FAULTS]
        seed = self.seed * 1000 + self.starts
        self._ask("POST", {"share": SHARE, "seed": seed, "faults": faults})

    def calm(self) -> None:
        """Let nothing fail any more."""
        self.stormy = False
        self._count()
        self._ask("DELETE")

    def kill(self) -> None:
        """SIGKILL it, in the middle of whatever it does."""
        if self._process and self._process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                self._count()
            self._process.kill()
            self._process.wait()

    def _count(self) -> None:
        found = self._ask("GET").json()
        self.failed.update(found["failed"])
        self.calls += found["calls"]

    def _ask(self, method: str, body: object = None) -> requests.Response:
        return requests.request(method, f"{self.url}/_admin/chaos", json=body, timeout=10)


def _answers(port: int) -> Callable[[], bool]:
    """Whether a web UI answers at that port."""
    url = f"http://127.0.0.1:{port}/server_info"
    return lambda: requests.get(url, timeout=2).ok


@dataclass
class Dev:
    """`genai dev` in a session of its own, and the sessions that it begins."""

    folder: Path
    environment: Mapping[str, str]
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _sessions: set[int] = field(default_factory=set)

    def start(self) -> None:
        """Start it, and wait for its web UI; one that fails to start is started once more."""
        for attempt in (1, 2):
            port = free_port()
            with open(self.folder / "dev.log", "ab") as log:
                self._process = subprocess.Popen(
                    [GENAI, "dev", "--port", str(port)],
                    cwd=self.folder,
                    env=dict(self.environment),
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.starts += 1
            try:
                until_ready("genai dev", self._process, _answers(port))
            except NotReady:
                self.stop()
                if attempt == 2:
                    raise
            else:
                return

    def processes(self) -> list[Process]:
        """What runs of it, whoever its parent is by now."""
        everyone = running()
        if self._process and self._process.poll() is None:
            self._sessions |= sessions_below(self._process.pid, everyone)
        return [each for each in everyone if each.session in self._sessions]

    def with_role(self, role: str) -> list[Process]:
        """Its processes of that role."""
        return [each for each in self.processes() if each.role == role]

    @property
    def whole(self) -> bool:
        """Whether it runs, and each process that it always has."""
        alive = self._process is not None and self._process.poll() is None
        return alive and {each.role for each in self.processes()} >= set(ALWAYS)

    def stop(self) -> list[Process]:
        """End it with SIGTERM, and kill what it leaves behind; these processes."""
        if self._process is None:
            return []
        self.processes()  # the sessions, while their parents are there
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.kill(self._process.pid, signal.SIGTERM)
            self._process.wait(STOP_SECONDS)
        left = self.processes()
        for each in left:
            each.kill()
        self._process.wait()
        self._sessions.clear()
        return left

    def restart(self) -> None:
        """End it and start it again."""
        self.stop()
        self.start()
