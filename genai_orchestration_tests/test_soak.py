"""A small soak: `genai dev` under faults and SIGKILLs, and nothing is lost.

What `make soak` judges after minutes is judged here after seconds; see the package `soak`.
"""

from pathlib import Path

from genai_orchestration_tests.soak.course import Soak

SECONDS = 20.0  # of work; the kills may take longer
SETTLE_SECONDS = 300.0  # at most
PAUSE_SECONDS = (1.0, 5.0)  # between being whole and the next kill
VICTIMS = ("worker", "sandbox", "code server")  # the daemon is killed in test_end_to_end
OLD_DAYS = (1,)  # older ones are counted every ten minutes


def test_after_faults_and_kills_everything_is_there_once_and_equal(
    tmp_path: Path, seed: int
) -> None:
    soak = Soak(tmp_path / "soak", seed, SECONDS, SETTLE_SECONDS, VICTIMS, OLD_DAYS, PAUSE_SECONDS)
    verdict = soak.run()
    print(verdict.counts)  # noqa: T201 pytest shows it with a failure
    assert verdict.differences == []
    assert soak.sandbox.failed.total() > 0
    assert set(soak.kills) == set(VICTIMS)
