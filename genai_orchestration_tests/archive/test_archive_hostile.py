"""Hostile files and addresses: each refused with its reason, and nothing of it kept."""

import gzip
import socket
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.archive import hosts as archive_hosts
from genai_orchestration.archive.hosts import public
from genai_orchestration.sandbox.png import picture
from genai_orchestration_tests.support.doubles import replace
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    file_server,
    kept,
    one,
    wanted,
)

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>'
HTML = b"\xef\xbb\xbf\n  <!DOCTYPE html><html><script>x()</script></html>"


@pytest.fixture
def provider() -> Iterator[FileServer]:
    """The provider's own host."""
    with file_server() as running:
        yield running


@pytest.fixture
def stranger() -> Iterator[FileServer]:
    """Somebody else, inside the network."""
    with file_server() as running:
        running.serve("/secret.png", Answer(PNG))
        yield running


def refused(provider: FileServer, folder: Path, *sources: str, **more: Any) -> str:
    """The reason why a file is refused; nothing of it is left anywhere."""
    row = one(archiver(provider.url, folder).archive([wanted(*sources, **more)]))
    assert (row.state, row.archived_path, row.sha256) == ("refused", None, None), row
    assert kept(folder) == {}
    assert "?" not in f"{row.reason}{row.source_url}"
    return row.reason or ""


def png(width: int, height: int) -> bytes:
    """A small PNG that says it is of that size."""
    return PNG[:16] + struct.pack(">II", width, height) + PNG[24:]


def zipped() -> bytes:
    into = BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("../../evil.sh", "x")
    return into.getvalue()


FILES = {
    "SVG under an image name": (SVG, "It is SVG, which can run scripts"),
    "SVG without a declaration": (b"<svg onload='x()'/>", "It is SVG"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(64), "of no kind that is known"),
    "a script": (b"#!/bin/sh\nrm -rf /\n", "of no kind that is known"),
    "a zip where a picture is due": (zipped(), "It is application/zip, where a picture is due"),
    "a PDF where a picture is due": (b"%PDF-1.7 ...", "It is application/pdf, where a picture"),
    "a video where a picture is due": (
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        "It is video/mp4, where a picture",
    ),
    "a media file of another brand": (b"\0\0\0\x18ftypheic\0\0\0\0", "the brand b'heic'"),
    "a decompression bomb": (png(60_000, 60_000), "unfolds to 60000 x 60000 pixels"),
    "a bomb of one row": (png(2**31 - 1, 1), "unfolds to 2147483647 x 1 pixels"),
    "a picture without an extent": (png(0, 16), "it is 0 x 16 pixels"),
    "a WebP of another kind": (
        b"RIFF\x10\0\0\0WEBPabcd\x08\0\0\0" + bytes(8),
        "its header is broken",
    ),
    "a JPEG without a frame": (b"\xff\xd8\xff\xe0\0\x02JFIF\xff\xd9", "its header is broken"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_by_what_it_is(
    provider: FileServer, tmp_path: Path, name: str
) -> None:
    body, reason = FILES[name]
    url = provider.serve("/fox.png", Answer(body, headers={"Content-Type": "image/png"}))
    assert reason in refused(provider, tmp_path / "archive", url)


def test_a_file_over_the_limit_is_refused_by_its_length_before_it_is_read(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Length": "5000000"}))
    assert "It has 5,000,000 bytes; the limit is 1,000,000" in refused(provider, tmp_path, url)


def test_a_length_of_many_digits_is_over_the_limit_like_any_other(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Length": "9" * 6000}))
    assert "the limit is 1,000,000" in refused(provider, tmp_path, url)


def chunks(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    """A picture without a length and without an end."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    part = PNG + bytes(65536)
    try:
        while True:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    except OSError:
        handler.close_connection = True


def test_a_file_without_an_end_is_refused_at_the_limit(
    provider: FileServer, tmp_path: Path
) -> None:
    assert "more than 1,000,000 bytes" in refused(
        provider, tmp_path, provider.serve("/a.png", chunks)
    )


def test_a_body_that_is_packed_and_not_by_gzip_is_refused_and_was_not_asked_for(
    provider: FileServer, tmp_path: Path
) -> None:
    packed = zlib.compress(PNG)
    url = provider.serve("/a.png", Answer(packed, headers={"Content-Encoding": "deflate"}))
    assert "has packed it, which was not asked for" in refused(provider, tmp_path, url)
    assert provider.headers[0]["Accept-Encoding"] == "identity"


def test_a_body_that_gzip_has_packed_is_refused_where_it_unfolds_over_the_limit(
    provider: FileServer, tmp_path: Path
) -> None:
    """20 MB of zeros in 20 KB: unpacked a piece at a time, up to the limit and no further."""
    bomb = gzip.compress(PNG + bytes(20_000_000), 9)
    url = provider.serve("/a.png", Answer(bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        assert "more than 1,000,000 bytes" in refused(provider, tmp_path, url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


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


@pytest.mark.parametrize(
    "path", ["/../../../etc/cron.d/x.png", "/%2e%2e/%2e%2e/x.png", "/a\\..\\b"]
)
def test_a_name_that_climbs_never_reaches_the_disk(
    provider: FileServer, tmp_path: Path, path: str
) -> None:
    provider.serve("*", Answer(PNG, headers={"Content-Disposition": 'filename="../../x"'}))
    folder = tmp_path / "deep" / "archive"
    row = one(
        archiver(provider.url, folder).archive([wanted(provider.url + path, role="../../evil")])
    )
    assert row.state == "archived"
    assert list(kept(tmp_path)) == [f"deep/archive/{row.sha256[:2]}/{row.sha256}.png"]  # type: ignore[index]


def test_content_that_changes_under_one_id_goes_to_quarantine(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/assets/x.png", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    asked: dict[str, Any] = {"file_id": "asset-1", "constant": True}
    first = one(keeping.archive([wanted(url, **asked)]))
    provider.serve("/assets/x.png", Answer(picture("another", 16, 16)))
    second = one(keeping.archive([wanted(url, job_id="other", **asked)]))
    assert (first.state, second.state, second.archived_path) == ("archived", "refused", None)
    assert "The content of asset-1, which never changes, has changed" in (second.reason or "")
    names = sorted(kept(tmp_path))
    assert names[0] == first.archived_path
    assert names[1].startswith("quarantine/")
    assert len(names) == 2


def test_an_archived_file_stays_archived_when_its_source_is_another_or_gone(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/assets/x.png", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    first = one(keeping.archive([wanted(url, file_id="asset-1", constant=True)]))
    for answer in (Answer(picture("another", 16, 16)), Answer(HTML), Answer(b"", 404)):
        provider.serve("/assets/x.png", answer)
        again = wanted(url, file_id="asset-1", constant=True, before=first)
        row = one(keeping.archive([again]))
        assert (row.state, row.sha256, row.archived_at) == (
            "archived",
            first.sha256,
            first.archived_at,
        )
        assert row.reason
        assert row.attempts == 2


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
