"""The limit on how many requests reach a server in a second."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from genai_orchestration.providers import rate_limit
from genai_orchestration.providers.rate_limit import RateLimit


@pytest.mark.parametrize("per_second", [5, 20])
def test_no_second_sees_more_arrivals_than_allowed_however_late_requests_arrive(
    per_second: int,
) -> None:
    limit = RateLimit(per_second)
    arrivals: list[float] = []

    def request(seed: int) -> None:
        delays = random.Random(seed)
        with limit.place():
            time.sleep(delays.choice([0, 0, 0.05, 0.3]))  # on its way
            arrivals.append(time.monotonic())
            time.sleep(delays.choice([0, 0.02]))  # the answer on its way back

    with ThreadPoolExecutor(3 * per_second) as threads:
        list(threads.map(request, range(4 * per_second)))
    arrivals.sort()
    assert len(arrivals) == 4 * per_second
    later = arrivals[per_second:]
    assert min(end - start for start, end in zip(arrivals, later, strict=False)) > 1.0


def test_a_limit_makes_nobody_wait_who_comes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [10.0], list[float]()
    monkeypatch.setattr(
        rate_limit, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=slept.append)
    )
    limit = RateLimit(2)
    for moment in (10.0, 10.0, 10.4, 15.0):
        now[0] = moment
        with limit.place():
            pass
    assert slept == [0.0, 0.0, pytest.approx(RateLimit.SECOND - 0.4), 0.0]


def test_a_request_that_fails_gives_its_place_back() -> None:
    limit = RateLimit(1)
    with pytest.raises(OSError, match="broken"), limit.place():
        raise OSError("broken")
    with limit.place():
        pass
