"""What every part measures with: a line of the table, a process watched, an environment of its own.

a part's run() ─► Line, Line, … ─► the table on the screen, and RESULTS.md
"""

import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
GENAI = str(Path(sys.executable).parent / "genai")
KEY = "benchmark"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measure: our figure, what a user would pick instead, and how far it is from the target.

    `ratio` is how many times better ours is (or what the target speaks of); None where no ratio
    says anything. `reached` is None where the issue set no target.
    """

    measure: str
    ours: str
    alternative: str = ""
    ratio: float | None = None
    target: str = ""
    reached: bool | None = None
    why: str = ""  # a sentence: what a reader has to know, above all below a target

    def cells(self) -> tuple[str, ...]:
        """The line as the table shows it."""
        mark = {None: "", True: "reached", False: "below"}[self.reached]
        ratio = "" if self.ratio is None else f"{self.ratio:,.2f}".rstrip("0").rstrip(".")
        return (self.measure, self.ours, self.alternative, ratio, self.target, mark)


@dataclass(frozen=True)
class Measured:
    """One process from its start to its end."""

    seconds: float
    megabytes: float  # its peak memory
    output: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.megabytes:,.0f} MB"


def process(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, succeed: bool = True
) -> Measured:
    """Run a command to its end; a failure, unless allowed, ends the benchmark with its words."""
    with tempfile.TemporaryFile("w+") as said:
        started = time.monotonic()
        child = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=said, stderr=said
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        output = said.read()
    if succeed and child.returncode:
        raise SystemExit(f"{' '.join(command)} failed ({child.returncode}):\n{output}")
    return Measured(seconds, _megabytes(usage), output)


def script(name: str, *arguments: str) -> list[str]:
    """The command that runs a function of `benchmarks.variants`, and nothing else, in a process."""
    return [sys.executable, "-m", "benchmarks.variants", name, *arguments]


@contextmanager
def home(url: str = "", **more: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty GENAI_HOME, and the environment that points ImagineAPI at `url`."""
    folder = Path(tempfile.mkdtemp(prefix="genai-bench-"))
    environment = {
        "GENAI_HOME": str(folder),
        # nobody's own keys, ledger, warehouse and archive
        "DLT_DATA_DIR": str(folder / "dlt-data"),
        "GENAI_DESTINATION": "duckdb",
        "GENAI_LEDGER": "",
        "GENAI_ARCHIVE": "",
        "PYTHONDONTWRITEBYTECODE": "",  # compiled modules are kept, as where it is installed
        "PYTHONPATH": str(ROOT),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "SOURCES__IMAGINE_API_SOURCE__API_KEY": KEY,
        "SOURCES__IMAGINE_API_SOURCE__BASE_URL": url,
        **more,
    }
    try:
        yield folder, environment
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def served(serve: Callable[[socket.socket, Event], None]) -> Iterator[str]:
    """The address of a server in a process of its own, which sets the event when it is ready."""
    sock = socket.create_server(("127.0.0.1", 0))
    ready = multiprocessing.Event()
    server = multiprocessing.Process(target=serve, args=(sock, ready), daemon=True)
    server.start()
    try:
        assert ready.wait(300), "the server did not start"
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.terminate()
        server.join()
        sock.close()


@contextmanager
def at_home(url: str = "") -> Iterator[Path]:
    """A home for this very process."""
    with home(url) as (folder, environment), mock.patch.dict(os.environ, environment):
        yield folder


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
