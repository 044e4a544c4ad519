"""Dagster as processes: `genai dev` and `genai demo` start the same.

home's lock ─► DAGSTER_HOME with the project's dagster.yaml ─► supervisor ─► code, web UI, daemon
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from genai_orchestration import compat
from genai_orchestration.dev import supervisor
from genai_orchestration.doors.private import private_folder
from genai_orchestration.errors import UserError
from genai_orchestration.orchestration import instance
from genai_orchestration.settings import HOME_VARIABLE, Settings

HOST = "127.0.0.1"  # the web UI has no authentication: never open it to a network by itself
PORT = 3000
READY_WITHIN = 600.0  # seconds; some 5 are usual, and many times that on a machine that is busy
STOP_WITHIN = 30.0  # seconds for runs and daemons to end before they are killed
PREDECESSOR_WITHIN = 2 * supervisor.STOP_SECONDS + 5  # for what a killed one has left to end
CHECK_SECONDS = 0.5  # between two checks whether Dagster still runs
LONGEST_TMPDIR = 70  # characters: the path of a socket has at most 103 on every system
DEFINITIONS = "genai_orchestration.definitions"
LOCK = "dev.lock"  # in GENAI_HOME, with the process that holds it
STRANGER = "genai-guard-check.invalid"  # a host name that the web server must not serve
# Dagster's queue keeps the pool of a run taken for five seconds after its start, however soon its
# step is over; steps claim their pools themselves. This has no place in dagster.yaml.
QUEUE = {compat.POOL_SECONDS_VARIABLE: "1"}
# modules in the folder where the command was typed are not Dagster's, whatever their names
SAFE = {"PYTHONSAFEPATH": "1"}


class DagsterFailed(UserError):
    """Dagster did not start, or has ended."""


@dataclass(frozen=True)
class Running:
    """Dagster's processes, and where their web UI is."""

    url: str
    _process: "subprocess.Popen[bytes]"

    def wait(self) -> None:
        """Wait until they end; DagsterFailed says which one ended first. Ctrl-C ends the wait."""
        while self._process.poll() is None:
            time.sleep(CHECK_SECONDS)
        raise _has_ended(self._process, "while it ran")


@contextlib.contextmanager
def dagster_dev(
    settings: Settings, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Dagster with this project's definitions, alone on its home, until the with block ends."""
    with _alone(settings.home) as lock:
        check_port_free(port)
        home = {"DAGSTER_HOME": str(instance.home_of(settings))}
        env = {**settings.environment(), **(environment or {}), **home}
        with serving(DEFINITIONS, port, env, keep=(lock,)) as running:
            yield running


@contextlib.contextmanager
def serving(
    module: str,
    port: int,
    environment: Mapping[str, str],
    *,
    folder: Path | None = None,
    keep: tuple[int, ...] = (),
) -> Iterator[Running]:
    """Dagster over a module with definitions; ends every process of it at the end.

    The processes work in the folder where the command was typed, as every other command does, or
    in `folder`: `.dlt` and relative paths mean the same to all of them. File descriptors in `keep`
    stay open as long as the supervisor lives.
    """
    _check_temporary_folder()
    command = [sys.executable, "-m", "genai_orchestration.dev.supervisor", "--module", module]
    # a session of its own: Ctrl-C comes to us alone, and what is left can be found by its group
    process = subprocess.Popen(  # noqa: S603 our own command
        [*command, "--host", HOST, "--port", str(port)],
        stdin=subprocess.PIPE,  # its end shows that this process is gone
        cwd=folder,
        env={**QUEUE, **SAFE, **os.environ, **environment},
        pass_fds=keep,
        start_new_session=True,
    )
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_ready(process, url)
        yield Running(url, process)
    finally:
        _stop(process)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[int]:
    """Hold the home against others of its kind; gives the lock's file descriptor.

    The lock lasts as long as any process has it open: a predecessor that was killed is waited for
    until its supervisor has ended what it left.
    """
    private_folder(home)
    lock = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PREDECESSOR_WITHIN
        while not _locked(lock):
            holder = os.pread(lock, 100, 0).decode().strip()
            if _is_alive(holder) or time.monotonic() > deadline:
                raise DagsterFailed(
                    f"Dagster runs in {home} already (process {holder or 'unknown'}): end that "
                    f"with Ctrl-C, or set {HOME_VARIABLE} to another folder for this one."
                )
            time.sleep(CHECK_SECONDS)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(holder: str) -> bool:
    """Whether a process with that id runs; so does one that has not written its id yet."""
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    except (ValueError, PermissionError):
        return True
    return True


def _check_temporary_folder() -> None:
    folder = tempfile.gettempdir()
    if len(folder) > LONGEST_TMPDIR:
        raise DagsterFailed(
            f"The path of the folder for temporary files, {folder}, is too long for a socket: set "
            f"TMPDIR to one of at most {LONGEST_TMPDIR} characters, such as /tmp."
        )


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM, and a terminal that closes, end this process as Ctrl-C does.

    It also sees to it that children can be ended: a shell that starts a command in the background
    makes it ignore SIGINT, children inherit that, and Dagster would not react to SIGTERM either.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        yield


def check_port_free(port: int) -> None:
    """Say so in a sentence when something else listens there."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        raise DagsterFailed(
            f"Port {port} is in use: choose another one with --port {port + 1} "
            f"(make demo PORT={port + 1})."
        ) from None


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait for the web UI, and make sure that the guard is in front of it."""
    deadline = time.monotonic() + READY_WITHIN
    with requests.Session() as session:
        session.trust_env = False  # this machine is not asked by way of a proxy
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise _has_ended(process, "while starting")
            with contextlib.suppress(requests.RequestException):
                if session.get(f"{url}/server_info", timeout=2).ok:
                    _check_guard(session, url)
                    return
            time.sleep(0.2)
    raise DagsterFailed(f"Dagster was not ready within {READY_WITHIN:g} s; see its log above.")


def _check_guard(session: requests.Session, url: str) -> None:
    answer = session.get(f"{url}/server_info", headers={"Host": STRANGER}, timeout=10)
    if answer.ok:
        raise DagsterFailed(
            "Dagster's web server has started without its guard, so that any web page could spend "
            "credits: install the versions of constraints.txt."
        )


def _has_ended(process: subprocess.Popen[bytes], when: str) -> DagsterFailed:
    """Which of Dagster's processes ended first, as a sentence."""
    service = supervisor.ended(process.returncode)
    return DagsterFailed(
        f"Dagster's {service or 'supervisor'} has ended {when}, so all of Dagster was ended: its "
        "own message is above, unless it was killed. Start it again."
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the supervisor and everything that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN)
    with contextlib.suppress(ProcessLookupError):  # nothing is left: the usual case
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()
