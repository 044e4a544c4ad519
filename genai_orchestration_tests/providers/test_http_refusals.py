"""The read client over a real wire: what it says when it gives up, and where it never goes."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from genai_orchestration.providers.refusals import (
    NotFound,
    OutOfCredits,
    ProviderError,
    Unavailable,
    WrongSetting,
)
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration_tests.providers.read_client import Ask, fail, refusal


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
