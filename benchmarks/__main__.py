"""Run the parts, print their table; RESULTS.md is written when all of them have run."""

import argparse
import importlib
import inspect
import os
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Line

# in the order of the table; each is a module here, with a function `run`
PARTS = ("load", "backfill", "watching", "finished", "details", "archive", "start", "submitting")
HEADINGS = ("measure", "ours", "alternative", "ratio", "target", "")
RESULTS = Path(__file__).with_name("RESULTS.md")
LIBRARIES = ("dagster", "dagster-dlt", "dlt", "duckdb", "pyarrow", "sqlalchemy")

console = Console(highlight=False)


def main() -> None:
    """Run the chosen parts, by default all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)}")
    chosen = parser.parse_args().parts or PARTS
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    started = time.monotonic()
    sections = [_section(part) for part in chosen]
    minutes = (time.monotonic() - started) / 60
    console.print(f"All of it took {minutes:.1f} minutes.")
    if tuple(chosen) == PARTS:
        RESULTS.write_text("\n\n".join([_preface(minutes), *sections]) + "\n")
        console.print(f"Written to {RESULTS.relative_to(RESULTS.parent.parent)}.")


def _section(part: str) -> str:
    """Run a part; its table on the screen, and as Markdown."""
    module = importlib.import_module(f"benchmarks.{part}")
    about = inspect.getdoc(module) or ""
    with console.status(f"Measuring: {part} ..."):
        started = time.monotonic()
        lines: list[Line] = list(module.run())
        seconds = time.monotonic() - started
    grid = Table(*HEADINGS, title=f"{part} ({seconds:.0f} s)", title_justify="left")
    for line in lines:
        grid.add_row(*line.cells())
    console.print(grid)
    for line in lines:
        if line.why:
            console.print(f"  {line.measure}: {line.why}", soft_wrap=True)
    return _markdown(part, about, lines)


def _markdown(part: str, about: str, lines: Sequence[Line]) -> str:
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(line.cells() for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    notes = "\n".join(f"- {line.measure}: {line.why}" for line in lines if line.why)
    return "\n\n".join(filter(None, (f"## {part}", about, table, notes)))


def _preface(minutes: float) -> str:
    """The machine and the versions: the figures mean nothing without them."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"""# Benchmarks

Written by `make bench` in {minutes:.0f} minutes, on {_machine()}; Python
{platform.python_version()}, {libraries}. Every ratio was measured side by side, in one run."""


def _machine() -> str:
    """Its processor, cores and memory."""
    facts = dict(
        line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line
    )
    model = next((value for key, value in facts.items() if key.startswith("model name")), "")
    memory = Path("/proc/meminfo").read_text().split()[1]
    return (
        f"{os.cpu_count()} cores ({model.strip() or platform.machine()}), "
        f"{int(memory) / 1e6:.0f} GB, {platform.system()}"
    )


if __name__ == "__main__":
    main()
