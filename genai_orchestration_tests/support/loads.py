"""A made-up provider, and a process that loads it: what the tests of the warehouse run many of.

    python -m genai_orchestration_tests.support.loads merge <writer> <loads>   rows of its own
    python -m genai_orchestration_tests.support.loads snapshot <version>       the whole table

The process says `ready` and waits for a line on its standard input. GENAI_TEST_DEATH names the
moment at which it kills itself: half (of the extraction), normalize, load (before the first job),
or job1, job2, ... (after that job of the load step).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from dlt.common.runtime.collector import NullCollector
from dlt.extract import DltSource

from genai_orchestration import warehouse
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import resource, source_of
from genai_orchestration.settings import Settings

MODULE = "genai_orchestration_tests.support.loads"
REPOSITORY = Path(__file__).parents[2]
DEATH = "GENAI_TEST_DEATH"
ROWS = 50  # of one load
SNAPSHOT_ROWS = 3000

Pages = Callable[[], Iterator[pa.Table]]

LETTERS = Table(
    name="letters",
    description="Rows that many writers merge.",
    disposition="merge",
    primary_key=("id",),
    columns={"id": "text", "number": "bigint"},
)
STAND = Table(
    name="stand",
    description="A snapshot: every row has the version of the load that wrote it.",
    disposition="replace",
    primary_key=("id",),
    columns={"id": "text", "version": "bigint"},
)


def source(letters: Pages | None = None, stand: Pages | None = None) -> DltSource:
    """The tables that pages are given for."""
    pages = ((LETTERS, letters), (STAND, stand))
    return source_of(PROVIDER, *(resource(table, page) for table, page in pages if page))


PROVIDER = Provider(
    name="made_up",
    title="Made up",
    package="genai_orchestration_tests",
    base_url="https://made-up.invalid",
    source=source,
    examine=lambda account: iter(()),
    tables=(LETTERS, STAND),
)


def letters(writer: str, load: int, rows: int = ROWS) -> Pages:
    """Rows that no other writer and no other load has."""

    def pages() -> Iterator[pa.Table]:
        records = [{"id": f"{writer}-{load}-{n}", "number": n} for n in range(rows)]
        for half in (records[: rows // 2], records[rows // 2 :]):
            yield to_arrow(half, LETTERS.columns)
            die_at("half")

    return pages


def stand(version: int) -> Pages:
    """The whole snapshot, in one version."""

    def pages() -> Iterator[pa.Table]:
        rows = [{"id": str(n), "version": version} for n in range(SNAPSHOT_ROWS)]
        yield to_arrow(rows, STAND.columns)

    return pages


def load(settings: Settings, **pages: Pages) -> None:
    """Load the pages into the warehouse of `settings`."""
    with warehouse.pipeline(PROVIDER, settings, progress=Death()) as pipeline:
        pipeline.run(source(**pages)).raise_on_failed_jobs()


def count(settings: Settings, table: str = "letters") -> int | None:
    """How many rows the table has, checked to be as many ids; None when there is no table."""
    found = warehouse.query(
        PROVIDER,
        settings,
        f"SELECT count(*), count(DISTINCT id) FROM {{{table}}}",
    )
    if found is None:
        return None
    rows, ids = found[0]
    assert rows == ids
    return int(rows)


def versions(settings: Settings) -> list[tuple[int, int]]:
    """The versions in the snapshot, and how many rows each has."""
    sql = "SELECT version, count(*) FROM {stand} GROUP BY 1 ORDER BY 1"
    return [(row[0], row[1]) for row in warehouse.query(PROVIDER, settings, sql) or []]


class Death(NullCollector):
    """A dlt progress collector that tells the moments of a load to `die_at`."""

    jobs = 0

    def _start(self, step: str) -> None:
        die_at(step.split()[0].lower())

    def update(self, name: str, *args: Any, **kwargs: Any) -> None:
        """dlt's own word for a job of the load step that has ended: the name, and nothing else."""
        if name == "Jobs" and not args and not kwargs:
            self.jobs += 1
            die_at(f"job{self.jobs}")


def die_at(moment: str) -> None:
    """End this process as the kernel would, if this is the moment: nothing is tidied up."""
    if os.environ.get(DEATH) == moment:
        os.kill(os.getpid(), signal.SIGKILL)


def start(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
    """This module as a process that is ready to begin and waits for `go`."""
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    """Wait until the process is ready, and let it begin."""
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "ready\n", process.communicate()
    process.stdin.write("go\n")
    process.stdin.flush()


def run(*arguments: object, **environment: str) -> int:
    """Run this module as a process to its end, within a minute; its exit code."""
    with start(*arguments, **environment) as process:
        go(process)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()  # for the one that waits for a lock for ever
    return process.returncode


def killed_at(moment: str, *arguments: object) -> None:
    """Run this module as a process that kills itself at that moment, and see that it did."""
    assert run(*arguments, **{DEATH: moment}) == -signal.SIGKILL


def main(kind: str, name: str, loads: str = "1") -> None:
    """What the process does."""
    settings = Settings.load()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if kind == "snapshot":
        load(settings, stand=stand(int(name)))
        return
    for number in range(int(loads)):
        load(settings, letters=letters(name, number))


if __name__ == "__main__":
    main(*sys.argv[1:])
