"""The sensor of new requests on a real instance: real files and tables, the sandbox over HTTP."""

import dataclasses
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import pytest

from genai_orchestration import clock
from genai_orchestration.inbox.cursor import InboxCursor
from genai_orchestration.inbox.inbox import Inbox
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.orchestration.runs.outcomes import NotLoaded
from genai_orchestration.providers import sources
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.submission.release import SANDBOX_KEY, RequestedRun
from genai_orchestration.watching.day_watch import RED_AFTER
from genai_orchestration_tests.orchestration.daemon import Daemon, refuse
from genai_orchestration_tests.orchestration.paid import OPERATIONS, approved, fox, hero, posts
from genai_orchestration_tests.support.dagster_client import dagster, until
from genai_orchestration_tests.support.doubles import replace

SENSOR = "generation_requests_sensor"
CREATE = "imagine_api/images_create"
SHEET = "provider,prompt,request_key\nimagine_api,a red fox,fox-1\nimagine_api,an owl,owl-1\n"
WHERE = "SOURCES__{}_SOURCE__{}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The watched folder, empty."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    monkeypatch.setenv("REQUESTS__FOLDER", str(folder))
    return folder


@pytest.fixture
def daemon(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    daemon = Daemon(SENSOR)
    with daemon.instance:
        yield daemon


@pytest.fixture
def real(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of real accounts at addresses that are never reached."""
    for name in ("IMAGINE_API", "MAGIC_HOUR", "ABYSSALE"):
        monkeypatch.setenv(WHERE.format(name, "API_KEY"), "a-real-key")
        monkeypatch.setenv(WHERE.format(name, "BASE_URL"), "https://vendor.invalid")


def put(folder: Path, name: str, text: str, *, age: float = 60) -> Path:
    """A file that was written a while ago."""
    file = folder / name
    file.write_text(text)
    os.utime(file, (time.time() - age,) * 2)
    return file


def states() -> dict[str, str]:
    with Ledger.open(Settings.load()) as ledger:
        return {each.request_key: each.state.value for each in ledger.requests()}


def later(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    now = datetime.now(timezone.utc) + timedelta(**by)
    monkeypatch.setattr(clock, "now", lambda: now)


def test_in_the_sandbox_a_file_is_planned_approved_and_submitted_by_one_run(
    daemon: Daemon, folder: Path, sandbox: Sandbox
) -> None:
    put(folder, "prompts.csv", SHEET)
    (request,) = daemon.tick()
    assert request.job_name == "imagine_api_requests"
    assert request.asset_selection == [dg.AssetKey(["imagine_api", "images_create"])]
    ran = daemon.run(request)
    assert ran
    assert ran.success
    assert states() == {"fox-1": "submitted", "owl-1": "submitted"}
    assert daemon.tick() == []
    assert daemon.said == f"No new file: 1 file in {folder}."
    assert len(posts(sandbox)) == 2


def test_the_key_by_which_the_sandbox_is_known_is_the_sandboxes() -> None:
    assert SANDBOX_KEY == KEY


def test_a_local_address_with_a_real_key_is_no_sandbox(
    daemon: Daemon, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHERE.format("IMAGINE_API", "API_KEY"), "of-a-server-behind-a-tunnel")
    put(folder, "prompts.csv", SHEET)
    assert daemon.tick() == []
    assert set(states().values()) == {"planned"}
    assert posts(sandbox) == []


@pytest.mark.usefixtures("real")
def test_outside_the_sandbox_nothing_is_approved_and_the_sentence_says_how_to_go_on(
    daemon: Daemon, folder: Path
) -> None:
    put(folder, "prompts.csv", SHEET)
    assert daemon.tick() == []
    assert daemon.said == (
        f"2 requests planned, 0 known already: 1 file in {folder}. {CREATE}: 2 requests to be "
        "approved: run genai requests plan, then genai requests approve."
    )
    approved(fox("fox-2"))
    assert daemon.tick() == []
    assert (
        f"{CREATE}: 1 request approved: run genai requests submit, or set submit = true in "
        "[requests]." in daemon.said
    )
    assert states() == {"fox-1": "planned", "owl-1": "planned", "fox-2": "approved"}


@pytest.mark.usefixtures("real")
def test_with_submit_on_only_what_a_person_has_approved_is_submitted_and_under_a_cap(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    put(folder, "prompts.csv", SHEET)
    assert daemon.tick() == []
    approved(fox("fox-2"))
    assert daemon.tick() == []
    assert "No cap is set for what imagine_api may spend" in daemon.said
    monkeypatch.setenv(WHERE.format("IMAGINE_API", "CREDITS_PER_DAY"), "10")
    (request,) = daemon.tick()
    ops = {"imagine_api_images_create": {"config": {"submit": True}}}
    assert request.run_config == {"ops": ops}
    assert states() == {"fox-1": "planned", "owl-1": "planned", "fox-2": "approved"}


def test_a_tick_that_is_done_again_asks_under_the_same_key_and_one_after_a_reset_does_not(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "prompts.csv", SHEET)
    (lost,) = daemon.tick(keep=False)
    later(monkeypatch, minutes=2)
    (again,) = daemon.tick()
    assert again.run_key == lost.run_key
    daemon.cursor = None
    (after,) = daemon.tick()
    assert after.run_key != lost.run_key


def test_what_the_sandbox_let_through_never_goes_to_a_real_address(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    put(folder, "prompts.csv", SHEET)
    daemon.tick()  # approved, and the run never starts
    daemon.cursor = None
    request.getfixturevalue("real")
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    monkeypatch.setenv(WHERE.format("IMAGINE_API", "CREDITS_PER_DAY"), "10")
    assert daemon.tick() == []
    assert "2 of them were approved for the sandbox, and by no person" in daemon.said


def test_without_a_place_the_sentence_names_the_setting_and_no_ledger_is_made(
    daemon: Daemon,
) -> None:
    assert daemon.tick() == []
    assert daemon.said.startswith("No place for new requests is set: set folder, or database")
    assert "REQUESTS__FOLDER" in daemon.said
    assert not Settings.load().ledger.exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TABLE", "wishes", "table is set without database"),
        ("DATABASE", "sqlite:///a.db", "folder and database are both set"),
        ("SUBMIT", "perhaps", "submit is 'perhaps': write true or false"),
        ("COLUMNS", "prompt", "columns is no mapping"),
        ("COLUMNS", '{"a": 1}', "columns is no mapping"),
    ],
)
def test_a_wrong_setting_is_named(
    daemon: Daemon,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    words: str,
) -> None:
    if name == "TABLE":
        monkeypatch.delenv("REQUESTS__FOLDER")
    monkeypatch.setenv(f"REQUESTS__{name}", value)
    assert daemon.tick() == []
    assert words in daemon.said


def test_a_tick_that_is_done_again_plans_nothing_twice_and_starts_no_second_run(
    daemon: Daemon, folder: Path, sandbox: Sandbox
) -> None:
    daemon.tick()
    put(folder, "prompts.csv", SHEET)
    (lost,) = daemon.tick(keep=False)
    (again,) = daemon.tick()
    assert again.run_key == lost.run_key
    assert daemon.run(lost)
    assert daemon.run(again) is None
    assert daemon.tick() == []
    assert len(posts(sandbox)) == 2


def test_a_crash_between_planning_and_approving_is_mended_by_the_next_look(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "prompts.csv", SHEET)
    with monkeypatch.context() as crash:
        crash.setattr(Ledger, "approve", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            daemon.tick()
    assert set(states().values()) == {"planned"}
    assert daemon.work() == [True]
    assert set(states().values()) == {"submitted"}


def test_an_inbox_that_fails_is_told_and_what_is_approved_goes_on(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(fox("fox-1"))
    replace(monkeypatch, Inbox, "read", lambda *_: 1 / 0)
    (request,) = daemon.tick()
    assert request.job_name == "imagine_api_requests"
    assert daemon.tick() == [request]


def test_an_inbox_that_fails_is_told(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(monkeypatch, Inbox, "read", lambda *_: 1 / 0)
    assert daemon.tick() == []
    assert "The inbox cannot be read: the daemon's log says why" in daemon.said


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


def test_an_unreadable_cursor_plans_nothing_twice(daemon: Daemon, folder: Path) -> None:
    put(folder, "prompts.csv", SHEET)
    for cursor in ("{", "[]", '{"memory": 1}', '{"asked": {"a": {}}, "memory": {}, "seq": 1}'):
        daemon.cursor = cursor
        daemon.tick()
    with Ledger.open(Settings.load()) as ledger:
        assert ledger.counts() == {RequestState.APPROVED: 2}


def test_a_provider_without_a_key_is_named_and_the_others_go_on(
    daemon: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    monkeypatch.setenv(WHERE.format("MAGIC_HOUR", "CREDITS_PER_DAY"), "100")
    monkeypatch.delenv(WHERE.format("MAGIC_HOUR", "API_KEY"))
    approved(hero("hero-1"), fox("fox-1"))
    assert [request.job_name for request in daemon.tick()] == ["imagine_api_requests"]
    assert daemon.cursor
    assert len(daemon.cursor) < 1000


@pytest.mark.parametrize(("name", "value"), [("credits_per_day", "many"), ("base_url", 5)])
def test_a_setting_that_cannot_be_read_is_named_and_the_other_providers_go_on(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    configured = sources.configured
    wrong = f"sources.magic_hour_source.{name}"
    monkeypatch.setattr(
        sources, "configured", lambda full: value if full == wrong else configured(full)
    )
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    monkeypatch.setenv(WHERE.format("MAGIC_HOUR", "API_KEY"), "a-real-key")
    approved(hero("hero-1"))
    assert daemon.tick() == []
    assert name in daemon.said
    approved(fox("fox-1"))
    assert [request.job_name for request in daemon.tick()] == ["imagine_api_requests"]


def test_with_submit_on_and_no_place_approved_requests_are_submitted(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    approved(fox("fox-1"))
    assert daemon.work() == [True]
    assert states() == {"fox-1": "submitted"}


@pytest.mark.long
def test_under_the_real_daemon_a_file_that_lands_in_the_folder_is_submitted_once(
    folder: Path, sandbox: Sandbox, settings: Settings
) -> None:
    environment = {**sandbox.environment(), "REQUESTS__FOLDER": str(folder)}
    with dagster(settings, environment) as web:
        until("the sensor's first tick", 90, lambda: web.last_tick(SENSOR).get("skipReason"))
        (folder / "prompts.csv").write_text(SHEET)
        until("both requests submitted", 150, lambda: list(states().values()) == ["submitted"] * 2)
        ended = until(
            "the run's success",
            60,
            lambda: [
                run for run in web.runs(dagster__sensor_name=SENSOR) if run["status"] == "SUCCESS"
            ],
        )
        assert web.runs(dagster__sensor_name=SENSOR) == ended
    assert len(ended) == 1
    assert len(posts(sandbox)) == 2


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


def test_in_the_sandbox_what_a_person_has_planned_waits_for_a_person(
    daemon: Daemon, folder: Path
) -> None:
    with Ledger.open(Settings.load(), who="ann@desk") as ledger:
        operation = OPERATIONS["imagine_api", "images_create"]
        ledger.add([PaidRequest.of(fox("fox-1"), operation)], clock.now())
    put(folder, "prompts.csv", "provider,prompt,request_key\nimagine_api,an owl,owl-1\n")
    assert len(daemon.tick()) == 1
    assert states() == {"fox-1": "planned", "owl-1": "approved"}


def test_what_a_removed_ledger_has_sent_is_not_approved_by_the_sensor(
    daemon: Daemon, folder: Path, sandbox: Sandbox
) -> None:
    put(folder, "prompts.csv", SHEET)
    assert daemon.work() == [True]
    sent = len(posts(sandbox))
    for file in Settings.load().home.glob("ledger.db*"):
        file.unlink()
    daemon.cursor = None
    put(folder, "more.csv", "provider,prompt,request_key\nimagine_api,a hare,hare-1\n")
    assert daemon.work() == [True]
    assert states() == {"fox-1": "planned", "hare-1": "submitted", "owl-1": "planned"}
    assert len(posts(sandbox)) == sent + 1
    assert daemon.tick() == []
    assert "Not approved: The warehouse says that 2 of the requests were sent before" in daemon.said
