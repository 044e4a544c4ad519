"""Behind a company's proxy: this machine is asked directly, and a proxy in the way is named."""

import pytest

from genai_orchestration.doors.loopback import ask_directly, is_loopback
from genai_orchestration.providers.http import ReadClient, RetryPolicy
from genai_orchestration.providers.paid import NotNow, PaidClient
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.support.command import genai

PROXY = "http://user:hunter2@127.0.0.1:9"  # nobody listens there
NAMED = "by way of the proxy 127.0.0.1:9 of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, PROXY)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # what is set here is undone, whatever a command sets


def test_the_doctor_finds_the_sandbox_well(sandbox: Sandbox) -> None:
    said = genai("doctor")
    assert (said.code, said.err) == (0, ""), said
    assert sandbox.traffic.calls


def test_reads_and_paid_requests_reach_this_machine_without_the_command(sandbox: Sandbox) -> None:
    url = sandbox.base_url("magic_hour").replace("127.0.0.1", "localhost")
    for base_url in (sandbox.base_url("magic_hour"), url):
        reads = ReadClient("Magic Hour", "magic_hour_source", f"{base_url}/v1")
        with pytest.raises(Exception, match="answered 401"):  # it is reached, and wants a key
            reads.get_object("account")
        with pytest.raises(Exception, match="answered 401"):
            PaidClient(reads).post("ai-image-generator", {})


def test_a_proxy_in_the_way_is_named_without_its_password() -> None:
    once = RetryPolicy(attempts=1, longest_wait=0, timeouts=(5, 5))
    for scheme in ("http", "https"):
        url = f"{scheme}://images.example.com"
        reads = ReadClient("ImagineAPI", "imagine_api_source", url, policy=once)
        with pytest.raises(Unavailable) as read:
            reads.get_object("items/images")
        with pytest.raises(NotNow) as paid:
            PaidClient(reads).post("items/images", {})
        for caught in (read, paid):
            assert NAMED in str(caught.value)
            assert "hunter2" not in str(caught.value)


def test_a_proxy_that_is_not_asked_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "images.example.com,127.0.0.1")
    monkeypatch.setenv("no_proxy", "images.example.com,127.0.0.1")
    once = RetryPolicy(attempts=1, longest_wait=0, timeouts=(5, 5))
    reads = ReadClient("ImagineAPI", "imagine_api_source", "http://127.0.0.1:9", policy=once)
    with pytest.raises(Unavailable) as caught:
        reads.get_object("items/images")
    assert "proxy" not in str(caught.value)


def test_libraries_with_sessions_of_their_own_are_kept_from_it(sandbox: Sandbox) -> None:
    environment = {"NO_PROXY": "corp.example.com", "HTTP_PROXY": PROXY}
    ask_directly(environment)
    ask_directly(environment)  # once more changes nothing
    assert environment["NO_PROXY"] == "corp.example.com,127.0.0.1,localhost,::1"
    assert environment["no_proxy"] == environment["NO_PROXY"]
    everything = {"no_proxy": "*"}
    ask_directly(everything)
    assert everything == {"no_proxy": "*"}


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8123/x", True),
        ("http://127.9.9.9", True),
        ("http://localhost", True),
        ("http://a.localhost:1", True),
        ("http://[::1]:1", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("https://example.com/127.0.0.1", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
