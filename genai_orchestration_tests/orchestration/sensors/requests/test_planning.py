"""New requests are planned once, whatever happens; what keeps them from it is named."""

from pathlib import Path

import pytest

from genai_orchestration.inbox.inbox import Inbox
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers import sources
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.paid import approved, fox, hero, posts
from genai_orchestration_tests.orchestration.sensors.requests.sheets import (
    SENSOR,
    SHEET,
    WHERE,
    put,
    states,
)
from genai_orchestration_tests.support.dagster_client import dagster, until
from genai_orchestration_tests.support.doubles import replace


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
