"""Requests settled from loaded rows: only by rows that are theirs, and each by itself."""

import pytest

from genai_orchestration import settling, times
from genai_orchestration.jobs.budget import Limits
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.providers.imagine_api import PROVIDER
from genai_orchestration.sandbox.server import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.jobs import ledgers
from genai_orchestration_tests.providers.imagine_api.account import emptied, load_images
from genai_orchestration_tests.providers.imagine_api.test_submission import post

IMAGE = {"provider": "imagine_api", "operation": "images_create", "job_kind": "image"}


def lost(ledger: Ledger, key: str, prompt: str, limits: Limits) -> None:
    ledgers.submitting(ledger, key, limits=limits, payload={"prompt": prompt}, **IMAGE)
    ledger.unknown(key, "timed out", times.now())


def test_a_row_settles_only_a_request_with_its_prompt_and_one_bad_key_stops_no_other(
    settings: Settings, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    emptied(sandbox)
    ours = {key: post(sandbox, prompt=f"{key} fox", ref=key) for key in ("a", "b")}
    post(sandbox, prompt="a wolf", ref="c")
    load_images(settings)
    here = Limits(address=sandbox.base_url("imagine_api"))
    with Ledger.open(settings) as ledger:
        ledgers.submitting(ledger, "d", limits=here, **IMAGE)
        ledger.submitted("d", ours["a"], None, times.now())
        for key in ("a", "b", "c"):
            lost(ledger, key, f"{key} fox", here)
        found, _ = settling.settle(PROVIDER, settings, ledger, times.now())
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
        assert settling.settle(PROVIDER, settings, ledger, times.now()) == (set(), [])
        assert ledger.request("a").state.value == "unknown"
