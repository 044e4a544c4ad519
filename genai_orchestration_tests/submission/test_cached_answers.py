"""A cache in front of ImagineAPI, as Directus has one that ignores no-store: it proves nothing."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration.submission.post import SubmissionResult
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.lines import IMAGINE, Time, approve, fail, line

PASSED_ON = ("Authorization", "Content-Type", "Accept")


class Cache(ThreadingHTTPServer):
    """Answers each GET as it did the first time, for ever; POSTs go through."""

    daemon_threads = True

    def __init__(self, origin: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin, self.kept = origin, dict[str, requests.Response]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Cache

    def do_GET(self) -> None:
        if self.path not in self.server.kept:
            self.server.kept[self.path] = self._ask(None)
        self._answer(self.server.kept[self.path])

    def do_POST(self) -> None:
        self._answer(self._ask(self.rfile.read(int(self.headers["Content-Length"]))))

    def _ask(self, body: bytes | None) -> requests.Response:
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        url = f"{self.server.origin}{self.path}"
        return requests.request(self.command, url, data=body, headers=headers, timeout=30)

    def _answer(self, answer: requests.Response) -> None:
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def cache(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    with Cache(sandbox.base_url("imagine_api")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__BASE_URL", server.url)
        yield server
        server.shutdown()


def id_of(key: str) -> str:
    """The id that the image of a request gets."""
    assert IMAGINE.submitter
    submitter = IMAGINE.submitter()
    assert isinstance(submitter, ImagineApiSubmitter)
    return submitter.image_id(key)


def arrive(sandbox: Sandbox, key: str) -> str:
    """The image of a request, which a slow server makes after its gateway has given up."""
    image_id = id_of(key)
    image = {"id": image_id, "ref": key, "prompt": f"a fox {key}"}
    url = f"{sandbox.base_url('imagine_api')}/items/images"
    headers = {"Authorization": "Bearer sandbox"}
    requests.post(url, json=image, headers=headers, timeout=30).raise_for_status()
    return image_id


def test_an_image_that_a_cache_does_not_know_yet_is_found_and_not_made_again(
    ledger: Ledger, sandbox: Sandbox, cache: Cache
) -> None:
    time = Time(sandbox)
    approve(ledger, IMAGINE, time, "a")
    fail(sandbox, IMAGINE, status=502)
    assert line(ledger, IMAGINE, time).submit() == SubmissionResult(unknown=["a"])
    made = arrive(sandbox, "a")
    before = lines.posts(sandbox, IMAGINE)
    sandbox.clock.advance(timedelta(minutes=3).total_seconds())
    line(ledger, IMAGINE, time).submit()
    assert ledger.request("a").state is RequestState.SUBMITTED
    assert ledger.request("a").provider_job_id == made
    assert lines.posts(sandbox, IMAGINE) == before


def test_an_image_that_a_cache_does_not_know_yet_is_not_gone(
    sandbox: Sandbox, cache: Cache
) -> None:
    [kind] = IMAGINE.job_kinds
    reader, image_id = kind.connect(SENSOR_POLICY), id_of("a")
    assert reader.report(image_id).state is JobState.GONE
    arrive(sandbox, "a")
    assert reader.report(image_id).state is not JobState.GONE
