"""Terminate in the web UI, under a real daemon: what is on its way is finished, nothing follows.

One `genai dev` for all of it: that the run of the next moment starts shows that the pool is free.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.locks import lock_file, process_lock
from genai_orchestration_tests.orchestration.paid import approved, hero, posts
from genai_orchestration_tests.support.dagster_client import Dagster, dagster, until

SAFE, FORCED = "SAFE_TERMINATE", "MARK_AS_CANCELED_IMMEDIATELY"
PAID, LOAD = "magic_hour_requests", "magic_hour_load"
PATH = "/magic_hour"
STARTS_WITHIN = 120.0  # seconds, on a machine that runs the whole suite
ENDS_WITHIN = 30.0  # seconds; a run that goes on is called CANCELED after 180
IDLE_SECONDS = 3.0  # in which a run that goes on would have sent something


@pytest.fixture
def ui(sandbox: Sandbox, settings: Settings) -> Iterator[Dagster]:
    """Dagster as `genai dev` starts it."""
    environment = {**sandbox.environment(), "GENAI_HOME": str(settings.home)}
    with dagster(settings, environment) as running:
        for sensor in ("magic_hour_projects_sensor", "magic_hour_files_sensor"):
            running.stop_sensor(sensor)
        yield running


def slow(method: str, seconds: float) -> Fault:
    """Every answer of Magic Hour takes so long."""
    return Fault(kind="timeout", path=PATH, method=method, seconds=seconds, times=1000)


def refusing(method: str, status: int, retry_after: str | None = None) -> Fault:
    """Magic Hour has no time for anybody."""
    return Fault(
        kind="status",
        path=PATH,
        method=method,
        status=status,
        retry_after=retry_after,
        times=1000,
    )


def requests(settings: Settings) -> Counter[str]:
    """How many requests are in each state."""
    with Ledger.open(settings) as ledger:
        return Counter(each.state.value for each in ledger.requests())


def end(ui: Dagster, run: str, policy: str) -> str:
    """Terminate the run as the web UI does; how it has ended, within seconds."""
    assert ui.terminate(run, policy) == "TerminateRunSuccess"
    until(f"the process of {run} ends", ENDS_WITHIN, lambda: "exited" in " ".join(ui.log(run)))
    return ui.status(run)


def has_sent(sandbox: Sandbox, number: int) -> Callable[[], bool]:
    """Whether so many paid requests have arrived."""
    return lambda: len(posts(sandbox)) >= number


def paid_runs_are_terminated(ui: Dagster, sandbox: Sandbox, settings: Settings) -> None:
    """At three moments: nothing more is sent, and each request is sent once."""
    approved(*(hero(f"hero-{number}", f"sneaker {number}") for number in range(30)))
    sandbox.traffic.faults.append(slow("POST", 1.0))

    # a POST is on its way: its answer is written down
    run = ui.launch(PAID)
    until("three are sent", STARTS_WITHIN, has_sent(sandbox, 3))
    assert end(ui, run, SAFE) == "CANCELED"
    sent = len(posts(sandbox))
    assert requests(settings) == {"submitted": sent, "approved": 30 - sent}

    # it waits for as long as Magic Hour asks to
    sandbox.traffic.faults[:] = [refusing("POST", 429, "25")]
    run = ui.launch(PAID)
    until("one is refused", STARTS_WITHIN, has_sent(sandbox, sent + 1))
    assert end(ui, run, FORCED) == "CANCELED"
    sandbox.traffic.faults.clear()
    assert requests(settings) == {"submitted": sent, "approved": 30 - sent}

    # rows of what was sent wait for the warehouse
    with process_lock(lock_file(settings.warehouse)).held():
        run = ui.launch(PAID)
        until("all are sent", STARTS_WITHIN, lambda: requests(settings)["approved"] == 0)
        assert end(ui, run, SAFE) == "CANCELED"
    assert requests(settings) == {"submitted": 30}
    assert sandbox.providers["magic_hour"].accepted == 30


def loads_are_terminated(ui: Dagster, sandbox: Sandbox, settings: Settings) -> None:
    """At three moments: each ends at once."""
    # an answer to a load is on its way
    sandbox.traffic.faults[:] = [slow("GET", 300.0)]
    sandbox.traffic.calls.clear()
    run = ui.launch(LOAD)
    until("it reads", STARTS_WITHIN, lambda: [c for c in sandbox.traffic.calls if PATH in c.path])
    assert end(ui, run, SAFE) == "CANCELED"

    # it pauses before another attempt
    sandbox.traffic.faults[:] = [refusing("GET", 503)]
    run = ui.launch(LOAD)
    paused = "The next attempt begins in"
    until("it pauses", STARTS_WITHIN, lambda: paused in " ".join(ui.log(run)))
    assert end(ui, run, FORCED) == "CANCELED"
    sandbox.traffic.faults.clear()

    # it waits for the warehouse
    with process_lock(lock_file(settings.warehouse)).held():
        run = ui.launch(LOAD)
        runs = settings.dlt_home / "runs"
        until("it is extracted", STARTS_WITHIN, lambda: list(runs.glob("magic_hour-*")))
        time.sleep(IDLE_SECONDS)
        assert end(ui, run, SAFE) == "CANCELED"


def a_run_is_too_long(ui: Dagster, sandbox: Sandbox, settings: Settings) -> None:
    """Dagster's own limit of a run's time: what is not sent stays approved."""
    approved(*(hero(f"late-{number}", f"boot {number}") for number in range(30)))
    sandbox.traffic.faults.append(slow("POST", 1.0))
    run = ui.launch(PAID, dagster__max_runtime="1")
    # the daemon calls it failed, its process canceled: the later of them stays
    over = {"FAILURE", "CANCELED"}
    until("it has run for too long", STARTS_WITHIN, lambda: ui.status(run) in over)
    assert "maximum runtime of 1 seconds" in " ".join(ui.log(run))
    until(f"the process of {run} ends", ENDS_WITHIN, lambda: "exited" in " ".join(ui.log(run)))
    time.sleep(IDLE_SECONDS)
    sent = len(posts(sandbox))
    time.sleep(IDLE_SECONDS)
    assert len(posts(sandbox)) == sent
    assert requests(settings)["unknown"] == requests(settings)["submitting"] == 0
    assert requests(settings)["approved"] > 0


@pytest.mark.long
def test_terminated_runs_end_and_send_nothing_more(
    ui: Dagster, sandbox: Sandbox, settings: Settings
) -> None:
    paid_runs_are_terminated(ui, sandbox, settings)
    loads_are_terminated(ui, sandbox, settings)
    a_run_is_too_long(ui, sandbox, settings)
    # and after all of that, the next run
    run = ui.launch(LOAD)
    until("the load succeeds", STARTS_WITHIN, lambda: ui.status(run) == "SUCCESS")
