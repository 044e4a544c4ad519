"""Files over TLS: whose certificate is believed, and what is said of any other."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.archive.rows import FileRow
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    file_server,
    one,
    wanted,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this computer that nobody but itself has signed, with its key."""
    path: Path = tmp_path_factory.mktemp("certificates") / "own.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=own"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.pem"]
    subprocess.run([*made, *named], check=True, capture_output=True)
    with path.open("a") as file:
        file.write(Path(f"{path}.pem").read_text())
    subprocess.run(["openssl", "rehash", path.parent], check=True, capture_output=True)
    return path


@pytest.fixture
def provider(certificate: Path) -> Iterator[FileServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with file_server(context) as running:
        running.serve("/a.png", Answer(PNG))
        yield running


def fetched(provider: FileServer, folder: Path) -> FileRow:
    return one(archiver(provider.url, folder).archive([wanted(f"{provider.url}/a.png")]))


def test_a_certificate_of_a_stranger_is_not_believed(provider: FileServer, tmp_path: Path) -> None:
    row = fetched(provider, tmp_path)
    assert row.state == "failed"
    assert row.reason == "127.0.0.1 does not answer as it should (the TLS handshake failed)."
    assert provider.asked == []


@pytest.mark.parametrize("folder", [False, True])
def test_certificates_of_ones_own_are_believed(
    provider: FileServer,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: bool,
) -> None:
    bundle = certificate.parent if folder else certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert fetched(provider, tmp_path).state == "archived"


def test_a_bundle_that_is_not_there_fails_no_other_way(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    assert fetched(provider, tmp_path).state == "failed"
