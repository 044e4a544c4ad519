"""Processes by /proc: the sessions that a command has begun, and what each process in them does."""

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROLES = {  # what the command line of each process of `genai dev` holds
    "web server": "-m genai_orchestration.dev.webserver",
    "daemon": "-m dagster._daemon run",
    "code server's proxy": "-m dagster code-server start",
    "code server": "-m dagster api grpc",
    "worker": "multiprocessing.spawn",  # of one run, below the code server
}
ALWAYS = tuple(role for role in ROLES if role != "worker")


@dataclass(frozen=True)
class Process:
    """A process that runs."""

    pid: int
    parent: int
    session: int
    command: str

    @property
    def role(self) -> str | None:
        """What it does for `genai dev`; None for any other process."""
        return next((role for role, words in ROLES.items() if words in self.command), None)

    def kill(self) -> None:
        """SIGKILL it, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def running() -> list[Process]:
    """All processes of this machine that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            state, parent, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z":
                found.append(Process(int(folder.name), int(parent), int(session), command))
    return found


def sessions_below(pid: int, processes: Iterable[Process]) -> set[int]:
    """The sessions of a process and of all that it has started, directly or not."""
    everyone = list(processes)
    family = {pid}
    while more := {each.pid for each in everyone if each.parent in family} - family:
        family |= more
    return {each.session for each in everyone if each.pid in family}
