"""Requests, many of whose answers are lost after the work was done: none is sent twice.

POST ─► the sandbox does the work ─┬─► an answer
                                   └─► 502 · a cut connection · half a body · silence
"""

import random
from typing import Any

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers import paid, rate_limit
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import lives, vendors
from genai_orchestration_tests.support.vendors import PROVIDERS, RECONCILED

S = RequestState
SHARES = {"imagine_api": 0.4, "magic_hour": 0.3, "abyssale": 0.3}  # of all requests
LOST = 0.2  # of the answers
SHORT = RetryPolicy(attempts=1, longest_wait=0, timeouts=(5.0, 0.15))
SILENCE = 0.5  # seconds: longer than that
HOUR = 3600.0  # the longest that the line rests after unclear answers
PASSES = 1000  # more than it takes
WAYS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 502, "after_work": True},
    {"kind": "reset"},
    {"kind": "truncate"},
    {"kind": "timeout", "after_work": True, "seconds": SILENCE},
    {"kind": "status", "status": 502},  # nothing was made of it, but nobody can tell
)


def losses(provider: Provider, count: int, chance: random.Random) -> list[Fault]:
    """What happens to one POST after the other."""
    return [
        vendors.fault(provider, **chance.choice(WAYS))
        if chance.random() < LOST
        else vendors.no_fault(provider)
        for _ in range(count)
    ]


@pytest.fixture
def hurried(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long, and the sandbox takes all that comes."""
    monkeypatch.setattr(paid, "LOAD_POLICY", SHORT)
    monkeypatch.setattr(rate_limit.RateLimit, "SECOND", 0.0)
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__IN_FLIGHT", str(PASSES))
    sandbox.providers["abyssale"].gateway_limit = None


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("number", [200, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", SHARES)
def test_of_many_requests_whose_answers_may_be_lost_none_is_sent_twice(
    name: str, number: int, sandbox: Sandbox, settings: Settings, seed: int
) -> None:
    provider = PROVIDERS[name]
    keys = [f"k{n}" for n in range(round(SHARES[name] * number))]
    sandbox.traffic.faults[:] = losses(provider, len(keys), random.Random(seed))
    open_ = {S.APPROVED, S.SUBMITTING} | ({S.UNKNOWN} if name in RECONCILED else set())
    clock = lives.HandMoved(sandbox.clock.now(), sandbox.url)
    with Ledger.open(settings) as ledger:
        ledger.add([vendors.wanted(sandbox, provider, key) for key in keys], clock.now())
        ledger.approve(keys, clock.now())
        for _ in range(PASSES):
            lives.work(ledger, provider, clock)
            if not open_ & set(ledger.counts()):
                break
            clock.sleep(HOUR)
        rows = {row.request_key: row for row in ledger.requests()}
    assert sandbox.traffic.faults == [], "not every answer has had its turn"
    accepted = vendors.accepted(sandbox, provider, keys)
    assert {key: ids for key, ids in accepted.items() if len(ids) > 1} == {}
    submitted = {key: row for key, row in rows.items() if row.state is S.SUBMITTED}
    assert all(accepted[key] == [row.provider_job_id] for key, row in submitted.items())
    if name in RECONCILED:
        assert len(submitted) == len(keys)
    else:
        assert {row.state for row in rows.values()} == {S.SUBMITTED, S.UNKNOWN}
        assert vendors.posts(sandbox, provider) == len(keys)
