"""The limit on how many requests start in a second, with a clock that stands still."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from genai_orchestration.providers import http
from genai_orchestration.providers.http import RateLimit


@pytest.mark.parametrize("per_second", [1, 10, 25])
def test_no_second_sees_more_starts_than_allowed_whatever_the_threads_do(
    monkeypatch: pytest.MonkeyPatch, per_second: int
) -> None:
    starts: list[float] = []
    standing_still = SimpleNamespace(monotonic=lambda: 100.0, sleep=starts.append)
    monkeypatch.setattr(http, "time", standing_still)
    limit = RateLimit(per_second)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(80):
            threads.submit(limit.wait)
    starts.sort()
    assert len(starts) == 80
    later = starts[per_second:]
    assert min(end - start for start, end in zip(starts, later, strict=False)) > 1.0


def test_a_limit_makes_nobody_wait_who_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [0.0], list[float]()
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=slept.append))
    limit = RateLimit(10)
    for moment in (0.0, 5.0, 5.0):
        now[0] = moment
        limit.wait()
    assert slept == [0.0, 0.0, pytest.approx(0.104)]
