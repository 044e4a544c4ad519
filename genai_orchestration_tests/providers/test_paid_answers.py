"""The paid client over a real wire: which answers are a job, and what is kept of the others."""

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from genai_orchestration.providers import paid
from genai_orchestration.providers.paid import Ambiguous
from genai_orchestration_tests.providers.paid_client import BODY, PATH, SECRET, client, refused
from genai_orchestration_tests.providers.vendor import saying


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_json_object_is_the_answer(status: int) -> None:
    with saying(status=status) as vendor:
        assert client(vendor.url).post(PATH, BODY) == {"id": "job-1"}
    assert vendor.calls == [("POST", f"/{PATH}")]
    assert vendor.bodies == [BODY]
    assert vendor.received[0]["Authorization"] == f"Bearer {SECRET}"
    assert vendor.received[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"id": "job-1"}',
        b'{"id": "job-1", "prompt": "\\ud800"}',
        b'{"id": "job-1", "prompt": "caf\xe9"}',
        b'{"id": "job-1", "seed": 36893488147419103232}',
    ],
    ids=["byte order mark", "half a surrogate", "not UTF-8", "a number of 66 bits"],
)
def test_an_odd_character_does_not_lose_the_id_of_a_paid_job(body: bytes) -> None:
    with saying(body=body) as vendor:
        assert client(vendor.url).post(PATH, BODY)["id"] == "job-1"


def test_what_the_ledger_can_keep_can_be_sent() -> None:
    odd = {"prompt": "\ud800 🦊 é", "seed": 2**70}
    with saying() as vendor:
        client(vendor.url).post(PATH, odd)
    assert vendor.bodies == [odd]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"id": "job', b"<html>", b"[" * 100_000])
def test_a_yes_without_an_object_is_unclear(body: bytes) -> None:
    with saying(body=body) as vendor:
        assert "answered 200 without JSON" in str(refused(Ambiguous, vendor.url))
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": "100"},
        {"Content-Encoding": "gzip"},
        {"Transfer-Encoding": "chunked", "Content-Length": ""},
    ],
    ids=["half a body", "no gzip", "no chunks"],
)
def test_an_answer_that_cannot_be_read_is_unclear(headers: dict[str, str]) -> None:
    with saying(headers=headers) as vendor:
        refused(Ambiguous, vendor.url)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("headers", "told"),
    [({}, "without JSON"), ({"Content-Length": "900"}, "sent half an answer (")],
)
def test_the_beginning_of_an_unclear_yes_is_kept_for_a_person(
    headers: dict[str, str], told: str
) -> None:
    body = (
        f'{{"id": "job-7",\n "key": "{SECRET}", "to": "https:\\/\\/a.example\\/x?sig=in-private",'
        f' "more": "{"x" * 600}'
    ).encode()
    with saying(body=body, headers=headers) as vendor:
        text = str(refused(Ambiguous, vendor.url))
    assert told in text
    assert 'The answer was: {"id": "job-7", "key": "***"' in text
    assert "in-private" not in text
    assert len(text) < 900


def test_an_answer_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paid, "ANSWER_WITHIN", 0.3)
    with trickling(b'{"id": "job-7", ') as url:
        text = str(refused(Ambiguous, url))
    assert "it took over 0.3 seconds" in text
    assert 'The answer was: {"id": "job-7"' in text


def test_an_answer_that_unpacks_to_more_than_an_api_sends_is_given_up() -> None:
    packed = gzip.compress(b'{"id": "job-7"}' + b" " * (paid.LARGEST + 1))
    with saying(body=packed, headers={"Content-Encoding": "gzip"}) as vendor:
        assert "over 16 MB" in str(refused(Ambiguous, vendor.url))


def test_a_packed_answer_is_read() -> None:
    packed = gzip.compress(b'{"id": "job-7"}' + b" " * 100_000)
    with saying(body=packed, headers={"Content-Encoding": "gzip"}) as vendor:
        assert client(vendor.url).post(PATH, BODY) == {"id": "job-7"}


def test_nothing_secret_of_an_answer_is_kept() -> None:
    body = {
        "id": "job-1",
        "echo": {"Authorization": [f"Bearer {SECRET}"]},
        "new": [{"at": "https://a.example/x.png?sig=in-private"}],
        SECRET: 1,
    }
    with saying(body=json.dumps(body).encode()) as vendor:
        assert client(vendor.url).post(PATH, BODY) == {
            "id": "job-1",
            "echo": {"Authorization": ["Bearer ***"]},
            "new": [{"at": "https://a.example/x.png"}],
            "***": 1,
        }


def test_depth_does_not_lose_the_id_of_a_paid_job() -> None:
    deep = b'{"id": "job-1", "more": ' + b"[" * 300 + b"]" * 300 + b"}"
    with saying(body=deep) as vendor:
        assert client(vendor.url).post(PATH, BODY)["id"] == "job-1"


@contextlib.contextmanager
def trickling(begin: bytes) -> Iterator[str]:
    """A server whose answer goes on for ever, a byte now and then; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(begin)
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" ")
                    time.sleep(0.02)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
