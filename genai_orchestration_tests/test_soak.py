"""A small soak: `genai dev` under faults and SIGKILLs, and nothing is lost.

What `make soak` judges after minutes is judged here after seconds; see the package `soak`.
"""

import os
from pathlib import Path

from genai_orchestration_tests.soak.course import Soak

SEED = int(os.environ.get("SEED", "11"))
SECONDS = 30.0  # of work; the kills may take longer
SETTLE_SECONDS = 300.0  # at most
# what the web server's death does to `dagster dev` is what the daemon's does
VICTIMS = ("worker", "sandbox", "code server", "daemon")


def test_after_faults_and_kills_everything_is_there_once_and_equal(tmp_path: Path) -> None:
    soak = Soak(tmp_path / "soak", SEED, SECONDS, SETTLE_SECONDS, VICTIMS)
    verdict = soak.run()
    print(f"seed {SEED}", verdict.counts)  # noqa: T201 pytest shows it with a failure
    assert verdict.differences == []
    assert soak.sandbox.failed.total() > 0
