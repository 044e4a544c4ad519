"""`make long`: the tests marked `long`, and their result in docs/long.txt when all have passed."""

import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

RESULT = Path(__file__).with_suffix(".txt")
PYTEST = ("-m", "pytest", "-m", "long", "--numprocesses", "2", "--durations=0", "-q", "--no-header")
PACKAGES = ("dagster", "dagster-dlt", "dlt", "duckdb", "playwright")
KEPT = re.compile(r"^[\d.]+s call .*|^\d+ passed.*")


def main() -> int:
    """Run them; the exit code is pytest's."""
    done = subprocess.run(  # noqa: S603 our own command
        [sys.executable, *PYTEST], stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    if done.returncode == 0:
        now = datetime.now(timezone.utc)
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
        lines = [line for line in done.stdout.splitlines() if KEPT.match(line)]
        head = f"make long, {now:%Y-%m-%d}: Python {platform.python_version()}, {versions}"
        RESULT.write_text("\n".join([head, "", *lines]) + "\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
