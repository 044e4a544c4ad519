"""Processes that submit, follow and load are killed anywhere: nothing is paid for twice, or lost.

a process ─► dies at a place ─► 11 minutes later another one ─► ... ─► all is done
                    │                         │
                    └── what stands on disk is checked after each of them
"""

import functools
import itertools
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import deaths, vendors
from genai_orchestration_tests.support.starter import Order, Starter
from genai_orchestration_tests.support.vendors import PROVIDERS, RECONCILED

S = RequestState
LATER = 11 * 60.0  # seconds: longer than any POST takes
ENOUGH = 8  # processes, one after the other, in which all comes to an end
REQUESTS = ("fine", "refused", "put-off", "answer-lost", "never-arrived", "last")
UNCLEAR = {S.SUBMITTED, S.REJECTED, S.UNKNOWN}  # ends where nobody can be asked

numbers = itertools.count()
each_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    """One sandbox for all tests here; without the gateway's ceiling, whose seconds are real."""
    sandbox = Sandbox(clock=FrozenClock())
    sandbox.providers["abyssale"].gateway_limit = None
    with sandbox.running() as running:
        yield running


@dataclass
class World:
    """A ledger with requests of its own, the sandbox, and processes that live between them."""

    sandbox: Sandbox
    starter: Starter
    ledger: Ledger
    settings: Settings
    provider: Provider
    keys: list[str] = field(default_factory=list)
    answered: dict[str, str] = field(default_factory=dict)  # request -> job, once on disk

    def plan(self) -> None:
        """Requests that come to all of the ends there are, in this order."""
        start = f"{next(numbers)}-"
        wanted = [
            vendors.wanted(
                self.sandbox, self.provider, f"{start}{n}-{what}", good=what != "refused"
            )
            for n, what in enumerate(REQUESTS)
        ]
        self.keys = [request.request_key for request in wanted]
        now = self.sandbox.clock.now()
        self.ledger.add(wanted, now)
        self.ledger.approve(self.keys, now)
        fault = functools.partial(vendors.fault, self.provider)
        self.sandbox.traffic.faults[:] = [  # of one POST after the other
            vendors.no_fault(self.provider),
            vendors.no_fault(self.provider),
            fault("status", status=429, retry_after="0"),
            vendors.no_fault(self.provider),
            fault("status", status=502, after_work=True),
            fault("status", status=502),
        ]

    def order(self, life: str = "live", death: str = "") -> Order:
        now = self.sandbox.clock.now().isoformat()
        name, url = self.provider.name, self.sandbox.url
        return Order(life=life, provider=name, now=now, sandbox=url, death=death)

    def run(self, life: str = "live", death: str = "") -> int:
        """A process, to its end; its exit code. What it left behind is checked."""
        code = self.starter.run(self.order(life, death))
        self.check()
        self.sandbox.clock.advance(LATER)
        return code

    def kill(self, place: str) -> None:
        """A process that has to come to that place, and dies there."""
        assert self.run(death=place) == -signal.SIGKILL, "it did not come to that place"

    def work_on(self) -> None:
        """Processes that nobody kills, until there is nothing left to submit or follow."""
        for _ in range(ENOUGH):
            assert self.run("work") == 0
            if self.done():
                break
        self.check_end()

    def done(self) -> bool:
        ends = UNCLEAR - {S.UNKNOWN} if self.provider.name in RECONCILED else UNCLEAR
        return set(self.ledger.counts()) <= ends

    def check(self) -> None:
        """What has to hold at any moment, whoever died."""
        accepted = vendors.accepted(self.sandbox, self.provider, self.keys)
        assert {key: ids for key, ids in accepted.items() if len(ids) > 1} == {}
        submitted: dict[str, str] = {}
        for row in self.ledger.requests():
            if row.state is S.SUBMITTED:
                assert accepted[row.request_key] == [row.provider_job_id]
                submitted[row.request_key] = str(row.provider_job_id)
            elif row.state in (S.REJECTED, S.APPROVED, S.PLANNED):
                assert accepted[row.request_key] == [], f"{row.request_key} may be sent again"
        assert self.answered.items() <= submitted.items(), "a job is lost"
        self.answered = submitted
        jobs = self.ledger.jobs()
        assert {job.request_key: job.job_id for job in jobs} == submitted
        rows = vendors.loaded(self.settings, self.provider, self.keys)
        assert len(set(rows)) == len(rows)
        assert {job.job_id for job in jobs if job.loaded} <= set(rows)
        assert set(rows) <= {id for ids in accepted.values() for id in ids}

    def check_end(self) -> None:
        """What has to hold when there is nothing left to do."""
        states = {row.request_key: row.state for row in self.ledger.requests()}
        refused = self.keys[REQUESTS.index("refused")]
        if self.provider.name in RECONCILED:
            wanted = {key: S.REJECTED if key == refused else S.SUBMITTED for key in self.keys}
            assert states == wanted
        else:
            assert set(states.values()) <= UNCLEAR
            assert states[refused] in (S.REJECTED, S.UNKNOWN)
        if self.provider.job_kinds[0].sensor:  # else only a load tells
            assert all(job.state.terminal for job in self.ledger.jobs())

    def live_on(self) -> None:
        """The same, and then one that loads what is there."""
        self.work_on()
        assert self.run() == 0
        jobs = self.ledger.jobs()
        assert all(job.state.terminal and job.loaded for job in jobs)
        rows = vendors.loaded(self.settings, self.provider, self.keys)
        assert rows == sorted(job.job_id for job in jobs)
        told = vendors.told(self.settings, self.provider, self.keys)
        assert told == {job.request_key: (job.job_id, job.state.value) for job in jobs}


