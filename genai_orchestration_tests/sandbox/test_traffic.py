"""What goes wrong on a wire goes wrong on the sandbox's: on request, and as often as asked."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.sandbox.traffic import Call, Fault

READ = "/magic_hour/v1/account"
CREATE = "/magic_hour/v1/ai-image-generator"
BODY = {"image_count": 1, "style": {"prompt": "a sneaker"}}


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(clock=FrozenClock()).running() as sandbox:
        yield sandbox


def call(server: Sandbox, method: str, path: str, **options: Any) -> requests.Response:
    options = {"timeout": 10, "headers": {"Authorization": "Bearer sandbox"}, **options}
    return requests.request(method, server.url + path, **options)


def accepted(server: Sandbox) -> int:
    count: int = server.providers["magic_hour"].accepted
    return count


def test_every_call_is_logged_without_its_headers(server: Sandbox) -> None:
    call(server, "GET", READ, params={"a": "b"})
    assert list(server.traffic.calls) == [Call("GET", READ, "a=b")]


def test_a_status_replaces_the_answer_as_often_as_asked(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="status", path=READ, times=2))
    assert [call(server, "GET", READ).status_code for _ in range(3)] == [500, 500, 200]


def test_a_429_says_how_long_to_wait(server: Sandbox) -> None:
    fault = Fault(kind="status", path=READ, status=429, retry_after="7", body='{"message": "slow"}')
    server.traffic.faults.append(fault)
    response = call(server, "GET", READ)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.json() == {"message": "slow"}


def test_a_status_can_hide_work_that_was_done(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="status", path=CREATE, status=502, after_work=True))
    assert call(server, "POST", CREATE, json=BODY).status_code == 502
    assert accepted(server) == 1


def test_a_timeout_keeps_silent_and_then_works(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="timeout", path=READ, seconds=0.4))
    with pytest.raises(requests.ReadTimeout):
        call(server, "GET", READ, timeout=0.1)
    server.traffic.faults.append(Fault(kind="timeout", path=READ, seconds=0.1))
    assert call(server, "GET", READ).status_code == 200


def test_a_timeout_can_hide_work_that_was_done(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="timeout", path=CREATE, seconds=0.4, after_work=True))
    with pytest.raises(requests.ReadTimeout):
        call(server, "POST", CREATE, json=BODY, timeout=0.2)
    assert accepted(server) == 1
    server.traffic.faults.append(Fault(kind="timeout", path=CREATE, seconds=0.1, after_work=True))
    assert call(server, "POST", CREATE, json=BODY).json()["credits_charged"] == 5


def test_a_reset_does_the_work_and_answers_nothing(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="reset", path=CREATE))
    with pytest.raises(requests.ConnectionError):
        call(server, "POST", CREATE, json=BODY)
    assert accepted(server) == 1


def test_a_truncated_body_ends_in_the_middle(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="truncate", path=READ))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        call(server, "GET", READ)
    assert call(server, "GET", READ).json()["tier"] == "pro"


def test_a_fault_waits_for_its_path_and_method(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="status", path=CREATE, method="POST"))
    assert call(server, "GET", READ).status_code == 200
    assert call(server, "GET", CREATE).status_code == 405
    assert call(server, "POST", CREATE, json=BODY).status_code == 500


def test_faults_and_the_clock_are_moved_over_http(server: Sandbox) -> None:
    before = server.clock.now()
    call(server, "POST", "/_admin/clock", json={"advance": 90})
    assert (server.clock.now() - before).total_seconds() == 90
    call(server, "POST", "/_admin/faults", json={"kind": "status", "path": READ, "times": 9})
    assert call(server, "GET", READ).status_code == 500
    call(server, "DELETE", "/_admin/faults")
    assert call(server, "GET", READ).status_code == 200


def test_a_dropped_call_did_no_work(server: Sandbox) -> None:
    server.traffic.faults.append(Fault(kind="drop", path=CREATE))
    with pytest.raises(requests.ConnectionError):
        call(server, "POST", CREATE, json=BODY)
    assert accepted(server) == 0


def test_half_a_body_can_look_like_all_of_it(server: Sandbox) -> None:
    whole = call(server, "GET", READ)
    server.traffic.faults.append(Fault(kind="half", path=READ))
    half = call(server, "GET", READ)
    assert half.status_code == 200
    assert half.headers["Content-Length"] == str(len(half.content))
    assert half.content == whole.content[: len(whole.content) // 2]


def test_a_body_can_trickle_and_be_whole(server: Sandbox) -> None:
    whole = call(server, "GET", READ).content
    server.traffic.faults.append(Fault(kind="trickle", path=READ, seconds=0.2))
    with call(server, "GET", READ, stream=True) as response:
        first = response.raw.read1(len(whole))
        assert 0 < len(first) < len(whole)
        assert first + response.raw.read() == whole


def test_chaos_strikes_its_share_of_calls_and_counts_them_by_what_they_failed_by(
    server: Sandbox,
) -> None:
    statuses = (500, 429)

    def storm(calls: int) -> list[int]:
        faults = [
            {"kind": "status", "status": status, "path": "/magic_hour"} for status in statuses
        ]
        call(server, "POST", "/_admin/chaos", json={"share": 0.5, "seed": 7, "faults": faults})
        return [call(server, "GET", READ).status_code for _ in range(calls)]

    first = storm(60)
    assert {200, *statuses} == set(first)
    assert 15 < first.count(200) < 45
    assert storm(60) == first, "the same seed strikes the same calls"
    assert call(server, "GET", "/abyssale/ready").status_code == 200
    found = call(server, "DELETE", "/_admin/chaos").json()
    assert sum(found["failed"].values()) == 2 * (60 - first.count(200))
    assert {text.split()[0] for text in found["failed"]} == {"500", "429"}
    assert [call(server, "GET", READ).status_code for _ in range(9)] == [200] * 9
