"""Install each Directus, run the suites on each with each database, and write down what came of it.

python -m conformance ["9.23.1 sqlite" ...]      all four by default; only then is it written
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from conformance.directus import DATABASES
from conformance.install import VERSIONS, NotInstalled, installed

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "conformance.md"
CONTRACT = "genai_orchestration_tests/providers/imagine_api/contract"
SUITES = {  # in the order in which they run
    "contract": CONTRACT,
    "settings": "conformance/test_settings.py",
    "end to end": "conformance/test_end_to_end.py",
}
SERVERS = tuple(f"{number} {database}" for number in VERSIONS for database in DATABASES)
LIBRARIES = ("dagster", "dlt", "duckdb")

console = Console(highlight=False)


@dataclass(frozen=True)
class Result:
    """The tests of one suite on one server."""

    server: str
    suite: str
    passed: int
    failed: Sequence[str]
    seconds: float

    def row(self) -> str:
        """A line of the table."""
        number, database = self.server.split()
        cells = (number, database, self.suite, self.passed, len(self.failed), f"{self.seconds:.0f}")
        return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """Run all; 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("servers", nargs="*", metavar='"VERSION DATABASE"', help=str(SERVERS))
    chosen = parser.parse_args().servers or SERVERS
    if unknown := set(chosen) - set(SERVERS):
        parser.error(f"no such server: {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    try:
        for number in dict.fromkeys(server.split()[0] for server in chosen):
            with console.status(f"Installing Directus {number}: some minutes, once ..."):
                installed(number)
    except NotInstalled as error:
        console.print(str(error))
        return 1
    results = list(itertools.chain.from_iterable(map(_run, chosen)))
    if tuple(chosen) == SERVERS:
        RESULT.write_text(_page(results))
        console.print(f"Written to {RESULT.relative_to(ROOT)}.")
    return int(any(result.failed for result in results))


def _run(server: str) -> list[Result]:
    """All suites on one server."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        started = time.monotonic()
        console.print(f"Directus {server}")
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "--no-header"),
                *("-p", "conformance.plugin", "--directus", server, f"--junitxml={report}"),
                *SUITES.values(),
            ],
            cwd=ROOT,
        )
        if not report.exists():
            failed = [f"pytest ended with {ended.returncode}"]
            return [Result(server, "all", 0, failed, time.monotonic() - started)]
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    return [_result(server, suite, path, cases) for suite, path in SUITES.items()]


def _result(server: str, suite: str, path: str, cases: Sequence[ElementTree.Element]) -> Result:
    module = path.removesuffix(".py").replace("/", ".")
    own = [case for case in cases if case.attrib["classname"].startswith(module)]
    failed = [case.attrib["name"] for case in own if len(case)]  # a failure, an error or a skip
    seconds = sum(float(case.attrib["time"]) for case in own)
    return Result(server, suite, len(own) - len(failed), failed, seconds)


def _page(results: Sequence[Result]) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    failures = [
        f"- {result.server}, {result.suite}: `{name}`"
        for result in results
        for name in result.failed
    ]
    table = "\n".join(result.row() for result in results)
    return f"""\
# Conformance

Written by `make conformance` on {datetime.now(timezone.utc):%Y-%m-%d}, with Node {node}, \
{libraries}.

ImagineAPI is a Directus 9.23.1. The same contract suite that `make test` runs on the sandbox ran
here on a real Directus, of that version and of a current one, with ImagineAPI's collections, role
and permissions. Then the product ran against it: the polling sensor, a backfill, the archive, and
fifty paid requests from two processes at once. A test that states how 11 differs from 9.23.1
counts on both.

| Directus | database | suite | passed | failed | seconds |
| --- | --- | --- | --- | --- | --- |
{table}

{chr(10).join(failures) or "Nothing failed."}
"""


if __name__ == "__main__":
    sys.exit(main())
