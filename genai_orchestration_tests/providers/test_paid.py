"""The paid client over a real wire: one POST leaves, whatever happens, and each end has a name."""

import contextlib
import gzip
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.providers import paid
from genai_orchestration.providers.http import ReadClient, RetryPolicy
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.paid import Ambiguous, NotNow, PaidClient, Rejected
from genai_orchestration.providers.refusals import ProviderError, Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.vendor import saying

PATH = "v1/ai-image-generator"
BODY = {"image_count": 1, "model": "z-image-turbo", "style": {"prompt": "a fox"}}
SECRET = "mhk_live_secret"
ONCE = RetryPolicy(attempts=1, longest_wait=0, timeouts=(1, 1))
JSON = {"Content-Type": "application/json"}


def client(base_url: str, key: str = SECRET) -> PaidClient:
    return PaidClient(
        ReadClient(
            title="Magic Hour",
            section="magic_hour_source",
            base_url=base_url,
            auth=KeyAuth("Authorization", f"Bearer {key}"),
        )
    )


def refused(kind: type[ProviderError], base_url: str) -> Any:
    """The error, which has to be of exactly that kind."""
    with pytest.raises(ProviderError) as caught:
        client(base_url).post(PATH, BODY)
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        paid, "LOAD_POLICY", RetryPolicy(attempts=5, longest_wait=1, timeouts=(0.5, 0.5))
    )


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


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, Failure.INVALID),
        (401, Failure.KEY),
        (402, Failure.OUT_OF_CREDITS),
        (403, Failure.PLAN),
        (404, Failure.KEY),
        (413, Failure.INVALID),
        (422, Failure.INVALID),
        (451, Failure.MODERATION),
    ],
)
def test_a_definite_no_is_told_in_the_vendors_words(status: int, failure: Failure) -> None:
    with saying(status=status, body=b'{"message": "in its own words"}', headers=JSON) as vendor:
        error = refused(Rejected, vendor.url)
    assert error.failure is failure
    assert f"answered {status} " in str(error)
    assert "in its own words" in str(error)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 451])
@pytest.mark.parametrize("body", [b"<html>blocked", b"", b"[]"])
def test_a_no_of_something_before_the_api_is_of_the_address_and_not_of_the_payload(
    status: int, body: bytes
) -> None:
    with saying(status=status, body=body) as vendor:
        assert refused(Rejected, vendor.url).failure is Failure.KEY
    assert len(vendor.calls) == 1


def test_what_is_too_large_for_something_before_the_api_is_of_the_payload() -> None:
    with saying(status=413, body=b"<html>Request Entity Too Large") as vendor:
        assert refused(Rejected, vendor.url).failure is Failure.INVALID


@pytest.mark.parametrize("status", [400, 422])
def test_what_is_wrong_with_a_request_comes_first_in_the_vendors_words(status: int) -> None:
    with saying(status=status, body=b'{"message": "No sneakers."}', headers=JSON) as vendor:
        assert str(refused(Rejected, vendor.url)).startswith("No sneakers: ")


@pytest.mark.parametrize("status", [405, 408, 409, 410, 418, 425, 499, 500, 502, 503, 504, 599])
def test_any_other_refusal_is_unclear(status: int) -> None:
    words = b'{"message": "we are sorry", "id": "unauthorized"}'
    with saying(status=status, body=words, headers=JSON) as vendor:
        text = str(refused(Ambiguous, vendor.url))
    assert f"Magic Hour answered {status} (we are sorry) instead of a job" in text
    assert "may have been carried out and paid for" in text
    assert len(vendor.calls) == 1


def test_a_server_in_trouble_is_unclear_whatever_its_words_mean_elsewhere() -> None:
    with saying(status=500, body=b'{"id": "template_not_found"}') as vendor:
        asked = client(vendor.url)
        with pytest.raises(Ambiguous):
            PaidClient(asked.reads, lambda answer: Failure.INVALID).post(PATH, BODY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_never_followed(status: int) -> None:
    with saying() as elsewhere:
        to = {"Location": f"{elsewhere.url}/{PATH}?session=in-private"}
        with saying(status=status, body=b"", headers=to) as vendor:
            text = str(refused(Ambiguous, vendor.url))
    assert f"It redirects to {elsewhere.url}/{PATH}: set base_url" in text
    assert "in-private" not in text
    assert "may have been carried out" in text
    assert (len(vendor.calls), elsewhere.calls) == (1, [])


def test_a_redirect_to_nowhere_is_unclear() -> None:
    with saying(status=301, body=b"", headers={"Location": "http://[broken"}) as vendor:
        refused(Ambiguous, vendor.url)
    assert len(vendor.calls) == 1


@pytest.mark.parametrize(
    ("sent", "wait"),
    [("2.654", 2.654), ("1700", 1700), ("0", 0), ("-3", 0), (None, None), ("soon", None)],
)
def test_a_rate_that_says_so_is_put_off_for_as_long_as_it_asks(
    sent: str | None, wait: float | None
) -> None:
    headers = JSON if sent is None else {**JSON, "Retry-After": sent}
    with saying(status=429, body=b'{"message": "slowly"}', headers=headers) as vendor:
        assert refused(NotNow, vendor.url).wait == wait
    assert len(vendor.calls) == 1


def test_a_rate_until_a_date_is_put_off_until_then() -> None:
    then = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=90), usegmt=True)
    with saying(status=429, body=b"{}", headers={"Retry-After": then}) as vendor:
        assert refused(NotNow, vendor.url).wait == pytest.approx(90, abs=5)


