"""Hostile addresses and redirects: each refused with its reason, and no secret is told to them."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.archive import hosts as archive_hosts
from genai_orchestration.archive.hosts import public
from genai_orchestration_tests.archive.hostile import chunks, refused
from genai_orchestration_tests.support.doubles import replace
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    file_server,
    one,
    wanted,
)


@pytest.fixture
def stranger() -> Iterator[FileServer]:
    """Somebody else, inside the network."""
    with file_server() as running:
        running.serve("/secret.png", Answer(PNG))
        yield running


HOSTS = (
    "127.0.0.1",
    "127.1",
    "2130706433",  # the same as one number
    "0x7f000001",
    "0177.0.0.1",
    "0",
    "localhost",
    "localhost.",
    "10.0.0.5",
    "172.16.9.9",
    "192.168.1.1",
    "169.254.169.254",  # a cloud's metadata
    "100.64.0.1",
    "224.0.0.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",  # 6to4
    "[fe80::1]",
    "[fc00::1]",
)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_inside_the_network_is_refused_however_it_is_written(
    provider: FileServer, stranger: FileServer, tmp_path: Path, host: str
) -> None:
    port = stranger.url.rpartition(":")[2]
    reason = refused(provider, tmp_path, f"http://{host}:{port}/secret.png?sig=s3cret")
    assert "which is not public, and is not the provider's own" in reason
    assert stranger.asked == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "Its address is file:, where http(s) is due."),
        ("ftp://example.com/a.png", "Its address is ftp:"),
        ("data:image/png;base64,AAAA", "Its address is data:"),
        ("javascript:x()", "Its address is javascript:"),
        ("/etc/passwd", "Its address is no:"),
        ("http:///a.png", "names no host"),
        ("http://127\u30020\u30020\u30021/a.png", "cannot be read"),  # dots of another script
        ("http://[::1/a.png", "cannot be read"),
        ("http://example.com:99999/a.png", "cannot be read"),
        ("http://user:s3cret@example.com/a.png", "holds a user name or a password"),
        ("http://example.com@127.0.0.1/a.png", "holds a user name or a password"),
    ],
)
def test_an_odd_address_is_refused(
    provider: FileServer, tmp_path: Path, url: str, reason: str
) -> None:
    said = refused(provider, tmp_path, url)
    assert reason in said
    assert "s3cret" not in said


def redirect(to: str, status: int = 302) -> Answer:
    return Answer(b"", status, {"Location": to})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_stranger_is_not_followed(
    provider: FileServer, stranger: FileServer, tmp_path: Path, status: int
) -> None:
    url = provider.serve("/a.png", redirect(f"{stranger.url}/secret.png", status))
    assert "which is not public" in refused(provider, tmp_path, url)
    assert stranger.asked == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "Its address is file:"),
        ("//169.254.169.254/latest/meta-data", "169.254.169.254, which is not public"),
        ("gopher://127.0.0.1:6379/x", "Its address is gopher:"),
        ("http://[::1", "redirected to an address that cannot be read"),
    ],
)
def test_a_redirect_to_an_odd_address_is_not_followed(
    provider: FileServer, tmp_path: Path, location: str, reason: str
) -> None:
    url = provider.serve("/a.png", redirect(location))
    assert reason in refused(provider, tmp_path, url)


def test_the_body_of_a_redirect_is_never_read(provider: FileServer, tmp_path: Path) -> None:
    def moved(handler: BaseHTTPRequestHandler) -> None:
        chunks(handler, 302, Location="/b.png")

    url = provider.serve("/a.png", moved)
    provider.serve("/b.png", Answer(PNG))
    assert one(archiver(provider.url, tmp_path).archive([wanted(url)])).state == "archived"


def test_three_redirects_are_followed_and_a_fourth_is_not(
    provider: FileServer, tmp_path: Path
) -> None:
    for number in range(4):
        provider.serve(f"/{number}.png", redirect(f"/{number + 1}.png"))
    provider.serve("/4.png", Answer(PNG))
    assert "redirected more than 3 times" in refused(provider, tmp_path, f"{provider.url}/0.png")
    row = one(archiver(provider.url, tmp_path).archive([wanted(f"{provider.url}/1.png")]))
    assert row.state == "archived"


def test_a_redirect_that_never_ends_is_refused(provider: FileServer, tmp_path: Path) -> None:
    url = provider.serve("/a.png", redirect("/a.png"))
    assert "redirected more than 3 times" in refused(provider, tmp_path, url)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these addresses, one answer after the other; who is connected to."""
    left, connected = list(answers), list[str]()

    def getaddrinfo(host: str, port: int, **more: Any) -> list[Any]:
        addresses = left.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    def connect(address: tuple[str, int], *more: Any, **others: Any) -> socket.socket:
        connected.append(address[0])
        raise OSError("this test has no internet")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    replace(monkeypatch, archive_hosts, "create_connection", connect)
    return connected


def test_a_name_that_stands_for_a_host_inside_is_refused(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = resolving(monkeypatch, ["10.1.2.3"])
    assert "cdn.example is at 10.1.2.3" in refused(
        provider, tmp_path, "https://cdn.example/a.png?sig=1"
    )
    assert connected == []


def test_a_name_with_one_address_inside_among_public_ones_is_refused(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = resolving(monkeypatch, ["93.184.216.34", "127.0.0.1"])
    assert "is at 127.0.0.1" in refused(provider, tmp_path, "https://cdn.example/a.png")
    assert connected == []


def test_a_name_that_resolves_otherwise_a_moment_later_gains_nothing(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was checked is the one that is connected to: it is looked up once."""
    connected = resolving(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    row = one(
        archiver(provider.url, tmp_path).archive([wanted("http://cdn.example/a.png?sig=s3cret")])
    )
    assert connected == ["93.184.216.34"]
    assert row.state == "refused"  # by the second attempt, which finds it at 127.0.0.1
    assert "127.0.0.1" in (row.reason or "")
    assert "s3cret" not in f"{row}"


def test_the_providers_own_host_is_its_own_on_its_own_port_alone(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG))
    other = url.replace("127.0.0.1", "localhost")
    assert "is not the provider's own" in refused(provider, tmp_path, other)
    assert one(archiver(provider.url, tmp_path).archive([wanted(url)])).state == "archived"


def test_no_key_cookie_or_netrc_entry_goes_to_a_host_of_files(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    provider.serve("/a.png", Answer(b"", 302, {"Location": "/b.png", "Set-Cookie": "id=1"}))
    provider.serve("/b.png", Answer(PNG, headers={"Set-Cookie": "id=2"}))
    keeping = archiver(provider.url, tmp_path / "archive")
    rows = list(keeping.archive([wanted(f"{provider.url}/{name}.png") for name in "ab"]))
    assert [row.state for row in rows] == ["archived", "archived"]
    assert len(provider.headers) == 3
    for headers in provider.headers:
        assert not {"Authorization", "Cookie", "Proxy-Authorization"} & set(headers)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "8.8.8.8"]
)
def test_the_public_internet_is_public(address: str) -> None:
    assert public(address)
