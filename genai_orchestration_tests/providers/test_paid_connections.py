"""The paid client over a real wire: no connection, or none to the end, and one POST at the most."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.providers import paid
from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.paid import Ambiguous, NotNow
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.paid_client import BODY, PATH, client, refused

ONCE = RetryPolicy(attempts=1, longest_wait=0, timeouts=(1, 1))


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        paid, "LOAD_POLICY", RetryPolicy(attempts=5, longest_wait=1, timeouts=(0.5, 0.5))
    )


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
