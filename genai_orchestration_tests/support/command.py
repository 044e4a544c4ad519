"""The `genai` command as a person runs it: in this process, or as one of its own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from genai_orchestration.cli import main
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.dagster_client import until

GENAI = str(Path(sys.executable).with_name("genai"))
SECRET = "hunter2-is-no-key"
MARK = "GENAI_TEST_MARK"  # an environment variable by which a command's processes are found
SERVED = re.compile(r" is at (http://127\.0\.0\.1:\d+) - Ctrl-C ends ")
PROVIDERS = {"abyssale": "Abyssale", "imagine_api": "ImagineAPI", "magic_hour": "Magic Hour"}
# a program that has the DuckDB file open until it is written to
HOLDER = (
    "import duckdb, sys\n"
    "connection = duckdb.connect(sys.argv[1])\n"
    "print('open', flush=True)\n"
    "sys.stdin.readline()\n"
)

each_provider = pytest.mark.parametrize("provider", PROVIDERS)


@contextlib.contextmanager
def kept_open(warehouse: Path) -> Iterator[int]:
    """Another program has the DuckDB file open; its process id."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse)], stdin=-1, stdout=-1, text=True
    ) as stranger:
        assert stranger.stdout
        assert stranger.stdout.readline() == "open\n"
        try:
            yield stranger.pid
        finally:
            stranger.communicate("close\n")


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of an error that was foreseen; there must be nothing else."""
        assert (self.code, self.out) == (1, ""), self
        assert self.err.startswith("Error: "), self
        assert self.err.endswith(".\n"), self
        assert self.err.count("\n") == 1, self
        return self.err.removeprefix("Error: ").strip()

    @property
    def usage(self) -> str:
        """The last line of a wrong command line: what is wrong, below click's own two lines."""
        assert (self.code, self.out) == (2, ""), self
        assert self.err.startswith("Usage: genai "), self
        return self.err.splitlines()[-1].removeprefix("Error: ")


def genai(*arguments: str) -> Said:
    """Run it in this process; an error that nobody foresaw fails the test."""
    result = CliRunner().invoke(main, list(arguments), prog_name="genai", catch_exceptions=False)
    return Said(result.exit_code, result.stdout, result.stderr)


def process(*arguments: str, **environment: str) -> Said:
    """Run it as a process to its end, within ten minutes."""
    ended = subprocess.run(
        [GENAI, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


@contextlib.contextmanager
def served(*arguments: str, **environment: str) -> Iterator[str]:
    """The address that it serves at; at the end Ctrl-C ends it, and all that it has started."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryFile() as output:
        running = subprocess.Popen(
            [GENAI, *arguments],
            env={**os.environ, **environment, MARK: mark},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield until("its address is told", 120, lambda: _address(running, output.fileno()))
        finally:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to the whole group
                running.wait(60)
            behind = left_behind(mark)
            for pid in behind:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            running.wait()
        told = _told(output.fileno())
        assert (running.returncode, behind) == (0, []), told
        assert "Traceback" not in told


def _address(running: subprocess.Popen[bytes], output: int) -> str | None:
    told = _told(output)
    assert running.poll() is None, told
    found = SERVED.search(told)
    return found and found[1]


def _told(output: int) -> str:
    """What was written so far; the place at which the command writes stays."""
    return os.pread(output, os.fstat(output).st_size, 0).decode()


def left_behind(mark: str) -> list[int]:
    """Processes that still run with this mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or is somebody else's
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def tables(settings: Settings) -> dict[str, int]:
    """The rows of every table in the DuckDB file, by its qualified name; empty without a file."""
    if not settings.warehouse.is_file():
        return {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for (name,) in names
        }


def variable(provider: str, name: str) -> str:
    """The environment variable of a provider's setting."""
    return f"SOURCES__{provider.upper()}_SOURCE__{name.upper()}"
