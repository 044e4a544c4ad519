"""What is paid before anything is done: the code location, the command's help, an idle Dagster.

*The code location* is timed as Dagster's code server loads it (`dagster api grpc`, from its start
until it takes requests), beside a location with one `@dlt_assets`. *The help* is timed beside
Python's own start. *Idle* is `dagster dev` with all sensors and schedules on, against the sandbox
with nothing to do, beside the bare location with as many sensors that do nothing at the same
intervals and Dagster's default settings: CPU seconds of all processes in a window without a run,
both at the same time.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.dagster_dev import Dagster, free_port, running
from benchmarks.measuring import GENAI, Line, home, process
from genai_orchestration.definitions import defs
from genai_orchestration.providers.sandbox import Sandbox

MORE = 0.5  # seconds that our location may take longer
HELP = 0.3  # seconds
TIMES, TIMES_HELP = 5, 9  # of which the fastest counts
WINDOW = 30  # seconds of idling: the interval of most sensors
WINDOWS = 8  # until one has no run in it
PATIENCE = 120  # seconds
TICK = os.sysconf("SC_CLK_TCK")
OURS = "genai_orchestration.definitions"
BARE, BARE_IDLE = "benchmarks.bare_location", "benchmarks.idle_location"
DEFAULTS = "telemetry: {enabled: false}\n"  # Dagster's own settings, but that nobody is told


def run() -> Iterator[Line]:
    """All lines of this part."""
    yield _location()
    yield _help()
    yield _idle()


def _location() -> Line:
    """Our code location beside a bare one, in turn."""
    seconds: dict[str, list[float]] = {BARE: [], OURS: []}
    with home() as (folder, environment):
        for _ in range(TIMES):
            for module, found in seconds.items():
                found.append(_loaded(module, folder, environment))
    bare, ours = (min(found) for found in seconds.values())
    return Line(
        measure="the code location loads",
        ours=f"{ours:.2f} s ({ours - bare:+.2f} s)",
        alternative=f"Dagster, dlt and one table: {bare:.2f} s",
        ratio=bare / ours,
        target=f"at most {MORE} s more",
        reached=ours - bare <= MORE,
    )


def _loaded(module: str, folder: Path, environment: Mapping[str, str]) -> float:
    """Seconds until a code server has loaded that module: then it opens its port."""
    port = free_port()
    command = ["-m", "dagster", "api", "grpc", "-m", module, "-p", str(port), "-h", "127.0.0.1"]
    started = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, *command, "--log-level", "error"],
        cwd=folder,
        env={**os.environ, **environment},
    )
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                return time.monotonic() - started
            if server.poll() is not None or time.monotonic() - started > PATIENCE:
                raise SystemExit(f"The code location {module} did not load.")
            time.sleep(0.005)
    finally:
        server.terminate()
        server.wait()


def _help() -> Line:
    """`genai --help` beside Python that does nothing, and that imports click."""
    with home() as (folder, environment):

        def fastest(*command: str) -> float:
            return min(process(command, environment, folder).seconds for _ in range(TIMES_HELP))

        ours = fastest(GENAI, "--help")
        nothing, click = (fastest(sys.executable, "-c", c) for c in ("pass", "import click"))
    return Line(
        measure="genai --help",
        ours=f"{ours:.2f} s",
        alternative=f"python -c pass {nothing:.2f} s, import click {click:.2f} s",
        ratio=click / ours,
        target=f"under {HELP} s",
        reached=ours < HELP,
    )


def _idle() -> Line:
    """Our `dagster dev` beside a bare one, idling at the same time."""
    sensors = [sensor.minimum_interval_seconds or 30 for sensor in defs().sensors or ()]
    intervals = ",".join(map(str, sensors))
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox().running())
        sandbox.clock.advance(3600)  # everything has ended that ever will
        folder, environment = stack.enter_context(home(**sandbox.environment()))
        bare_folder, bare = stack.enter_context(home(BENCH_INTERVALS=intervals))
        ours = stack.enter_context(running(folder, environment))
        stack.enter_context(running(bare_folder, bare, BARE_IDLE, settings=DEFAULTS))
        busy, idle = _quiet_window(ours, [folder, bare_folder])
    return Line(
        measure="CPU of an idle dagster dev",
        ours=f"{busy:.1f} s a minute",
        alternative=f"bare, {len(sensors)} sensors that do nothing: {idle:.1f} s a minute",
        ratio=idle / busy,
        why="ours looks for queued runs every second instead of every five, and its sensors ask",
    )


def _quiet_window(dagster: Dagster, folders: Sequence[Path]) -> list[float]:
    """CPU seconds a minute below each folder, in a window in which no run was under way."""
    for _ in range(WINDOWS):
        dagster.until("nothing is under way", PATIENCE, dagster.idle)
        runs, before = dagster.instance.get_runs_count(), [_cpu(folder) for folder in folders]
        started = time.monotonic()
        time.sleep(WINDOW)
        after, minutes = [_cpu(each) for each in folders], (time.monotonic() - started) / 60
        if dagster.instance.get_runs_count() == runs:
            return [(end - begin) / minutes for begin, end in zip(before, after, strict=True)]
    raise SystemExit(f"There was a run in each of {WINDOWS} windows.")


def _cpu(folder: Path) -> float:
    """CPU seconds so far of the processes whose DAGSTER_HOME is in that folder, and their dead."""
    ticks = 0
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended, or is somebody else's
            if f"DAGSTER_HOME={folder}/".encode() in (each / "environ").read_bytes():
                # user and system time, and those of children that have ended, follow the name
                fields = (each / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
    return ticks / TICK
