"""The guard: which requests are refused, by their headers; the sandbox stands behind it."""

import pytest
import requests
from starlette.datastructures import Headers

from genai_orchestration.doors.guard import refusal
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import hosts

OWN = "127.0.0.1:3000"
JSON = {"content-type": "application/json"}
PROXY = ("genai.example.com", "other.example.com:8443")


def status(method: str = "GET", host: str | None = OWN, **headers: str) -> int:
    """The status of the refusal; 200 for none. `_` in a name stands for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    refused = refusal(method, Headers({**sent, **({"host": host} if host else {})}), PROXY)
    return refused[0] if refused else 200


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost:1", "[::1]", "[::1]:3000", "LOCALHOST", *PROXY, f"{PROXY[0]}:443"],
)
def test_known_names_are_served_on_any_port(host: str) -> None:
    assert status(host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "::1"),
        *("localhost@evil.example", "evil.example:80", "localhost:80:80", "127.0.0.2", "[::2]"),
        *("other.example.com", "xgenai.example.com", "genai.example.com.", "local host"),
    ],
)
def test_any_other_name_is_not(host: str | None) -> None:
    assert status(host=host) == 403


def test_two_host_headers_are_not_served() -> None:
    twice = Headers(raw=[(b"host", b"127.0.0.1"), (b"host", b"evil.example")])
    assert refusal("GET", twice)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:3000", OWN),
        ("http://localhost:3000", "localhost:3000"),
        ("https://genai.example.com", "genai.example.com"),
        ("https://genai.example.com", OWN),  # a proxy that asks under this machine's own name
        ("https://other.example.com:8443", OWN),
    ],
)
def test_its_own_pages_may_ask(origin: str, host: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert status(method, host, origin=origin) == 200


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:3001"),
        *("http://localhost:3000", "http://127.0.0.1:3000.evil.example", "file://127.0.0.1:3000"),
        *("https://other.example.com", "http://evil.example/127.0.0.1:3000", "127.0.0.1:3000"),
    ],
)
def test_no_other_page_may(origin: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert status(method, origin=origin, **JSON) == 403


def test_two_origins_are_both_looked_at() -> None:
    own, foreign = (b"origin", f"http://{OWN}".encode()), (b"origin", b"http://evil.example")
    for origins in ([own, foreign], [foreign, own]):
        assert refusal("GET", Headers(raw=[(b"host", OWN.encode()), *origins]))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything-new"])
def test_what_the_browser_says_comes_from_another_site_is_refused_but_for_a_link(site: str) -> None:
    link = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert status(**link) == 200
    assert status(sec_fetch_site=site) == 403
    assert status("POST", **link, **JSON) == 403
    for kind in ("iframe", "image", "script", "empty"):
        assert status(**{**link, "sec_fetch_dest": kind}) == 403
    for own in ("same-origin", "none"):
        assert status("POST", sec_fetch_site=own, **JSON) == 200


def test_a_post_that_a_form_can_send_needs_an_origin_or_a_key() -> None:
    for kind in ("", "text/plain", "text/plain; application/json", "multipart/form-data; a=json"):
        assert status("POST", content_type=kind) == 415
        assert status("POST", content_type=kind, origin=f"http://{OWN}") == 200
        assert status("POST", content_type=kind, x_api_key="k") == 200
        assert status("POST", content_type=kind, authorization="Bearer k") == 200
        assert status("POST", content_type=kind, authorization="Basic k") == 415  # sent by browsers
    for kind in ("application/json", "Application/JSON; charset=utf-8", "image/png"):
        assert status("POST", content_type=kind) == 200


def test_the_setting_takes_names_as_people_write_them() -> None:
    written = {"GENAI_HOSTS": " Genai.example.com, https://other.example.com:8443/ui , "}
    assert hosts(written) == PROXY
    assert hosts({}) == ()


def test_the_sandbox_and_its_admin_routes_stand_behind_it(sandbox: Sandbox) -> None:
    before = sandbox.clock.now()
    clock, read = f"{sandbox.url}/_admin/clock", f"{sandbox.base_url('magic_hour')}/v1/account"
    move = {"advance": 3600}
    key = {"Authorization": f"Bearer {KEY}"}
    assert requests.get(read, headers=key, timeout=10).ok
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert requests.post(clock, json=move, headers=headers, timeout=10).status_code == 403
        refused = requests.get(read, headers={**key, **headers}, timeout=10)
        assert refused.status_code == 403
        assert requests.delete(f"{sandbox.url}/_admin/faults", headers=headers).status_code == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        sent = requests.post(clock, data='{"advance": 9}', headers={"Content-Type": kind})
        assert sent.status_code == 415
    assert sandbox.clock.now() == before


def test_the_sandboxs_pictures_are_shown_by_other_pages_and_nothing_else_is(
    sandbox: Sandbox,
) -> None:
    row = requests.get(
        f"{sandbox.base_url('imagine_api')}/items/images",
        params={"filter": '{"status": {"_eq": "completed"}}', "limit": "1"},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    ).json()["data"][0]
    page = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert requests.get(row["url"], headers=page, timeout=10).status_code == 200
    script = {**page, "Sec-Fetch-Dest": "script"}
    assert requests.get(row["url"], headers=script, timeout=10).status_code == 403
    post = requests.post(f"{sandbox.url}/_admin/clock", json={}, headers=page, timeout=10)
    assert post.status_code == 403
