"""`python -m genai_orchestration_tests.soak`: a soak, its counts, and an exit code.

The counts of one in which nothing differs are written to docs/soak.txt.
"""

import argparse
import platform
import shutil
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.table import Table

from genai_orchestration_tests.soak.course import Soak, Verdict, shown

MINUTES = 10.0
SETTLE_MINUTES = 15.0
SHOWN = 8  # differences of a kind
RESULT = Path(__file__).parents[2] / "docs" / "soak.txt"

WHOLE = "Nothing is missing, nothing is there twice, nothing differs."

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Run it; 0 when nothing differs, else 1, and the folder with everything is kept."""
    parser = argparse.ArgumentParser(prog="python -m genai_orchestration_tests.soak")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of faults and kills")
    parser.add_argument("--settle", type=float, default=SETTLE_MINUTES, help="minutes, at most")
    parser.add_argument("--seed", type=int, default=None, help="the same kills and images again")
    chosen = parser.parse_args()
    seed = int(time.time()) % 100_000 if chosen.seed is None else chosen.seed
    folder = Path(tempfile.mkdtemp(prefix="genai-soak-"))
    soak = Soak(folder, seed, chosen.minutes * 60, chosen.settle * 60, tell=console.print)
    verdict = soak.run()
    table = Table(title=f"soak, seed {seed}", title_justify="left")
    table.add_column("what", no_wrap=True)
    table.add_column("count", overflow="fold")
    for what, count in verdict.counts.items():
        table.add_row(what, str(count))
    console.print(table)
    for line in filter(None, shown(verdict.differences, SHOWN)):
        console.print(line, markup=False)
    if verdict.differences:
        console.print(f"FAILED: {len(verdict.differences)} differences; all is kept in {folder}")
        return 1
    console.print(WHOLE)
    RESULT.write_text(_result(f"{chosen.minutes:g} minutes, seed {seed}", verdict))
    shutil.rmtree(folder)
    return 0


def _result(course: str, verdict: Verdict) -> str:
    now = datetime.now(timezone.utc)
    head = f"make soak, {now:%Y-%m-%d}: {course}, Python {platform.python_version()}"
    counts = [f"{what}: {count}" for what, count in verdict.counts.items()]
    return "\n".join([head, "", *counts, "", WHOLE]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
