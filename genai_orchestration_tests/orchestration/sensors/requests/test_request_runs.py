"""The runs that submit requests: one of an operation at a time, and a later one after a failure."""

import dataclasses
from pathlib import Path

import dagster as dg
import pytest

from genai_orchestration.inbox.cursor import InboxCursor
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.submission.release import RequestedRun
from genai_orchestration.watching.day_watch import RED_AFTER
from genai_orchestration_tests.orchestration.daemon import Daemon, refuse
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.paid import approved, fox, hero
from genai_orchestration_tests.orchestration.sensors.requests.sheets import (
    CREATE,
    SHEET,
    WHERE,
    put,
    states,
)


def test_one_run_of_an_operation_at_a_time(daemon: Daemon, folder: Path) -> None:
    put(folder, "one.csv", SHEET)
    (request,) = daemon.tick()
    job = daemon.definitions.resolve_job_def("imagine_api_requests")
    daemon.instance.create_run_for_job(
        job, tags=daemon.tags(request), status=dg.DagsterRunStatus.STARTED
    )
    put(folder, "two.csv", SHEET.replace("-1", "-2"))
    assert daemon.tick() == []
    assert f"{CREATE}: 4 requests approved and are being submitted." in daemon.said


def test_operations_do_not_wait_for_each_other(daemon: Daemon, folder: Path) -> None:
    body = '{"image_count": 1, "style": {"prompt": "a boot"}, "model": "z-image-turbo"}'
    put(folder, "foxes.csv", SHEET)
    row = f'{{"provider": "magic_hour", "operation": "ai_image_generator", "payload": {body}}}'
    put(folder, "boots.jsonl", row)
    jobs = [request.job_name for request in daemon.tick()]
    assert sorted(map(str, jobs)) == ["imagine_api_requests", "magic_hour_requests"]


def test_a_failed_run_rests_longer_each_time_and_the_tick_is_red_after_five(
    daemon: Daemon, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "prompts.csv", SHEET)
    for number in range(RED_AFTER):
        (request,) = daemon.tick()
        refuse(sandbox)
        failed = daemon.run(request)
        assert failed
        assert not failed.success
        sandbox.traffic.faults.clear()
        if number == 0:
            assert daemon.tick() == []
            assert f"{CREATE}: 2 requests approved and failed to be submitted 1 time" in daemon.said
        later(monkeypatch, minutes=5)
    with pytest.raises(NotLoaded, match=r"failed to be submitted 5 times.*429"):
        daemon.tick()
    later(monkeypatch, minutes=61)
    assert daemon.work() == [True]
    assert set(states().values()) == {"submitted"}


def test_a_run_that_was_never_started_is_asked_for_again(daemon: Daemon, folder: Path) -> None:
    put(folder, "prompts.csv", SHEET)
    (lost,) = daemon.tick()
    assert [request.run_key for request in daemon.tick()] == [lost.run_key]


def test_what_a_run_left_is_not_asked_for_at_once_but_newly_approved_ones_are(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHERE.format("IMAGINE_API", "CREDITS_PER_DAY"), "1")
    put(folder, "prompts.csv", SHEET)
    assert daemon.work() == [True]
    assert sorted(states().values()) == ["approved", "submitted"]
    assert daemon.tick() == []
    assert "1 request approved and could not be submitted by the last run" in daemon.said
    for _ in range(2):  # the first run has sent one, these two none
        later(monkeypatch, seconds=40)
        assert daemon.work() == [True]
    later(monkeypatch, seconds=50)
    assert daemon.tick() == []  # no progress: it rests for longer
    put(folder, "more.csv", SHEET.replace("-1", "-2"))
    assert len(daemon.tick()) == 1


def test_an_account_without_credits_is_left_alone_for_an_hour(
    daemon: Daemon, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.providers["magic_hour"].credits = 0
    row = '{"payload": {"image_count": 1, "style": {"prompt": "boot"}, "model": "z-image-turbo"}}'
    monkeypatch.setenv("REQUESTS__PROVIDER", "magic_hour")
    monkeypatch.setenv("REQUESTS__OPERATION", "ai_image_generator")
    put(folder, "boots.jsonl", f"{row}\n{row.replace('boot', 'shoe')}")
    daemon.work()
    assert sorted(states().values()) == ["approved", "rejected"]
    later(monkeypatch, minutes=30)
    assert daemon.tick() == []
    assert "has refused the last request for the whole account (out of credits)" in daemon.said
    later(monkeypatch, minutes=61)
    assert len(daemon.tick()) == 1


def test_a_line_that_was_stopped_is_not_hammered(
    daemon: Daemon, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__PROVIDER", "magic_hour")
    monkeypatch.setenv("REQUESTS__OPERATION", "ai_image_generator")
    row = '{"payload": {"image_count": 1, "style": {"prompt": "%d"}, "model": "z-image-turbo"}}'
    put(folder, "boots.jsonl", "\n".join(row % n for n in range(6)))
    down = Fault(kind="status", status=502, path="/magic_hour", method="POST", times=100)
    sandbox.traffic.faults.append(down)
    daemon.work()
    assert sorted(states().values()) == ["approved"] * 3 + ["unknown"] * 3
    sandbox.traffic.faults.clear()
    later(monkeypatch, minutes=2)
    assert daemon.tick() == []
    assert "the line rests until" in daemon.said


def fails(daemon: Daemon, sandbox: Sandbox, request: dg.RunRequest, asked: RequestedRun) -> None:
    """Start a run like that one, as the asked one; nothing that it needs is answered."""
    refuse(sandbox)
    run = dg.RunRequest(
        run_key=asked.key(CREATE),
        job_name=request.job_name,
        run_config=request.run_config,
        asset_selection=request.asset_selection,
    )
    assert not (failed := daemon.run(run)) or not failed.success


def test_a_red_operation_keeps_what_another_one_has_come_to(
    daemon: Daemon, folder: Path, sandbox: Sandbox
) -> None:
    other = "magic_hour/ai_image_generator"
    approved(fox("fox-1"))
    (request,) = daemon.tick()
    before = InboxCursor.loads(daemon.cursor, 0)
    tried = dataclasses.replace(before.asked[CREATE], attempt=RED_AFTER)
    asked = {CREATE: tried, other: RequestedRun(seq=1, at=tried.at, waiting=1)}
    daemon.cursor = dataclasses.replace(before, asked=asked).dumps()
    fails(daemon, sandbox, request, tried)
    assert daemon.tick() == []  # the other one has nothing left to be submitted: that is kept
    assert InboxCursor.loads(daemon.cursor, 0).asked == {CREATE: tried}
    with pytest.raises(NotLoaded, match="failed to be submitted 5 times"):
        daemon.tick()


def test_a_red_operation_keeps_no_run_of_another_one_from_being_asked_for(
    daemon: Daemon, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    approved(fox("fox-1"), hero("hero-1"))
    requests = {request.job_name: request for request in daemon.tick()}
    image = requests["imagine_api_requests"]
    before = InboxCursor.loads(daemon.cursor, 0)
    tried = dataclasses.replace(before.asked[CREATE], attempt=RED_AFTER)
    daemon.cursor = dataclasses.replace(before, asked={**before.asked, CREATE: tried}).dumps()
    fails(daemon, sandbox, image, tried)
    # the other one's run was never started: it is asked for by the same key
    [again] = daemon.tick()
    assert again.run_key == requests["magic_hour_requests"].run_key