@pytest.fixture
def world(
    vendor: Sandbox,
    starter: Starter,
    monkeypatch: pytest.MonkeyPatch,
    provider: Provider,
) -> Iterator[World]:
    for name, value in vendor.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    with Ledger.open(settings) as ledger:
        made = World(vendor, starter, ledger, settings, provider)
        made.plan()
        yield made


@pytest.mark.parametrize("place", [*deaths.SUBMITTING, *deaths.FOLLOWING])
@each_provider
def test_a_process_killed_while_it_submits_or_follows_is_continued_by_the_next(
    world: World, place: str
) -> None:
    world.kill(place)
    world.work_on()


@pytest.mark.parametrize("place", deaths.LOADING)
@each_provider
def test_a_process_killed_while_it_loads_is_continued_by_the_next(world: World, place: str) -> None:
    world.kill(place)
    world.live_on()


@pytest.mark.parametrize("place", deaths.ORPHANS)
@each_provider
def test_a_process_killed_while_it_gives_up_on_an_answer_is_continued_by_the_next(
    world: World, place: str
) -> None:
    world.kill("with the POST sent")
    world.kill(place)
    world.work_on()


@pytest.mark.parametrize("place", deaths.RECONCILING)
@pytest.mark.parametrize("provider", [PROVIDERS[name] for name in RECONCILED], ids=RECONCILED)
def test_a_process_killed_while_it_looks_a_request_up_is_continued_by_the_next(
    world: World, place: str
) -> None:
    if world.run(death=place) == 0:  # what is not found is given up on by the next process only
        world.kill(place)
    world.work_on()


@each_provider
def test_processes_killed_at_one_place_after_the_other_come_to_an_end(
    world: World, seed: int
) -> None:
    places = random.Random(seed).sample(sorted(deaths.ALL), 4)
    ends = [world.run(death=place) for place in places]
    assert set(ends) <= {0, -signal.SIGKILL}
    world.live_on()


@each_provider
def test_processes_killed_at_any_moment_come_to_an_end(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        process = world.starter.start(world.order())
        time.sleep(chance.uniform(0, 0.5))
        os.kill(process, signal.SIGKILL)
        assert world.starter.ended(process) in (0, -signal.SIGKILL)
        world.check()
        world.sandbox.clock.advance(LATER)
    world.live_on()
