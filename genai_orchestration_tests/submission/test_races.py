"""Eight processes submit from one ledger, over HTTP: the limits hold at the provider itself.

What counts is what the sandbox has seen: when each job began and ended, and what it took.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import lives, vendors
from genai_orchestration_tests.support.starter import Order, Starter
from genai_orchestration_tests.support.vendors import PROVIDERS, Made

PROCESSES = 8
PLACES = 3  # jobs in flight
START = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)  # far from the end of a day
FASTER = 10.0  # than the world: a job takes half a second of it, and longer
CAPS = {"magic_hour": 60, "imagine_api": 12}  # credits a day: 12 requests
FAIL = ("forbidden", "blood")  # words of prompts that fail; Magic Hour then gives the credits back
FAILING, FINE = 4, 16  # requests: more of them than the cap pays for


class Running(Sandbox):
    """A sandbox whose clock other processes can share."""

    def __init__(self, faster: float) -> None:
        self.began, self.faster = time.time(), faster
        super().__init__(clock=lives.Hurried(START, self.began, faster))

    def order(self, provider: Provider) -> Order:
        return Order(
            life="submit",
            provider=provider.name,
            now=START.isoformat(),
            began=self.began,
            faster=self.faster,
        )


@pytest.fixture
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with Running(request.param).running() as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        assert isinstance(sandbox, Running)
        yield sandbox


def race(sandbox: Running, provider: Provider, starter: Starter) -> None:
    """Eight processes submit until each of them has nothing more to do."""
    processes = [starter.start(sandbox.order(provider)) for _ in range(PROCESSES)]
    assert [starter.ended(process) for process in processes] == [0] * PROCESSES


def most_in_flight(jobs: list[Made]) -> int:
    """The most jobs that ran at one moment: one of those in which one began."""
    return max(sum(job.began <= moment < job.ended for job in jobs) for moment in begun(jobs))


def most_spent(jobs: list[Made]) -> int:
    """The most credits that had been taken at one moment."""
    return max(sum(job.charged(moment) for job in jobs) for moment in begun(jobs))


def begun(jobs: list[Made]) -> list[datetime]:
    return [job.began for job in jobs]


def check_sent_once(sandbox: Sandbox, provider: Provider, ledger: Ledger) -> list[Made]:
    """Each request that was sent was sent once, and the ledger has its job; the jobs."""
    jobs = vendors.made(sandbox, provider)
    submitted = {
        row.request_key: row.provider_job_id
        for row in ledger.requests(states=[RequestState.SUBMITTED])
    }
    assert len(jobs) == vendors.posts(sandbox, provider) == len(submitted)
    assert {job.key: job.job_id for job in jobs} == submitted
    return jobs


@pytest.mark.parametrize("vendor", [FASTER], indirect=True, ids=["hurried"])
@pytest.mark.parametrize("name", CAPS)
def test_eight_processes_share_one_budget_and_the_places_in_flight(
    name: str,
    vendor: Running,
    place: Settings,
    starter: Starter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider, cap = PROVIDERS[name], CAPS[name]
    section = f"SOURCES__{provider.section.upper()}"
    monkeypatch.setenv(f"{section}__CREDITS_PER_DAY", str(cap))
    monkeypatch.setenv(f"{section}__IN_FLIGHT", str(PLACES))
    keys = [f"a-{'-'.join(FAIL)}-{n}" for n in range(FAILING)] + [f"b-{n}" for n in range(FINE)]
    with Ledger.open(place) as ledger:
        ledger.add([vendors.wanted(vendor, provider, key) for key in keys], START)
        ledger.approve(keys, START)
        race(vendor, provider, starter)
        jobs = check_sent_once(vendor, provider, ledger)
        usage = ledger.usage(name, vendor.clock.now())
        assert set(ledger.counts()) == {RequestState.SUBMITTED, RequestState.APPROVED}
    assert most_in_flight(jobs) <= PLACES
    assert most_spent(jobs) == usage.day == cap


@pytest.mark.parametrize("vendor", [1.0], indirect=True, ids=["real time"])
def test_eight_processes_stay_below_the_ceiling_of_posts_a_second(
    vendor: Running, place: Settings, starter: Starter
) -> None:
    provider, gateway = PROVIDERS["abyssale"], vendor.providers["abyssale"]
    keys = [f"k{n}" for n in range(35)]
    with Ledger.open(place) as ledger:
        ledger.add([vendors.wanted(vendor, provider, key) for key in keys], START)
        ledger.approve(keys, START)
        race(vendor, provider, starter)
        assert len(check_sent_once(vendor, provider, ledger)) == len(keys)
    assert gateway.gateway_peak <= provider.posts_per_second == gateway.gateway_limit
