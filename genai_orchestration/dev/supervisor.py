"""The processes behind `genai dev`: they start together, and they end together.

    genai dev ─ stdin, open as long as it lives ─► this process ─► code server ─► runs
                                                       ├─► web server, behind the guard
                                                       └─► daemon

When one of them ends, or the code server's code no longer answers, or `genai dev` is gone, even by
SIGKILL, the others are ended, too. It leads a process group of its own, so that `genai dev` can
end what is left when this process is killed. Only the standard library and grpc are imported.
"""

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc

from genai_orchestration import compat

CODE, WEB, DAEMON = "code server", "web server", "daemon"
# exit codes that say which service ended first; see `ended`
FIRST_CODE = 10
SERVICES = (CODE, WEB, DAEMON)
CHECK_SECONDS = 0.5  # between two checks of the services
PING_EVERY_SECONDS = 5.0
PING_TIMEOUT_SECONDS = 3.0
FAILED_PINGS = 3  # in a row, of code that has answered before: it is gone
STOP_SECONDS = 20.0  # for a service to end by itself, before it is killed; < dev.STOP_WITHIN
LOCATION = "genai_orchestration"  # the code location's name in the web UI


class Interrupted(Exception):
    """`genai dev` wants the end, or has ended itself."""


def ended(code: int) -> str | None:
    """The service that an exit code of this process names; None for another code."""
    place = code - FIRST_CODE
    return SERVICES[place] if 0 <= place < len(SERVICES) else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the services until one ends, or the parent does; the exit code says which one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", required=True, help="with the code location's definitions")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True)
    given = parser.parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    with (
        contextlib.suppress(Interrupted),
        tempfile.TemporaryDirectory(prefix="genai-") as folder,
        Services(Path(folder), given.module) as services,
    ):
        services.start(CODE)
        services.wait_for_code()
        services.start(WEB, "-h", given.host, "-p", given.port)
        services.start(DAEMON)
        return FIRST_CODE + SERVICES.index(services.first_to_end())
    return 0


class Services:
    """The processes, by name, with a socket and a workspace.yaml in a folder of their own."""

    def __init__(self, folder: Path, module: str) -> None:
        self._socket = folder / "code"
        self._workspace = folder / "workspace.yaml"
        server = f"{{socket: '{self._socket}', location_name: {LOCATION}}}"
        self._workspace.write_text(f"load_from: [{{grpc_server: {server}}}]", encoding="utf-8")
        self._module = module
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Services":
        """Nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them all, those that ask the code server before it."""
        _ignore_signals()
        for names in ((WEB, DAEMON), (CODE,)):
            _stop([self._running[name] for name in names if name in self._running])

    def start(self, name: str, *arguments: str) -> None:
        """Start one of them, with more arguments."""
        workspace = ("-w", str(self._workspace))
        command = {
            CODE: ("dagster", "code-server", "start", *self._location()),
            WEB: ("genai_orchestration.dev.webserver", *workspace, "--dagster-log-level", "error"),
            # at `info` the run queue says every second that it has checked
            DAEMON: (compat.DAEMON, "run", *workspace, "--log-level", "error"),
        }[name]
        self._running[name] = subprocess.Popen(  # noqa: S603 our own commands
            [sys.executable, "-m", *command, *arguments], stdin=subprocess.DEVNULL
        )

    def _location(self) -> Iterator[str]:
        yield from ("-m", self._module, "-d", str(Path(__file__).parents[2]))
        yield from ("-s", str(self._socket), "--location-name", LOCATION)
        yield from ("--log-level", "warning", "--inject-env-vars-from-instance")

    def wait_for_code(self) -> None:
        """Wait until the code server listens; code that cannot be loaded is shown by the web UI."""
        while not self._socket.exists():
            self._check_parent()
            if self._running[CODE].poll() is not None:
                return

    def first_to_end(self) -> str:
        """The name of the service that ends first."""
        pings = Pings(self._socket)
        while True:
            self._check_parent()
            for name, process in self._running.items():
                if process.poll() is not None:
                    return name
            if pings.are_lost():
                return CODE

    def _check_parent(self) -> None:
        """Wait a moment; Interrupted when the parent's end of stdin is closed."""
        readable, _, _ = select.select([sys.stdin.fileno()], [], [], CHECK_SECONDS)
        if readable and not os.read(sys.stdin.fileno(), 1):
            raise Interrupted


class Pings:
    """Asks the code server now and then whether its code is still there.

    Its own process lives on when the one with the code in it has died.
    """

    def __init__(self, socket: Path) -> None:
        self._ping = grpc.insecure_channel(f"unix:{socket}").unary_unary(compat.REPOSITORIES)
        self._next = time.monotonic()
        self._answered, self._failed = False, 0

    def are_lost(self) -> bool:
        """Whether code that has answered before fails again and again."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PING_EVERY_SECONDS
            self._ask()
        return self._answered and self._failed >= FAILED_PINGS

    def _ask(self) -> None:
        try:
            self._ping(b"", timeout=PING_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            busy = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            self._failed = self._failed if busy else self._failed + 1
        else:
            self._answered, self._failed = True, 0


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Interrupt them as Ctrl-C does, and kill what has not ended in time."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _interrupt(number: int, frame: object) -> None:
    _ignore_signals()  # once is enough: what follows is the end
    raise Interrupted


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