@pytest.mark.parametrize("body", [b"<html>Too many requests", b"", b"[]"])
def test_a_rate_of_nobody_knows_whom_is_unclear(body: bytes) -> None:
    with saying(status=429, body=body, headers={"Retry-After": "1"}) as vendor:
        refused(Ambiguous, vendor.url)
    assert len(vendor.calls) == 1


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
    "fault",
    [
        {"kind": "reset"},
        {"kind": "truncate"},
        {"status": 502, "after_work": True},
    ],
    ids=lambda fault: str(fault.get("kind", "502")),
)
def test_work_whose_answer_is_lost_is_unclear_and_done_once(
    sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    sandbox.traffic.faults.append(Fault(**{"kind": "status", "path": "/magic_hour", **fault}))
    with pytest.raises(Ambiguous):
        client(sandbox.base_url("magic_hour"), KEY).post(PATH, BODY)
    assert sandbox.providers["magic_hour"].accepted == 1
    assert [call.method for call in sandbox.traffic.calls] == ["POST"]


@pytest.mark.usefixtures("short_patience")
def test_an_answer_that_does_not_come_is_unclear_and_not_asked_for_again() -> None:
    with listening(None, silent=1.0) as (port, heard):
        text = str(refused(Ambiguous, f"http://127.0.0.1:{port}"))
    assert "did not answer (no answer in time)" in text
    assert len(heard) == 1


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


def test_certificates_that_are_not_there_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    text = str(refused(NotNow, "https://127.0.0.1:1"))
    assert "CA certificate bundle, invalid path: /nowhere/ca.pem); nothing was sent" in text
    with pytest.raises(Unavailable, match="CA certificate bundle"):
        replace(client("https://127.0.0.1:1").reads, policy=ONCE).get_object("")


def test_a_closed_port_is_not_now_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = str(refused(NotNow, f"http://127.0.0.1:{port}"))
    assert "nothing was sent" in text
    assert "base_url in [sources.magic_hour_source]" in text


def test_a_name_that_nobody_has_is_not_now() -> None:
    assert "nothing was sent" in str(refused(NotNow, "http://vendor.invalid"))


@pytest.mark.usefixtures("short_patience")
def test_a_host_that_does_not_take_connections_is_not_now() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as queue:
        for _ in range(4):  # more than its backlog: the next connection is never made
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        refused(NotNow, f"http://127.0.0.1:{full.getsockname()[1]}")


@contextlib.contextmanager
def listening(
    answer: ssl.SSLContext | bytes | None, *, silent: float = 0
) -> Iterator[tuple[int, list[bytes]]]:
    """A server that takes one connection, over TLS or not, says something or not, and hangs up."""
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with contextlib.suppress(OSError), connection:
            if isinstance(answer, ssl.SSLContext):
                connection = answer.wrap_socket(connection, server_side=True)
            heard.append(connection.recv(65536))
            if isinstance(answer, bytes):
                connection.sendall(answer)
            time.sleep(silent)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join()


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


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """TLS with a certificate that nobody has signed."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=stranger"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_certificate_of_a_stranger_is_not_now(stranger: ssl.SSLContext) -> None:
    with listening(stranger) as (port, heard):
        text = str(refused(NotNow, f"https://127.0.0.1:{port}"))
    assert "the TLS handshake failed" in text
    assert heard == []


def test_a_server_without_tls_is_unclear_like_any_trouble_of_tls() -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, heard):
        refused(Ambiguous, f"https://127.0.0.1:{port}")
    assert len(heard) == 1


def test_a_server_that_hangs_up_without_a_word_is_unclear() -> None:
    with listening(None) as (port, heard):
        refused(Ambiguous, f"http://127.0.0.1:{port}")
    assert heard[0].startswith(b"POST ")


def test_nothing_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    words = f"Bad key: {SECRET}. See https://vendor.example/x?sig=in-private".encode()
    with caplog.at_level(logging.DEBUG), saying(body=b'{"message": "' + words + b'"}') as vendor:
        for status in (400, 401, 429, 500):
            vendor.status = status
            with pytest.raises(ProviderError, match=r"Bad key: \*\*\*\.") as caught:
                client(vendor.url).post(PATH, BODY)
            assert SECRET not in str(caught.value)
            assert "in-private" not in str(caught.value)
    assert "POST" in caplog.text
    assert SECRET not in caplog.text
    assert "in-private" not in caplog.text
