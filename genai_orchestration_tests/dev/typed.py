"""The real `genai dev`, typed in a folder of its own."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genai_orchestration_tests.support.command import GENAI, MARK, left_behind
from genai_orchestration_tests.support.dagster_client import (
    free_port,
)

UP_WITHIN = 600  # seconds, on a machine that runs the whole suite


@dataclass
class Dev:
    """A running `genai dev`."""

    process: "subprocess.Popen[bytes]"
    url: str
    folder: Path
    mark: str
    output: Path

    @property
    def said(self) -> str:
        return self.output.read_text()


@contextlib.contextmanager
def dev(folder: Path, environment: dict[str, str]) -> Iterator[Dev]:
    """`genai dev` typed in that folder, with GENAI_HOME relative to it; killed at the end."""
    port, output = free_port(), folder / "said.txt"
    mark = f"{folder.name}-{port}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("GENAI_")}
    with output.open("wb") as file:
        process = subprocess.Popen(
            [GENAI, "dev", "--port", str(port)],
            cwd=folder,
            env={**env, "GENAI_HOME": "state", MARK: mark, **environment},
            stdout=file,
            stderr=file,
        )
    running = Dev(process, f"http://127.0.0.1:{port}", folder, mark, output)
    try:
        yield running
    finally:
        for pid in (process.pid, *left_behind(mark)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def is_up(running: Dev) -> bool:
    assert running.process.poll() is None, running.said
    return "The web UI is at" in running.said
