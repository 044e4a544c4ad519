"""Requests reconciled with loaded rows: only by rows that are theirs, and each by itself."""

import contextlib
import sqlite3
from typing import Any

import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.ledger.records import JobKey
from genai_orchestration.loading import ledger_sync
from genai_orchestration.providers.imagine_api import PROVIDER
from genai_orchestration.providers.magic_hour import PROVIDER as MAGIC
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.imagine_api.account import emptied, load_images
from genai_orchestration_tests.providers.imagine_api.submitting import post
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.doubles import replace

DONE = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"id": "x"})
IMAGE = {"provider": "imagine_api", "operation": "images_create", "job_kind": "image"}


def lost(ledger: Ledger, key: str, prompt: str, limits: Limits) -> None:
    ledgers.submitting(ledger, key, limits=limits, payload={"prompt": prompt}, **IMAGE)
    ledger.mark_unknown(key, "timed out", clock.now())


def test_a_row_settles_only_a_request_with_its_prompt_and_one_bad_key_stops_no_other(
    settings: Settings, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    emptied(sandbox)
    ours = {key: post(sandbox, prompt=f"{key} fox", ref=key) for key in ("a", "b")}
    post(sandbox, prompt="a wolf", ref="c")
    load_images(settings)
    here = Limits(base_url=sandbox.base_url("imagine_api"))
    with Ledger.open(settings) as ledger:
        ledgers.submitting(ledger, "d", limits=here, **IMAGE)
        ledger.mark_submitted("d", ours["a"], None, clock.now())
        for key in ("a", "b", "c"):
            lost(ledger, key, f"{key} fox", here)
        found, _ = ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now())
        states = {each.request_key: each.state.value for each in ledger.requests()}
    assert found == {"b"}
    assert states == {"a": "unknown", "b": "submitted", "c": "unknown", "d": "submitted"}
    assert f"job {ours['a']} belongs to the request d" in caplog.text


def test_rows_of_another_server_settle_nothing_that_was_sent_elsewhere(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    post(sandbox, prompt="a fox", ref="a")
    load_images(settings)
    with Ledger.open(settings) as ledger:
        lost(ledger, "a", "a fox", ledgers.LOCAL)
        assert ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now()) == (set(), [])
        assert ledger.request("a").state.value == "unknown"


def test_what_an_earlier_version_has_sent_is_settled_by_the_rows_that_there_are(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    made = post(sandbox, prompt="a fox", ref="a")
    load_images(settings)
    with Ledger.open(settings) as ledger:
        lost(ledger, "a", "a fox", ledgers.LOCAL)
        with contextlib.closing(sqlite3.connect(settings.ledger)) as connection, connection:
            connection.execute("UPDATE requests SET server = NULL, account = NULL")
        assert ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now())[0] == {"a"}
        assert ledger.request("a").provider_job_id == made


def test_rows_of_another_server_end_no_job_that_runs_elsewhere(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    made = post(sandbox, prompt="a fox", ref="a")
    sandbox.clock.advance(3600)
    load_images(settings)
    with Ledger.open(settings) as ledger:
        ledgers.submitting(ledger, "a", limits=ledgers.LOCAL, **IMAGE)
        ledger.mark_submitted("a", made, None, clock.now())  # a record has its id there, too
        assert ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now()) == (set(), [])
        assert ledger.job(JobKey("imagine_api", "image", made)).state is JobState.QUEUED


def test_a_request_that_was_decided_meanwhile_stops_no_other(
    settings: Settings, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    emptied(sandbox)
    for key in ("a", "b"):
        post(sandbox, prompt=f"{key} fox", ref=key)
    load_images(settings)
    here = Limits(base_url=sandbox.base_url("imagine_api"))
    with Ledger.open(settings) as ledger, pytest.MonkeyPatch.context() as patch:
        for key in ("a", "b"):
            lost(ledger, key, f"{key} fox", here)
        query = warehouse.query

        def asked(*arguments: Any) -> Any:  # while the warehouse is asked, a person decides
            if ledger.request("a").state.value == "unknown":
                ledger.mark_rejected("a", Failure.KEY, "a person", clock.now())
            return query(*arguments)

        replace(patch, warehouse, "query", asked)
        assert ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now())[0] == {"b"}
        assert ledger.request("a").state.value == "rejected"
    assert "The request a" in caplog.text


