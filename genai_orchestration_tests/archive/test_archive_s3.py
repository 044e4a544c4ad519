"""The archive on a real S3 API: moto's server, over real HTTP."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from genai_orchestration.archive.archiver import Archiver
from genai_orchestration.archive.fetch import Fetcher
from genai_orchestration.archive.refusals import ArchiveUnusable
from genai_orchestration.archive.store import open_store
from genai_orchestration.clock import now
from genai_orchestration.sandbox.png import picture
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.file_server import Answer, FileServer, wanted

BUCKET = "pictures"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 client, of a server with one bucket that the environment points at."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)  # one state per process
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()
    server.stop()


def archiver(provider: FileServer, settings: Settings) -> Archiver:
    fetcher = Fetcher(provider.url, settings.archive_limit, sleep=lambda seconds: None)
    return Archiver(fetcher=fetcher, store=open_store(settings), known={}, now=now)


def at(address: str) -> Settings:
    return Settings.load({"GENAI_ARCHIVE": address, "GENAI_HOME": "home"})


def objects(bucket: Any) -> dict[str, bytes]:
    listed = bucket.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {
        each["Key"]: bucket.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
        for each in listed
    }


def test_files_are_objects_by_their_content_below_the_prefix(
    bucket: Any, provider: FileServer, tmp_path: Path
) -> None:
    bodies = [picture(str(number), 24, 24) for number in range(20)]
    urls = [provider.serve(f"/{n}.png", Answer(body)) for n, body in enumerate(bodies)]
    keeping = archiver(provider, at(f"s3://{BUCKET}/genai/files"))
    rows = list(keeping.archive(wanted(url) for url in urls * 2))
    assert {row.state for row in rows} == {"archived"}
    names = {body: hashlib.sha256(body).hexdigest() for body in bodies}
    assert objects(bucket) == {
        f"genai/files/{name[:2]}/{name}.png": body for body, name in names.items()
    }
    assert {row.archived_path for row in rows} == {
        f"{name[:2]}/{name}.png" for name in names.values()
    }
    assert list((tmp_path / "home" / "incoming").iterdir()) == []


def test_what_is_there_is_not_sent_again_and_what_is_torn_is(
    bucket: Any, provider: FileServer
) -> None:
    body = picture("one", 24, 24)
    url = provider.serve("/a.png", Answer(body))
    on = {"Status": "Enabled"}
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=on)
    keeping = archiver(provider, at(f"s3://{BUCKET}"))
    (first,) = keeping.archive([wanted(url)])
    list(keeping.archive([wanted(url)]))
    assert len(bucket.list_object_versions(Bucket=BUCKET)["Versions"]) == 1
    key = str(first.archived_path)
    bucket.put_object(Bucket=BUCKET, Key=key, Body=body[:10])
    list(keeping.archive([wanted(url)]))
    assert objects(bucket) == {key: body}


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(
    bucket: Any, provider: FileServer
) -> None:
    url = provider.serve("/a.png", Answer(picture("one", 24, 24)))
    keeping = archiver(provider, at("s3://no-such-bucket/x"))
    with pytest.raises(ArchiveUnusable, match=r"The archive no-such-bucket/x cannot be written"):
        list(keeping.archive([wanted(url)]))


def test_missing_credentials_are_told_in_a_sentence(
    bucket: Any, provider: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    url = provider.serve("/a.png", Answer(picture("one", 24, 24)))
    with pytest.raises(ArchiveUnusable, match="cannot be written"):
        list(archiver(provider, at(f"s3://{BUCKET}")).archive([wanted(url)]))
