"""The read client over a real wire: what it tries again, and what it says when it gives up."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from genai_orchestration.providers.http import ReadClient, RetryPolicy
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import (
    NotFound,
    OutOfCredits,
    ProviderError,
    RateLimited,
    Unavailable,
    WrongSetting,
)
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault

PATH = "v1/account"
QUERY = {"asked": "in-private"}
Waits = list[float]
Ask = Callable[..., Any]


@pytest.fixture
def waits() -> Waits:
    """The seconds that the client wanted to sleep; it never really does."""
    return []


@pytest.fixture
def ask(sandbox: Sandbox, waits: Waits) -> Ask:
    def get(base_url: str = "", key: str = KEY, **more: Any) -> Any:
        client = ReadClient(
            title="Magic Hour",
            section="magic_hour_source",
            base_url=base_url or sandbox.base_url("magic_hour"),
            auth=KeyAuth("Authorization", f"Bearer {key}"),
            sleep=waits.append,
            **more,
        )
        return client.get_object(PATH, QUERY)

    return get


def fail(sandbox: Sandbox, times: int = 1, **fault: Any) -> None:
    sandbox.traffic.faults.append(
        Fault(**{"kind": "status", "path": "/magic_hour", "times": times, **fault})
    )


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


def refusal(ask: Ask, kind: type[ProviderError], **more: Any) -> str:
    with pytest.raises(kind) as caught:
        ask(**more)
    assert type(caught.value) is kind
    return str(caught.value)


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


@pytest.mark.parametrize(
    ("status", "kind", "next_step"),
    [
        (400, WrongSetting, "see [sources.magic_hour_source]"),
        (401, WrongSetting, "set api_key in [sources.magic_hour_source]"),
        (402, OutOfCredits, "Top up"),
        (403, WrongSetting, "[sources.magic_hour_source] api_key may not read this"),
        (404, NotFound, "Check base_url in [sources.magic_hour_source]"),
        (302, WrongSetting, "set base_url in [sources.magic_hour_source]"),
    ],
)
@pytest.mark.parametrize("body", ['{"message": "in its own words"}', "<html>", "[]", '{"id": 1}'])
def test_a_refusal_says_what_to_do_and_is_not_repeated(
    sandbox: Sandbox, ask: Ask, status: int, kind: type[ProviderError], next_step: str, body: str
) -> None:
    fail(sandbox, status=status, body=body)
    text = refusal(ask, kind)
    assert f"Magic Hour answered {status}" in text
    assert next_step in text
    assert ("in its own words" in text) == ("own words" in body)
    assert len(sandbox.traffic.calls) == 1
    assert "in-private" not in text


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_vendor_that_repeats_the_key_does_not_spread_it(
    sandbox: Sandbox, ask: Ask, status: int
) -> None:
    fail(sandbox, times=5, status=status, body='{"message": "Bad key: sk-123456."}')
    with pytest.raises(ProviderError, match=r"Bad key: \*\*\*[.:]") as caught:
        ask(key="sk-123456")
    assert "sk-123456" not in str(caught.value)


def test_a_web_page_instead_of_json_names_the_address(sandbox: Sandbox, ask: Ask) -> None:
    fail(sandbox, status=200, body="<html>", content_type="text/html")
    text = refusal(ask, WrongSetting)
    assert "text/html instead of JSON" in text
    assert "Check base_url in [sources.magic_hour_source]" in text


def test_a_closed_port_names_the_address(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = refusal(ask, Unavailable, base_url=f"http://127.0.0.1:{port}")
    assert (
        f"does not answer at http://127.0.0.1:{port}/v1/account (no connection: Connection refused)"
        in text
    )
    assert "base_url in [sources.magic_hour_source]" in text
    assert KEY not in text
    assert "in-private" not in text


@contextlib.contextmanager
def redirecting(location: str) -> Iterator[str]:
    """A server that sends everybody to another one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_redirect_is_told_and_never_followed(sandbox: Sandbox, ask: Ask) -> None:
    target = f"{sandbox.url}/magic_hour/v1/account"
    with redirecting(f"{target}?session=in-private") as base_url:
        text = refusal(ask, WrongSetting, base_url=base_url)
    assert f"It redirects to {target}: set base_url" in text
    assert "in-private" not in text
    assert list(sandbox.traffic.calls) == []


def test_a_trailing_slash_in_the_address_makes_no_double_one(sandbox: Sandbox, ask: Ask) -> None:
    ask(base_url=f"{sandbox.base_url('magic_hour')}/")
    assert [call.path for call in sandbox.traffic.calls] == ["/magic_hour/v1/account"]


@pytest.mark.parametrize("base_url", ["api.magichour.ai", "ftp://magichour.ai", "/v1", " http://x"])
def test_an_address_that_is_not_http_is_refused_before_any_request(ask: Ask, base_url: str) -> None:
    text = refusal(ask, WrongSetting, base_url=base_url)
    assert repr(base_url) in text
    assert "set base_url in [sources.magic_hour_source]" in text