def test_of_two_rows_of_a_request_the_oldest_is_its_job(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    oldest = post(sandbox, prompt="a fox", ref="a")
    sandbox.clock.advance(60)
    post(sandbox, prompt="a fox", ref="a")
    load_images(settings)
    with Ledger.open(settings) as ledger:
        lost(ledger, "a", "a fox", Limits(base_url=sandbox.base_url("imagine_api")))
        assert ledger_sync.reconcile_rows(PROVIDER, settings, ledger, clock.now())[0] == {"a"}
        assert ledger.request("a").provider_job_id == oldest


def test_jobs_that_are_over_are_loaded_once_and_again_when_that_is_asked_for(
    settings: Settings,
) -> None:
    tables = ["image_projects"]
    with Ledger.open(settings) as ledger:
        for key in ("open", "done", "loaded"):
            ledgers.submitted(ledger, key)
        for key in ("done", "loaded"):
            ledger.observe(ledgers.job(f"job of {key}"), DONE, ledgers.NOW)
        ledger.mark_loaded([ledgers.job("job of loaded")], ledgers.NOW)

        def finished(*tables: str, again: bool = False) -> list[str]:
            jobs = ledger_sync.finished_jobs(ledger, MAGIC, tables, again=again)
            return sorted(job.request_key or "" for job in jobs)

        assert finished(*tables) == ["done"]
        assert finished(*tables, again=True) == ["done", "loaded"]
        assert finished("credits", again=True) == []


def test_a_load_notes_its_jobs_and_tells_whose_requests_have_news(settings: Settings) -> None:
    with Ledger.open(settings) as ledger:
        ledgers.submitted(ledger, "a")
        ledger.observe(ledgers.job("job of a"), DONE, ledgers.NOW)
        with ledger_sync.load_with_ledger(MAGIC, settings, ["image_projects"]) as (found, news):
            assert [job.request_key for job in found] == ["a"]
        assert news == {"ai_image_generator"}
        assert ledger.job(ledgers.job("job of a")).loaded
        with (
            pytest.raises(RuntimeError),
            ledger_sync.load_with_ledger(MAGIC, settings, ["image_projects"], again=True) as (
                found,
                news,
            ),
        ):
            raise RuntimeError("the load has failed")
        assert news == set()


def test_a_row_that_is_over_ends_its_job_and_notes_it_as_loaded(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    made = post(sandbox, prompt="a fox", ref="a")
    with Ledger.open(settings) as ledger:
        here = Limits(base_url=sandbox.base_url("imagine_api"))
        ledgers.submitting(ledger, "a", limits=here, payload={"prompt": "a fox"}, **IMAGE)
        ledger.mark_submitted("a", made, None, clock.now())
        sandbox.clock.advance(3600)
        with ledger_sync.load_with_ledger(PROVIDER, settings, ["images"]) as (_, news):
            load_images(settings)
        job = ledger.job(JobKey("imagine_api", "image", made))
        assert (job.state, bool(job.loaded), news) == (JobState.SUCCEEDED, True, {"images_create"})


def test_a_row_of_an_image_that_is_open_finds_its_request_and_ends_no_job(
    settings: Settings, sandbox: Sandbox
) -> None:
    emptied(sandbox)
    made = post(sandbox, prompt="a fox", ref="a")
    with Ledger.open(settings) as ledger:
        lost(ledger, "a", "a fox", Limits(base_url=sandbox.base_url("imagine_api")))
        with ledger_sync.load_with_ledger(PROVIDER, settings, ["images"]) as (_, news):
            load_images(settings)
        assert news == {"images_create"}
        assert ledger.request("a").provider_job_id == made
        job = ledger.job(JobKey("imagine_api", "image", made))
        assert (job.state, job.loaded) == (JobState.QUEUED, None)
