"""Dagster as a process: `genai dev` and `genai demo` start the same `dagster dev`.

environment ─► DAGSTER_HOME with the project's dagster.yaml ─► dagster dev ─► web UI, daemon
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests

from genai_orchestration.errors import PlainError
from genai_orchestration.settings import Settings

HOST = "127.0.0.1"  # the web UI has no authentication: never open it to a network by itself
PORT = 3000
READY_WITHIN = 90.0  # seconds; some 5 are usual
STOP_WITHIN = 30.0  # seconds for runs and daemons to end before they are killed
SETTINGS_FILE = "dagster.yaml"
# Dagster's queue keeps the pool of a run taken for five seconds after its start, however soon its
# step is over; steps look after their pools themselves. This has no place in dagster.yaml.
QUEUE = {"DAGSTER_OP_CONCURRENCY_KEYS_ALLOTTED_FOR_STARTED_RUN_SECONDS": "1"}


class DagsterFailed(PlainError):
    """Dagster did not start."""


@contextlib.contextmanager
def dagster_dev(
    settings: Settings, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A running `dagster dev` of this project; gives the web UI's address."""
    port_is_free(port)
    env = {**(environment or {}), "DAGSTER_HOME": str(instance_home(settings))}
    with serving(project() / "workspace.yaml", port, env) as url:
        yield url


@contextlib.contextmanager
def serving(workspace: Path, port: int, environment: Mapping[str, str]) -> Iterator[str]:
    """A running `dagster dev` over a workspace.yaml; ends every process of it at the end."""
    # Dagster's advice to use `dg dev` instead, which would need a project of another layout
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", "-w", str(workspace)]
    # a session of its own: Ctrl-C comes to us alone, and what is left can be found by its group
    process = subprocess.Popen(  # noqa: S603 our own command
        # errors only: at `info` the run queue says every second that it has looked, and at
        # `warning` that the project's dagster.yaml, which was copied, is not the one in use
        [*command, "-h", HOST, "-p", str(port), "--log-level", "error"],
        cwd=workspace.parent,
        env={**QUEUE, **os.environ, **environment},
        start_new_session=True,
    )
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_ready(process, url)
        yield url
    finally:
        _stop(process)


def instance_home(settings: Settings) -> Path:
    """DAGSTER_HOME, made if need be, with the project's instance settings in it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project() / SETTINGS_FILE, home / SETTINGS_FILE)
    return home


def project() -> Path:
    """The folder with workspace.yaml: the clone that this package was installed from."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / "workspace.yaml").exists():
        raise DagsterFailed(
            "workspace.yaml is not beside the package: install the project from its clone with "
            "`pip install -e .`, and run this there."
        )
    return folder


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


def port_is_free(port: int) -> None:
    """Say so in a sentence when something else listens there."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        raise DagsterFailed(
            f"Port {port} is in use: choose another one with --port {port + 1} "
            f"(make demo PORT={port + 1})."
        ) from None


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DagsterFailed("Dagster ended while starting; its own message is above.")
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/server_info", timeout=2).ok:
                return
        time.sleep(0.2)
    raise DagsterFailed(f"Dagster was not ready within {READY_WITHIN:g} s; see its log above.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End `dagster dev` and everything that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_WITHIN)
    with contextlib.suppress(ProcessLookupError):  # nothing is left: the usual case
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
