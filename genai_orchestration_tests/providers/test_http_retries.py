"""The read client over a real wire: what it tries again, and how long it waits before it does."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.refusals import RateLimited, Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.providers.read_client import Ask, Waits, fail, refusal


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "body": "<html>", "content_type": "text/html"},
        {"status": 429},
        {"kind": "reset"},
        {"kind": "truncate"},
        {"status": 200, "body": '{"credits": '},
    ],
    ids=lambda fault: str(fault.get("kind", fault.get("status"))),
)
def test_trouble_that_passes_is_not_noticed(
    sandbox: Sandbox, ask: Ask, waits: Waits, fault: dict[str, Any]
) -> None:
    fail(sandbox, times=2, **fault)
    assert ask()["credits"] > 0
    assert [call.method for call in sandbox.traffic.calls] == ["GET"] * 3
    first, second = waits
    assert 0.25 <= first <= 0.32
    assert 0.5 <= second <= 0.63


def test_an_answer_that_does_not_come_is_asked_for_again(sandbox: Sandbox, ask: Ask) -> None:
    fail(sandbox, kind="timeout", seconds=0.6)
    assert ask(policy=RetryPolicy(attempts=2, longest_wait=1, timeouts=(1.0, 0.2)))["credits"] > 0


def test_trouble_that_stays_is_reported_after_five_attempts(
    sandbox: Sandbox, ask: Ask, waits: Waits
) -> None:
    fail(sandbox, times=9, status=500)
    assert "try again later" in refusal(ask, Unavailable)
    assert len(sandbox.traffic.calls) == 5
    assert sum(waits) < 5


@pytest.mark.parametrize(
    ("sent", "shortest", "longest"),
    [
        ("2.654", 2.654, 2.71),
        ("7", 7, 7.1),
        ("0", 0.25, 0.32),
        ("-3", 0.25, 0.32),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.25, 0.32),
        (None, 0.25, 0.32),
        ("soon", 0.25, 0.32),
        ("nan", 0.25, 0.32),
    ],
)
def test_the_providers_own_wait_is_kept(
    sandbox: Sandbox, ask: Ask, waits: Waits, sent: str | None, shortest: float, longest: float
) -> None:
    fail(sandbox, status=429, retry_after=sent)
    assert ask()["credits"] > 0
    assert len(waits) == 1
    assert shortest <= waits[0] <= longest


def test_a_wait_that_was_rounded_down_to_nothing_is_waited_for_all_the_same(
    sandbox: Sandbox, ask: Ask, waits: Waits
) -> None:
    fail(sandbox, times=4, status=429, retry_after="0")  # Directus 11, for anything below 0.5 s
    assert ask()["credits"] > 0
    assert sum(waits) > 3


def test_a_wait_until_a_date_is_kept(sandbox: Sandbox, ask: Ask, waits: Waits) -> None:
    fail(sandbox, status=429, retry_after=in_seconds(20))
    ask()
    assert 17 < waits[0] <= 20.1


@pytest.mark.parametrize(("seconds", "as_date"), [(1700, False), (1700, True), (30.1, False)])
def test_a_long_wait_is_left_to_the_scheduler(
    sandbox: Sandbox, ask: Ask, waits: Waits, seconds: float, as_date: bool
) -> None:
    sent = in_seconds(seconds) if as_date else str(seconds)
    fail(sandbox, status=429, retry_after=sent)
    with pytest.raises(RateLimited, match="try again in") as caught:
        ask()
    assert waits == []
    assert len(sandbox.traffic.calls) == 1
    assert caught.value.retry_after == pytest.approx(seconds, abs=20 if as_date else 0)
