"""What the sensor approves and submits: in the sandbox all, else what a person has approved."""

from pathlib import Path

import dagster as dg
import pytest

from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration.submission.release import SANDBOX_KEY
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.paid import OPERATIONS, approved, fox, posts
from genai_orchestration_tests.orchestration.sensors.requests.sheets import (
    CREATE,
    SHEET,
    WHERE,
    put,
    states,
)


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


def test_with_submit_on_and_no_place_approved_requests_are_submitted(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS__SUBMIT", "true")
    approved(fox("fox-1"))
    assert daemon.work() == [True]
    assert states() == {"fox-1": "submitted"}


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
